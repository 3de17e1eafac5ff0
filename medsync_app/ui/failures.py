"""What happens when an event handler fails unexpectedly: a line in the log without data, and an id for the
person."""

import secrets

import reflex as rx
from reflex.event import EventSpec

from medsync_app.logs import get_logger


def report_failure(exception: Exception) -> EventSpec:
    """Log where `exception` came from and tell the person an id to quote.

    Reflex's own handler logs the message and payload (patient data) and answers with a toast, which needs
    `eval` in the browser; the policy of web/csp.py forbids that. The log line therefore names types and
    places, never values.
    """
    failure_id = secrets.token_hex(4)
    place = exception.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else "unknown"
    get_logger().error("event_failed", error_id=failure_id, error_type=type(exception).__name__, where=where)
    return rx.window_alert(
        "That did not work and nothing was saved. Try again; if it happens again, "
        f"tell your support: {failure_id}."
    )
