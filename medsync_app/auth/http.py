"""The guard of HTTP routes: the same session as the pages, and no request that another site made the browser
send.
"""

import asyncio
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller, find_caller
from medsync_app.auth.permissions import Permission
from medsync_app.auth.sessions import cookie_name, secret_from_cookies, station_cookie
from medsync_app.errors import Forbidden
from medsync_app.settings import get_settings

_READING = frozenset({"GET", "HEAD"})
_MAX_NEXT = 512


async def require_staff(request: Request, permission: Permission) -> Caller:
    """The signed-in person behind a request, allowed `permission`; `?at=slug` selects a location.

    Raises Unauthenticated, Forbidden (also for a request that did not come from MedSync's own pages).
    """
    require_own_page(request)
    return await asyncio.to_thread(
        find_caller, runtime.database(), runtime.clock(), get_settings(),
        cookies=request.headers.get("cookie", ""), permission=permission,
        at=request.query_params.get("at", ""),
    )  # fmt: skip


def require_own_page(request: Request) -> None:
    """Refuse a request that another site may have caused: the cookie travels with it all the same.

    Browsers say where a request comes from in Sec-Fetch-Site (they write Origin: null for a form of ours,
    because the Referrer-Policy is no-referrer); older ones only in Origin. A change that says neither is
    refused.
    """
    site = request.headers.get("sec-fetch-site")
    if request.method in _READING:
        fine = site in (None, "same-origin", "none")
    elif site is not None:
        fine = site == "same-origin"
    else:
        origin = urlsplit(request.headers.get("origin", ""))
        fine = bool(origin.netloc) and origin.netloc == request.headers.get("host")
    if not fine:
        raise Forbidden("Do this on MedSync's own page: open it, sign in and try again.")


def source_of(request: Request) -> str:
    """Where a request comes from: the peer's address, or (MEDSYNC_PROXY) what the proxy in front says."""
    if get_settings().medsync_proxy:
        forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        if forwarded:
            return forwarded[:64]
    return request.client.host if request.client is not None else "unknown"


def secret_of(request: Request) -> str | None:
    """The session secret a request carries, if any."""
    return secret_from_cookies(request.headers.get("cookie", ""), get_settings())


def station_of(request: Request) -> str | None:
    """The secret that marks this workstation, if it has one."""
    settings = get_settings()
    return secret_from_cookies(request.headers.get("cookie", ""), settings, station_cookie(settings))


def put_station(response: Response, secret: str) -> None:
    """Mark the workstation, as hidden from scripts and other sites as the session; gone with the browser."""
    settings = get_settings()
    response.set_cookie(
        station_cookie(settings), secret, path="/", secure=settings.https, httponly=True, samesite="lax"
    )


def put_secret(response: Response, secret: str) -> None:
    """Set the session cookie: unreadable to scripts, not sent by other sites, gone with the browser."""
    settings = get_settings()
    response.set_cookie(
        cookie_name(settings), secret, path="/", secure=settings.https, httponly=True, samesite="lax"
    )


def drop_secret(response: Response) -> None:
    """Remove the session cookie."""
    settings = get_settings()
    response.delete_cookie(
        cookie_name(settings), path="/", secure=settings.https, httponly=True, samesite="lax"
    )


def safe_next(target: str) -> str:
    """The page to go to after sign-in: a path of ours, "/" for anything else (another site, the API, sign-
    in).
    """
    plain = target.isascii() and target.isprintable() and len(target) <= _MAX_NEXT and "\\" not in target
    path = target.partition("?")[0]
    if not plain or not target.startswith("/") or target.startswith("//"):
        return "/"
    if path.rstrip("/") == "/sign-in" or path.startswith("/api/"):
        return "/"
    return target
