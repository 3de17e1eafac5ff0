"""Unexpected errors: an id to show, and a log line that says where, never what was in it."""

import secrets

from medsync_app.logs import get_logger

_ID_BYTES = 4


def note_incident(error: BaseException, handler: str = "") -> str:
    """Log type and place of an unexpected error, without its message (it may hold patient data); returns its
    id.
    """
    incident_id = secrets.token_hex(_ID_BYTES)
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = (
        f"{frame.tb_frame.f_globals.get('__name__', '?')}:{frame.tb_lineno}"
        if frame is not None
        else "unknown"
    )
    get_logger().error(
        "unexpected_error",
        error_id=incident_id,
        error_type=type(error).__name__,
        where=where,
        handler=handler,
    )
    return incident_id


def message_for(incident_id: str, *, reading: bool = False, polled: bool = False) -> str:
    """What a person is told about an unexpected error: of what they did, of a page that was opened, or of a poll."""
    if polled:
        said = "What is shown could not be brought up to date. It is tried again by itself"
    elif reading:
        said = "This could not be read. Try again"
    else:
        said = "That did not work, nothing was saved. Try again"
    return f"{said}; if it stays so, tell your support: {incident_id}."
