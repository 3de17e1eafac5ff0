"""Signing in and out: two forms that end with a full page load, because the socket keeps the cookie it opened
with.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from medsync_app.auth import runtime
from medsync_app.auth.http import (
    drop_secret,
    put_secret,
    put_station,
    require_own_page,
    safe_next,
    secret_of,
    source_of,
    station_of,
)
from medsync_app.auth.passwords import matches_soon
from medsync_app.auth.sessions import new_secret
from medsync_app.auth.throttle import Throttled
from medsync_app.errors import Unavailable
from medsync_app.services.sign_in import Attempt, SignedIn, begin_sign_in, finish_sign_in
from medsync_app.services.sign_out import sign_out
from medsync_app.store.scope import Scope
from medsync_app.store.session import Tx

router = APIRouter(tags=["session"])
T = TypeVar("T")

SIGN_IN_PAGE = "/sign-in"
_SCOPE = Scope.system("sign-in")
_MAX_FIELDS = 10


@router.post("/session", status_code=303, response_class=RedirectResponse)
async def open_session(request: Request) -> RedirectResponse:
    """Sign in with the form fields email, password and next; answers 303 to a page, or back to the sign-in
    page.

    The sign-in page is told `problem=credentials` (unknown account and wrong password alike), `throttled` or
    `busy`.
    """
    require_own_page(request)
    async with request.form(max_files=0, max_fields=_MAX_FIELDS) as form:
        email, password, target = field_of(form, "email"), field_of(form, "password"), field_of(form, "next")
    following = safe_next(target)
    station = station_of(request) or new_secret()
    try:
        attempt = await write(lambda tx: begin_sign_in(tx, email, source_of(request)))
        signed_in = await _check(attempt, password, secret_of(request), station)
    except Throttled:
        return _back("throttled", following)
    except Unavailable:
        return _back("busy", following)
    if signed_in is None:
        return _back("credentials", following)
    response = RedirectResponse(following, 303)
    put_secret(response, signed_in.secret)
    put_station(response, station)
    return response


@router.post("/session/end", status_code=303, response_class=RedirectResponse)
async def end_session(request: Request) -> RedirectResponse:
    """Sign out: the session ends in the database and the cookie goes."""
    require_own_page(request)
    secret = secret_of(request)
    if secret is not None:
        await write(lambda tx: sign_out(tx, secret))
    response = RedirectResponse(f"{SIGN_IN_PAGE}?problem=signed_out", 303)
    drop_secret(response)
    return response


async def _check(attempt: Attempt, password: str, former: str | None, station: str) -> SignedIn | None:
    correct = await matches_soon(attempt.password_hash, password)
    return await write(
        lambda tx: finish_sign_in(tx, attempt, correct=correct, former=former, station=station)
    )


async def write(step: Callable[[Tx], T]) -> T:
    """One step in a transaction of its own, off the event loop."""

    def run() -> T:
        with runtime.database().transaction(_SCOPE, runtime.clock()) as tx:
            return step(tx)

    return await asyncio.to_thread(run)


def field_of(form: FormData, name: str) -> str:
    """The text of a field, "" without one."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _back(problem: str, following: str) -> RedirectResponse:
    query = {"problem": problem} | ({"next": following} if following != "/" else {})
    return RedirectResponse(f"{SIGN_IN_PAGE}?{urlencode(query)}", 303)
