"""The whole HTTP site: the API, Reflex's own routes and the built pages, behind limits and security headers."""

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from medsync_app.settings import ROOT, get_settings
from medsync_app.web.api import PREFIX, build_api
from medsync_app.web.csp import PageScripts
from medsync_app.web.headers import SecurityHeaders
from medsync_app.web.limits import BodyLimit


def built_pages_dir() -> Path:
    """Where the pages served by this process were built (REFLEX_WEB_WORKDIR, as Reflex itself reads it)."""
    return ROOT / os.environ.get("REFLEX_WEB_WORKDIR", ".web") / "build" / "client"


def site_around(reflex_site: ASGIApp) -> ASGIApp:
    """Reflex's `api_transformer`: everything the process answers passes through here."""
    site = Starlette(routes=[Mount(PREFIX, build_api()), Mount("", reflex_site)])
    return SecurityHeaders(BodyLimit(site), PageScripts(built_pages_dir()), https=get_settings().https)
