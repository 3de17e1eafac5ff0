"""`POST /forms/...` and `/events/...`: requests to take part by forms of others and from the pharmacy system.

A delivery is believed by its signature over the raw body, kept with what follows from it in one transaction, and then
answered 204; the same one again changes nothing. Why one is refused stands in the answer and in Settings.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import SecretStr
from starlette.requests import ClientDisconnect

from medsync_app.auth import runtime
from medsync_app.connections import google_form, pharmacy_events, typeform
from medsync_app.connections.payload import read_object
from medsync_app.connections.webhook import FRESH, signed_at
from medsync_app.domain.states import JoinOrigin
from medsync_app.errors import MedSyncError, NotFound, Unauthenticated, Unreadable
from medsync_app.services.join_requests import HOW
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
_STALE = "This was signed more than 5 minutes ago, or ahead of time. Check the sender's clock, and sign each try anew."
_BROKEN = "MedSync could not take it. It must be sent again; the log says what went wrong."
_SETTINGS: Final = {
    JoinOrigin.TYPEFORM: "TYPEFORM_WEBHOOK_SECRET",
    JoinOrigin.GOOGLE_FORM: "GOOGLE_FORM_SECRET",
    JoinOrigin.PHARMACY_SYSTEM: "PHARMACY_EVENTS_SECRET",
}
Work = Callable[[Tx, str], object]


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
        return lambda tx, pharmacy_id: take_enrollment(tx, pharmacy_id, JoinOrigin.TYPEFORM, told, raw)

    return _receive(pharmacy, JoinOrigin.TYPEFORM, read)


@router.post("/forms/google/{pharmacy}", status_code=204)
def google_form_sent(pharmacy: str, request: Request, body: Raw, settings: Config) -> Response:
    """A Google form, posted by our script."""

    def read() -> Work:
        _require_signed(settings.google_form_secret, JoinOrigin.GOOGLE_FORM, request, body)
        raw = read_object(body)
        told = google_form.submission_of(raw)
        return lambda tx, pharmacy_id: take_enrollment(tx, pharmacy_id, JoinOrigin.GOOGLE_FORM, told, raw)

    return _receive(pharmacy, JoinOrigin.GOOGLE_FORM, read)


@router.post("/events/{pharmacy}", status_code=204)
def event_sent(pharmacy: str, request: Request, body: Raw, settings: Config) -> Response:
    """An event of the pharmacy system: patient.enrolled or patient.opted_out."""

    def read() -> Work:
        _require_signed(settings.pharmacy_events_secret, JoinOrigin.PHARMACY_SYSTEM, request, body)
        raw = read_object(body)
        event = pharmacy_events.event_of(raw)
        if event.event == "patient.opted_out":
            return lambda tx, pharmacy_id: take_opt_out(tx, pharmacy_id, event.told, raw)
        return lambda tx, pharmacy_id: take_enrollment(
            tx, pharmacy_id, JoinOrigin.PHARMACY_SYSTEM, event.told, raw
        )

    return _receive(pharmacy, JoinOrigin.PHARMACY_SYSTEM, read)


def _require_typeform(secret: SecretStr | None, request: Request, body: bytes) -> None:
    known = secret.get_secret_value() if secret else ""
    if not typeform.is_signed(known, request.headers.get(typeform.SIGNATURE, ""), body):
        raise Unauthenticated(_FORGED.format(setting=_SETTINGS[JoinOrigin.TYPEFORM]))


def _require_signed(secret: SecretStr | None, origin: JoinOrigin, request: Request, body: bytes) -> None:
    at = signed_at(secret.get_secret_value() if secret else "", request.headers, body)
    if at is None:
        raise Unauthenticated(_FORGED.format(setting=_SETTINGS[origin]))
    if abs(runtime.clock().now() - at) > FRESH:
        raise Unauthenticated(_STALE)


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
    with runtime.database().transaction(scope.only(pharmacy_id), runtime.clock()) as tx:
        work(tx, pharmacy_id)


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
