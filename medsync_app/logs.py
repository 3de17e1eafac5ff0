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
_PHONE = re.compile(r"\+?\d[\d\-. ()]{7,}\d")
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


def redact(text: str) -> str:
    """The text with phone numbers, long digit runs and e-mail addresses replaced."""
    return _EMAIL.sub("[e-mail]", _PHONE.sub("[number]", text))


def _only_allowed(
    _logger: Any, _method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop every key that is not on the list and redact the text of what is left."""
    kept: dict[str, Any] = {}
    for key, value in entry.items():
        if key in ALLOWED or key.startswith("_"):
            kept[key] = (
                redact(value) if isinstance(value, str) and key == "event" else value
            )
    dropped = sorted(key for key in entry if key not in kept)
    if dropped:
        kept["dropped_keys"] = dropped
    return kept


class _RedactingFilter(logging.Filter):
    """Libraries log whole payloads (Reflex an event's, with its headers): keep their words, drop their content."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[0] is not None:
            record.msg = f"{record.name}: {record.exc_info[0].__name__}"
            record.exc_info = None
        elif record.args:
            record.msg = str(record.msg).split("%", 1)[0].strip()
        record.args = ()
        record.msg = redact(str(record.msg))[:200]
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
        wrapper_class=structlog.make_filtering_bound_logger(
            getattr(logging, level.upper())
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_RedactingFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def get_logger() -> Any:
    """The logger of MedSync; every key must be in ALLOWED."""
    return structlog.get_logger()
