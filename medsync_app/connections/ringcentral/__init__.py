"""Faxes through RingCentral: a token by JWT, then a multipart request with a JSON part and the PDF."""

import json

from medsync_app.connections.http import is_loopback, request
from medsync_app.connections.outside import Letter, Placed
from medsync_app.connections.protocol import Failure, SendFailed

_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class RingCentralFax:
    """One account's fax extension. The token is asked for with each fax: there are few of them."""

    def __init__(self, *, client_id: str, client_secret: str, jwt: str, api_url: str) -> None:
        self._id, self._secret, self._jwt, self._api = client_id, client_secret, jwt, api_url.rstrip("/")
        self.loopback = is_loopback(api_url)

    def send(self, letter: Letter, job_id: str) -> Placed:
        token = self._token()
        about = {"to": [{"phoneNumber": letter.to}], "faxResolution": "High", "coverIndex": 0}
        answer = request(
            "RingCentral", "POST", f"{self._api}/restapi/v1.0/account/~/extension/~/fax",
            headers={"Authorization": f"Bearer {token}"},
            files=[
                ("json", ("request.json", json.dumps(about), "application/json")),
                ("attachment", ("request.pdf", letter.pdf, "application/pdf")),
            ],
        )  # fmt: skip
        if not answer.get("id"):
            raise SendFailed(Failure.IN_DOUBT, "RingCentral's answer could not be read.", code="unreadable")
        return Placed(str(answer["id"]))

    def _token(self) -> str:
        """Nothing is sent with this request: whatever breaks it may be tried again."""
        try:
            answer = request(
                "RingCentral", "POST", f"{self._api}/restapi/oauth/token", auth=(self._id, self._secret),
                data={"grant_type": _GRANT, "assertion": self._jwt},
            )  # fmt: skip
        except SendFailed as failed:
            if failed.failure is Failure.IN_DOUBT:
                raise SendFailed(Failure.TRANSIENT, failed.message, code=failed.code) from None
            refused = failed.code == "http_400"
            raise SendFailed(
                Failure.CONFIGURATION if refused else failed.failure, failed.message, code=failed.code,
                retry_after=failed.retry_after,
            ) from None  # fmt: skip
        token = answer.get("access_token")
        if not token:
            raise SendFailed(Failure.TRANSIENT, "RingCentral gave no token.", code="no_token")
        return str(token)
