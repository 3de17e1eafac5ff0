"""One call to Twilio's API, never repeated, and what each way it can end means for us."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from requests import RequestException, Session
from twilio.base.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    TwilioException,
    TwilioRestException,
    TwilioServiceException,
)
from twilio.http.http_client import TwilioHttpClient  # pyright: ignore[reportMissingTypeStubs]
from twilio.http.response import Response  # pyright: ignore[reportMissingTypeStubs]
from twilio.rest import Client  # pyright: ignore[reportMissingTypeStubs]

from medsync_app.connections.http import is_loopback, never_left, seconds_asked
from medsync_app.connections.protocol import (
    CALL_SECONDS,
    Accepted,
    Failure,
    Found,
    LookUpFailed,
    SendFailed,
)
from medsync_app.connections.twilio.errors import OPTED_OUT, PERMANENT, classify
from medsync_app.domain.lost_answers import CLOCK_SLACK

#: The part of a call's time after which a connection that did not come about is given up.
_CONNECTING = 0.4


class _HttpClient(TwilioHttpClient):
    """The library's client at another address, keeping the answer's headers; it never repeats a request."""

    def __init__(self, api_url: str, seconds: float) -> None:
        super().__init__(pool_connections=True, timeout=seconds, max_retries=0)
        # The wait for a connection comes before that for the answer: together they must end below the lease.
        self.timeout: Any = (_CONNECTING * seconds, seconds)
        self._target = urlsplit(api_url)
        #: Of the last answer.
        self.status = 0
        self.retry_after: float | None = None

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        parts = urlsplit(url)
        moved = urlunsplit(parts._replace(scheme=self._target.scheme, netloc=self._target.netloc))
        response = super().request(method, moved, *args, **kwargs)
        self.status = response.status_code
        self.retry_after = seconds_asked(cast("dict[str, str]", response.headers or {}))
        return response

    def log_request(self, kwargs: dict[str, Any]) -> None:
        """The library's request log would carry numbers and texts."""

    def log_response(self, status_code: int, response: Any) -> None:
        """See log_request."""


class TwilioApi:
    """An account at Twilio, at its own address or at a local server in tests."""

    def __init__(
        self, *, account_sid: str, auth_token: str, api_url: str, seconds: float = CALL_SECONDS
    ) -> None:
        self.loopback = is_loopback(api_url)
        self._account, self._token, self._api_url, self._seconds = account_sid, auth_token, api_url, seconds

    @contextmanager
    def creating(self) -> Generator[Client]:
        """A client for one create request; whatever breaks it comes out as SendFailed."""
        client, http = self._client()
        try:
            yield client
        except (TwilioRestException, TwilioServiceException) as error:
            raise _refused(http.status, error.code, http.retry_after) from None
        except (RequestException, TwilioException, ValueError) as error:
            raise _broken(error) from None
        finally:
            cast(Session, http.session).close()

    @contextmanager
    def asking(self) -> Generator[Client]:
        """A client for a question; whatever breaks it comes out as LookUpFailed."""
        client, http = self._client()
        try:
            yield client
        except (RequestException, TwilioException, ValueError) as error:
            raise LookUpFailed(f"Twilio could not be asked ({type(error).__name__}).") from None
        finally:
            cast(Session, http.session).close()

    def _client(self) -> tuple[Client, _HttpClient]:
        http = _HttpClient(self._api_url, self._seconds)
        return Client(self._account, self._token, http_client=http), http


def accepted(sid: str | None) -> Accepted:
    """The acceptance with Twilio's id; without one nobody knows whether there is an acceptance."""
    if not sid:
        raise SendFailed(Failure.IN_DOUBT, "Twilio's answer could not be read.")
    return Accepted(sid)


def found_since(
    sid: str | None, created: datetime | None, since: datetime, body: str | None = None
) -> list[Found]:
    """The entry of Twilio's list when it was created after an instant, else nothing."""
    if not sid or created is None:
        return []
    at = created if created.tzinfo else created.replace(tzinfo=UTC)
    return [Found(sid, at, body)] if at >= since - CLOCK_SLACK else []


def _refused(status: int, code: object, retry_after: float | None) -> SendFailed:
    # Where an answer has no code of Twilio's, as that of a proxy, the library puts the status in its place.
    known = code if isinstance(code, int) and code not in (0, status) else None
    failure = classify(status, known)
    return SendFailed(
        failure,
        f"Twilio answered {status}" + (f" with code {known}." if known else "."),
        code=str(known or f"http_{status}"),
        retry_after=retry_after,
        opted_out=known == OPTED_OUT,
        bad_address=known in PERMANENT,
    )


def _broken(error: Exception) -> SendFailed:
    """A request without a readable answer: transient only when it surely never left this machine."""
    if never_left(error):
        return SendFailed(Failure.TRANSIENT, "Twilio could not be reached.", code="not_connected")
    return SendFailed(
        Failure.IN_DOUBT, f"The answer of Twilio was lost ({type(error).__name__}).", code="answer_lost"
    )
