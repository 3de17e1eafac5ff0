"""Twilio's calls to us: what became of a message, and what a patient has written. Kept here, worked by the loop."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import ImmutableMultiDict

from medsync_app.connections.twilio import signed_by_twilio
from medsync_app.services.keep_event import STATUS, TEXT, keep_event
from medsync_app.settings import Settings, get_settings
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, get_database

router = APIRouter(prefix="/twilio")
PREFIX = "/api/v1"
LONGEST = 64
SYSTEM = Scope.system("twilio")
#: An empty answer: what we have to say goes out by the outbox.
_NOTHING_TO_SAY = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


async def signed_fields(
    request: Request, settings: Annotated[Settings, Depends(get_settings)]
) -> dict[str, str] | None:
    """The fields of a request that Twilio signed; None otherwise.

    The URL is the public one of the settings with the path and query as called: proxy headers are not
    believed.
    """
    token = settings.twilio_auth_token.get_secret_value() if settings.twilio_auth_token else ""
    path = request.url.path
    url = settings.medsync_public_url + (path if path.startswith(PREFIX) else PREFIX + path)
    if request.url.query:
        url += f"?{request.url.query}"
    form = await request.form()
    fields = ImmutableMultiDict([(name, str(value)) for name, value in form.multi_items()])
    if not signed_by_twilio(token, url, fields, request.headers.get("X-Twilio-Signature")):
        return None
    return dict(fields)


Fields = Annotated[dict[str, str] | None, Depends(signed_fields)]
Db = Annotated[Database, Depends(get_database)]


@router.post("/status/{attempt_id}", status_code=204)
def message_status(attempt_id: str, fields: Fields, db: Db) -> Response:
    """Keep one piece of news about an attempt."""
    if fields is None:
        return Response(status_code=403)
    sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
    status = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
    if not sid or not status or max(len(sid), len(status), len(attempt_id)) > LONGEST:
        return Response(status_code=422)
    with db.transaction(SYSTEM) as tx:
        keep_event(
            tx, STATUS, f"{attempt_id}:{sid}:{status}",
            {
                "attempt_id": attempt_id, "sid": sid, "status": status,
                "error_code": fields.get("ErrorCode", ""),
            },
        )  # fmt: skip
    return Response(status_code=204)


@router.post("/inbound")
def inbound_text(fields: Fields, db: Db) -> Response:
    """Keep one message of a patient."""
    if fields is None:
        return Response(status_code=403)
    sid, sender = fields.get("MessageSid") or fields.get("SmsSid") or "", fields.get("From", "")
    if not sid or not sender or max(len(sid), len(sender)) > LONGEST:
        return Response(status_code=422)
    with db.transaction(SYSTEM) as tx:
        keep_event(
            tx, TEXT, sid,
            {"sid": sid, "from": sender, "to": fields.get("To", ""), "body": _body(fields)[:1600]},
        )  # fmt: skip
    return Response(_NOTHING_TO_SAY, media_type="application/xml")


def _body(fields: dict[str, str]) -> str:
    """The words of a message; of one that is a picture or a file only, what it is."""
    body = fields.get("Body", "")
    return body if body.strip() or fields.get("NumMedia", "0") == "0" else "[A picture or file without words]"
