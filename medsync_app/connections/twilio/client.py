"""One call to Twilio's API, never repeated, and what each way it can end means for us."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from requests import RequestException, Session
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout
from twilio.base.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    TwilioException,
    TwilioRestException,
)
from twilio.http.http_client import TwilioHttpClient  # pyright: ignore[reportMissingTypeStubs]
from twilio.http.response import Response  # pyright: ignore[reportMissingTypeStubs]
from twilio.rest import Client  # pyright: ignore[reportMissingTypeStubs]
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

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

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class _HttpClient(TwilioHttpClient):
    """The library's client at another address, keeping the answer's headers; it never repeats a request."""

    def __init__(self, api_url: str, seconds: float) -> None:
        super().__init__(pool_connections=True, timeout=seconds, max_retries=0)
        self._target = urlsplit(api_url)
        self.retry_after: float | None = None

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        parts = urlsplit(url)
        moved = urlunsplit(parts._replace(scheme=self._target.scheme, netloc=self._target.netloc))
        response = super().request(method, moved, *args, **kwargs)
        self.retry_after = _seconds(cast("dict[str, str]", response.headers or {}).get("Retry-After"))
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
        self.loopback = (urlsplit(api_url).hostname or "") in _LOOPBACK
        self._account, self._token, self._api_url, self._seconds = account_sid, auth_token, api_url, seconds

    @contextmanager
    def creating(self) -> Generator[Client]:
        """A client for one create request; whatever breaks it comes out as SendFailed."""
        client, http = self._client()
        try:
            yield client
        except TwilioRestException as error:
            raise _refused(error, http.retry_after) from None
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


def _refused(error: TwilioRestException, retry_after: float | None) -> SendFailed:
    code = error.code if isinstance(error.code, int) and error.code else None
    failure = classify(error.status, code)
    if 200 <= error.status < 300:
        failure = Failure.IN_DOUBT
    return SendFailed(
        failure,
        f"Twilio answered {error.status}" + (f" with code {code}." if code else "."),
        code=str(code or f"http_{error.status}"),
        retry_after=retry_after,
        opted_out=code == OPTED_OUT,
        bad_address=code in PERMANENT,
    )


def _broken(error: Exception) -> SendFailed:
    """A request without a readable answer: transient only when it surely never left this machine."""
    if isinstance(error, ConnectTimeout) or (
        isinstance(error, RequestsConnectionError) and _never_connected(error)
    ):
        return SendFailed(Failure.TRANSIENT, "Twilio could not be reached.", code="not_connected")
    return SendFailed(
        Failure.IN_DOUBT, f"The answer of Twilio was lost ({type(error).__name__}).", code="answer_lost"
    )


def _never_connected(error: Exception) -> bool:
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(cause, NewConnectionError | NameResolutionError)


def _seconds(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return None
