"""`POST /forms/...` and `/events/...`: requests to take part by forms of others, and events of the pharmacy system.

A delivery is believed by its signature over the raw body and answered 204 when it is kept; the same one again changes
nothing. Requests to take part are kept with what follows from them, other events as a row that the loop works: an
answer waits for no import. Why one is refused stands in the answer and in Settings.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import SecretStr
from starlette.requests import ClientDisconnect

from medsync_app.auth import runtime
from medsync_app.connections import google_form, pharmacy_events, pioneerrx, typeform
from medsync_app.connections.payload import read_object
from medsync_app.connections.webhook import FRESH, SIGNATURE, signed_at
from medsync_app.domain.form_mapping import Submission
from medsync_app.domain.states import JoinOrigin
from medsync_app.errors import MedSyncError, NotFound, Unauthenticated, Unreadable
from medsync_app.services.join_requests import HOW
from medsync_app.services.keep_pharmacy_event import PIONEERRX, digest_of, keep_pharmacy_event
from medsync_app.services.take_submission import (
    note_refusal,
    refusal_is_due,
    take_enrollment,
    take_opt_out,
)
from medsync_app.settings import Settings, get_settings
from medsync_app.store.repositories.people import pharmacy_by_slug
from medsync_app.store.scope import Scope
from medsync_app.store.session import Tx

router = APIRouter(tags=["forms"])
PATHS: Final = ("/forms/", "/events/")
#: Typeform sends every question with its choices beside the answers.
MAX_BODY_BYTES: Final = 256 * 1024
_SLUG = re.compile(r"[a-z0-9-]{1,80}")
_FORGED = (
    "The signature does not fit. The sender must sign the raw body with the secret in MedSync's {setting}."
)
_NOT_PIONEERRX = (
    "Neither prx-signature nor the password fits this location's own secret in PHARMACY_EVENTS_SECRETS."
)
_STALE = "This was signed more than 5 minutes ago, or ahead of time. Check the sender's clock, and sign each try anew."
_BROKEN = "MedSync could not take it. It must be sent again; the log says what went wrong."
_SETTINGS: Final = {
    JoinOrigin.TYPEFORM: "TYPEFORM_WEBHOOK_SECRET",
    JoinOrigin.GOOGLE_FORM: "GOOGLE_FORM_SECRET",
    JoinOrigin.PHARMACY_SYSTEM: "PHARMACY_EVENTS_SECRET",
}


@dataclass(frozen=True, slots=True)
class Work:
    """What is done about a delivery at its pharmacy; `waits`: in that pharmacy's turn."""

    do: Callable[[Tx, str], object]
    waits: bool = True


async def _raw_body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:
        raise Unreadable("The body was cut short. Send it again.") from None


Raw = Annotated[bytes, Depends(_raw_body)]
Config = Annotated[Settings, Depends(get_settings)]


@router.post("/forms/typeform/{pharmacy}", status_code=204)
def typeform_sent(pharmacy: str, request: Request, body: Raw, settings: Config) -> Response:
    """A Typeform webhook; forms that were left half-way are none of ours."""

    def read() -> Work | None:
        _require_typeform(settings.typeform_webhook_secret, request, body)
        raw = read_object(body)
        told = typeform.submission_of(raw)
        if told is None:
            return None
        once = _once(JoinOrigin.TYPEFORM, told)
        return Work(lambda tx, place: take_enrollment(tx, place, JoinOrigin.TYPEFORM, once, raw))

    return _receive(pharmacy, JoinOrigin.TYPEFORM, read)


@router.post("/forms/google/{pharmacy}", status_code=204)
def google_form_sent(pharmacy: str, request: Request, body: Raw, settings: Config) -> Response:
    """A Google form, posted by our script."""

    def read() -> Work:
        secret = settings.google_form_secret
        _require_signed(_plain(secret), JoinOrigin.GOOGLE_FORM, request, body)
        raw = read_object(body)
        told = _once(JoinOrigin.GOOGLE_FORM, google_form.submission_of(raw))
        return Work(lambda tx, place: take_enrollment(tx, place, JoinOrigin.GOOGLE_FORM, told, raw))

    return _receive(pharmacy, JoinOrigin.GOOGLE_FORM, read)


