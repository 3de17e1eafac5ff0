"""Structured logs without patient data: one JSON object a line, on stderr."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

#: The only keys a log line may carry besides those structlog adds: ids, counts and codes, never content.
ALLOWED = frozenset({
    "event", "level", "timestamp", "logger", "error_id", "error_type", "where", "pharmacy_id", "patient_id", "cycle_id",
    "action_id", "attempt_id", "run_id", "staff_id", "handler", "state", "outcome", "code", "count", "counts", "owner",
    "seconds", "duration_ms", "channel", "kind", "step", "path", "method", "status", "chain", "sequence", "mac", "port",
    "version", "file_size", "rows",
})  # fmt: skip
#: Libraries that print by a handler of their own when they start before `configure`, payload and all.
OWN_HANDLERS = ("engineio.server", "engineio.client", "socketio.server", "socketio.client", "reflex")
_PHONE = re.compile(r"\+?\d[\d\-. ()]{7,}\d")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def redact(text: str) -> str:
    """The text with phone numbers, long digit runs and e-mail addresses replaced."""
    return _EMAIL.sub("[e-mail]", _PHONE.sub("[number]", text))


def _only_allowed(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every key that is not on the list and redact the text of what is left."""
    kept: dict[str, Any] = {}
    for key, value in entry.items():
        if key in ALLOWED or key.startswith("_"):
            kept[key] = redact(value) if isinstance(value, str) and key == "event" else value
    dropped = sorted(key for key in entry if key not in kept)
    if dropped:
        kept["dropped_keys"] = dropped
    return kept


class _RedactingFilter(logging.Filter):
    """Libraries log whole payloads, Reflex an event with its cookie as one finished text: drop their content.

    What stays is who wrote it and where, the kind of an error, and of a text with arguments the words before
    the first of them.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        where = f"{record.name}: {record.module}:{record.lineno}"
        if record.exc_info and record.exc_info[0] is not None:
            where += f" {record.exc_info[0].__name__}"
        elif record.args:
            where += " " + redact(str(record.msg).split("%", 1)[0].strip())[:200]
        record.msg, record.args = where, ()
        record.exc_info = record.exc_text = record.stack_info = None
        return True


def configure(level: str = "info") -> None:
    """Send structured logs and the libraries' own, both redacted, to stderr."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_allowed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_RedactingFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OWN_HANDLERS:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True


def get_logger() -> Any:
    """The logger of MedSync; every key must be in ALLOWED."""
    return structlog.get_logger()
