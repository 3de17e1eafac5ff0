"""Sends text messages through Twilio, one attempt per call, and looks up those whose answer was lost."""

from datetime import datetime
from typing import Any

from medsync_app.connections.protocol import Accepted, Found, Outgoing
from medsync_app.connections.twilio.client import TwilioApi, accepted, found_since


class TwilioSms:
    """Text messages by Twilio's Messages resource."""

    live = True
    can_look_up = True

    def __init__(
        self,
        api: TwilioApi,
        *,
        callback_url: str,
        from_number: str | None = None,
        messaging_service_sid: str | None = None,
    ) -> None:
        """`callback_url` is our public address; the attempt id is put behind /twilio/status/."""
        self.loopback = api.loopback
        self._api, self._callback_url = api, callback_url
        self._sender: dict[str, str] = (
            {"messaging_service_sid": messaging_service_sid}
            if messaging_service_sid
            else {"from_": from_number or ""}
        )

    def send(self, message: Outgoing) -> Accepted:
        extra: dict[str, Any] = {}
        if message.valid_seconds is not None:
            extra["validity_period"] = max(1, min(message.valid_seconds, 36_000))
        with self._api.creating() as client:
            created = client.messages.create(
                to=message.to, body=message.body, status_callback=self.status_url(message.attempt_id),
                **self._sender, **extra,
            )  # fmt: skip
        return accepted(created.sid)

    def status_url(self, attempt_id: str) -> str:
        """Where Twilio tells what became of an attempt."""
        return f"{self._callback_url}/twilio/status/{attempt_id}"

    def look_up(self, to: str, since: datetime) -> list[Found]:
        with self._api.asking() as client:
            messages = client.messages.list(to=to, limit=50)
        return [one for m in messages for one in found_since(m.sid, m.date_created, since, m.body)]
