"""One HTTP request to another program, never repeated here, and what each way it can end means for us."""

from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError

from medsync_app.connections.protocol import CALL_SECONDS, Failure, SendFailed

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: The account, the key or the place was refused: a person corrects it.
_SETTINGS = frozenset({401, 403, 404, 410})
_LATER = frozenset({429, 503})


def is_loopback(url: str) -> bool:
    """Whether a request to that address stays on this machine."""
    return (urlsplit(url).hostname or "") in _LOOPBACK


def request(who: str, method: str, url: str, *, seconds: float = CALL_SECONDS, **more: Any) -> dict[str, Any]:
    """The answer's JSON object ({} when it has none); SendFailed, naming `who`, for everything but 2xx."""
    try:
        answer = requests.request(method, url, timeout=seconds, allow_redirects=False, **more)
    except requests.RequestException as error:
        raise _broken(who, error) from None
    if not 200 <= answer.status_code < 300:
        raise _refused(who, answer.status_code, answer.headers)
    try:
        body = answer.json()
    except ValueError:
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _refused(who: str, status: int, headers: Mapping[str, str]) -> SendFailed:
    failure = Failure.PERMANENT
    if status in _SETTINGS:
        failure = Failure.CONFIGURATION
    elif status in _LATER:
        failure = Failure.TRANSIENT
    elif status >= 500:
        failure = Failure.IN_DOUBT
    after = headers.get("Retry-After", "")
    return SendFailed(
        failure, f"{who} answered {status}.", code=f"http_{status}",
        retry_after=float(after) if after.isdigit() else None,
    )  # fmt: skip


def _broken(who: str, error: Exception) -> SendFailed:
    """Transient only when the request surely never left this machine."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    left = not isinstance(error, ConnectTimeout) and not (
        isinstance(error, RequestsConnectionError)
        and isinstance(cause, NewConnectionError | NameResolutionError)
    )
    if left:
        return SendFailed(Failure.IN_DOUBT, f"The answer of {who} was lost.", code="answer_lost")
    return SendFailed(Failure.TRANSIENT, f"{who} could not be reached.", code="not_connected")