@router.post("/events/{pharmacy}", status_code=204)
def event_sent(pharmacy: str, request: Request, body: Raw, settings: Config) -> Response:
    """An event of the pharmacy system (docs/events.md)."""
    origin = JoinOrigin.PHARMACY_SYSTEM

    def read() -> Work:
        signature = _require_signed(settings.events_secret(pharmacy), origin, request, body)
        raw = read_object(body)
        name, event_id = pharmacy_events.name_and_id(raw)
        if name not in pharmacy_events.EVENTS:
            return Work(
                lambda tx, place: keep_pharmacy_event(tx, place, origin, event_id, name, raw, signature),
                waits=False,
            )
        told = replace(pharmacy_events.event_of(raw).told, signed=digest_of(signature))
        if name == "patient.opted_out":
            return Work(lambda tx, place: take_opt_out(tx, place, told, raw))
        return Work(lambda tx, place: take_enrollment(tx, place, origin, told, raw))

    return _receive(pharmacy, origin, read)


@router.post("/events/{pharmacy}/pioneerrx")
def pioneerrx_sent(pharmacy: str, request: Request, body: Raw, settings: Config) -> dict[str, Any]:
    """A real-time Rx event of PioneerRx, JSON or XML (docs/events.md)."""
    answer: dict[str, Any] = {}

    def read() -> Work:
        _require_pioneerrx(settings.own_events_secret(pharmacy), request)
        name, message_id, raw = pioneerrx.read_message(body)
        answer.update(pioneerrx.answer_to(message_id))
        return Work(
            lambda tx, place: keep_pharmacy_event(tx, place, PIONEERRX, message_id, name, raw, ""),
            waits=False,
        )

    _receive(pharmacy, JoinOrigin.PIONEERRX, read)
    return answer


def _require_pioneerrx(secret: str, request: Request) -> None:
    """What it signs does not cover the body: a secret that opens one location only is all that binds it."""
    if pioneerrx.knows_password(secret, request.headers):
        return
    at = pioneerrx.signed_at(secret, request.headers)
    if at is None:
        raise Unauthenticated(_NOT_PIONEERRX)
    if abs(runtime.clock().now() - at) > FRESH:
        raise Unauthenticated(_STALE)


def _once(origin: JoinOrigin, told: Submission) -> Submission:
    """A form that was sent is one request of one location, however often and wherever it is delivered and signed.

    Events of pharmacy systems are told apart by their signature: two locations may number theirs alike.
    """
    return replace(told, signed=digest_of(f"{origin.value}:{told.keys[0]}"))


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _require_typeform(secret: SecretStr | None, request: Request, body: bytes) -> None:
    if not typeform.is_signed(_plain(secret), request.headers.get(typeform.SIGNATURE, ""), body):
        raise Unauthenticated(_FORGED.format(setting=_SETTINGS[JoinOrigin.TYPEFORM]))


def _require_signed(secret: str, origin: JoinOrigin, request: Request, body: bytes) -> str:
    """The signature; Unauthenticated when it does not fit, or was made too long ago."""
    at = signed_at(secret, request.headers, body)
    if at is None:
        raise Unauthenticated(_FORGED.format(setting=_SETTINGS[origin]))
    if abs(runtime.clock().now() - at) > FRESH:
        raise Unauthenticated(_STALE)
    return request.headers[SIGNATURE]


def _receive(slug: str, origin: JoinOrigin, read: Callable[[], Work | None]) -> Response:
    """Check and read a delivery, then do what follows from it at the pharmacy that the address names."""
    scope = Scope.system(HOW[origin])
    try:
        work = read()
        if work is not None:
            _do(scope, slug, work)
    except Exception as error:
        _note(scope, slug, origin, error.message if isinstance(error, MedSyncError) else _BROKEN)
        raise
    return Response(status_code=204)


def _do(scope: Scope, slug: str, work: Work) -> None:
    with runtime.database().reading(scope, runtime.clock()) as tx:
        pharmacy_id = _pharmacy_id(tx, slug)
    if pharmacy_id is None:
        raise NotFound("No pharmacy has this address. Copy it from Settings, Form for patients.")
    acting = scope.only(pharmacy_id) if work.waits else scope
    with runtime.database().transaction(acting, runtime.clock()) as tx:
        work.do(tx, pharmacy_id)


def _note(scope: Scope, slug: str, origin: JoinOrigin, why: str) -> None:
    """Let Settings say why; anybody can cause this, so it writes once a minute at most."""
    with runtime.database().reading(scope, runtime.clock()) as tx:
        pharmacy_id = _pharmacy_id(tx, slug)
        if pharmacy_id is None or not refusal_is_due(tx, pharmacy_id, origin):
            return
    with runtime.database().transaction(scope.only(pharmacy_id), runtime.clock()) as tx:
        note_refusal(tx, pharmacy_id, origin, why)


def _pharmacy_id(tx: Tx, slug: str) -> str | None:
    found = pharmacy_by_slug(tx, slug) if _SLUG.fullmatch(slug) else None
    return found.id if found is not None else None
