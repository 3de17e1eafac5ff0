"""The forms of the account page: switch to a colleague by PIN, set one's own. Each ends with a full page load."""

import asyncio
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse

from medsync_app.auth import runtime
from medsync_app.auth.http import put_secret, require_staff, safe_next, secret_of, source_of, station_of
from medsync_app.auth.passwords import hash_soon, matches_soon
from medsync_app.auth.permissions import Permission
from medsync_app.auth.throttle import Throttled
from medsync_app.errors import Invalid, Unavailable
from medsync_app.services.quick_switch import (
    begin_switch,
    check_pin,
    finish_switch,
    secret_of_pin,
    set_pin,
)
from medsync_app.services.sign_in import begin_sign_in, confirm_password
from medsync_app.store.ids import ID_LENGTH
from medsync_app.store.session import Tx
from medsync_app.store.tables import Staff
from medsync_app.web.sign_in import field_of, write

router = APIRouter(tags=["session"])

ACCOUNT_PAGE = "/account"
_MAX_FIELDS = 10


@router.post("/session/switch", status_code=303, response_class=RedirectResponse)
async def switch(request: Request) -> RedirectResponse:
    """Hand this workstation to a colleague: fields staff, pin and next. A wrong PIN leads back to the account page."""
    await require_staff(request, Permission.VIEW)
    async with request.form(max_files=0, max_fields=_MAX_FIELDS) as form:
        staff_id, pin, target = field_of(form, "staff"), field_of(form, "pin"), field_of(form, "next")
    station, former = station_of(request) or "", secret_of(request) or ""
    asked = await write(lambda tx: begin_switch(tx, station, staff_id))
    try:
        correct = await matches_soon(asked.pin_hash, await asyncio.to_thread(secret_of_pin, staff_id, pin))
    except Unavailable:
        return _back("busy")
    opened = await write(lambda tx: finish_switch(tx, asked, correct=correct, former=former))
    if opened is None:
        return _back("pin", who=staff_id[:ID_LENGTH])
    response = RedirectResponse(safe_next(target), 303)
    put_secret(response, opened.secret)
    return response


@router.post("/session/pin", status_code=303, response_class=RedirectResponse)
async def choose_pin(request: Request) -> RedirectResponse:
    """Set one's own PIN, or remove it with an empty one: fields password and pin."""
    caller = await require_staff(request, Permission.VIEW)
    async with request.form(max_files=0, max_fields=_MAX_FIELDS) as form:
        password, pin = field_of(form, "password"), field_of(form, "pin")
    try:
        if pin:
            check_pin(pin)
        attempt = await write(lambda tx: begin_sign_in(tx, _email(tx, caller.staff_id), source_of(request)))
        if not await matches_soon(attempt.password_hash, password):
            return _back("password")
        await write(lambda tx: confirm_password(tx, attempt))
        secret = await asyncio.to_thread(secret_of_pin, caller.staff_id, pin)
        hashed = await hash_soon(secret) if pin else None
    except Invalid:
        return _back("weak")
    except Throttled:
        return _back("throttled")
    except Unavailable:
        return _back("busy")

    def keep() -> None:
        with runtime.database().transaction(caller.scope, runtime.clock()) as tx:
            set_pin(tx, caller.staff_id, hashed)

    await asyncio.to_thread(keep)
    return _back("saved" if pin else "removed")


def _email(tx: Tx, staff_id: str) -> str:
    return tx.get(Staff, staff_id).email


def _back(said: str, **more: str) -> RedirectResponse:
    return RedirectResponse(f"{ACCOUNT_PAGE}?{urlencode({'said': said, **more})}", 303)
