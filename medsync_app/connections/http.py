"""One HTTP request to another program, never repeated here, and what each way it can end means for us."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
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
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]+)?")
#: Nobody is asked to wait longer than a day, whatever the answer says.
_LONGEST_ASKED = 86_400.0


def is_loopback(url: str) -> bool:
    """Whether a request to that address stays on this machine."""
    return (urlsplit(url).hostname or "") in _LOOPBACK


def never_left(error: Exception) -> bool:
    """Whether a request that broke so surely never left this machine."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(error, ConnectTimeout) or (
        isinstance(error, RequestsConnectionError)
        and isinstance(cause, NewConnectionError | NameResolutionError)
    )


def seconds_asked(headers: Mapping[str, str]) -> float | None:
    """The wait that an answer's Retry-After asks for, 0 .. a day; None without one that can be read.

    A date (RFC 9110, 10.2.3) counts from the answer's own Date, so that clocks need not agree.
    """
    after = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(after):
        return min(float(after), _LONGEST_ASKED)
    until, said = _instant(after), _instant(headers.get("Date", ""))
    if until is None:
        return None
    return min(max((until - (said or datetime.now(UTC))).total_seconds(), 0.0), _LONGEST_ASKED)


def _instant(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


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
    return SendFailed(
        failure, f"{who} answered {status}.", code=f"http_{status}", retry_after=seconds_asked(headers)
    )


def _broken(who: str, error: Exception) -> SendFailed:
    if never_left(error):
        return SendFailed(Failure.TRANSIENT, f"{who} could not be reached.", code="not_connected")
    return SendFailed(Failure.IN_DOUBT, f"The answer of {who} was lost.", code="answer_lost")
