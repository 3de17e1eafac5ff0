"""The whole HTTP site: the API, Reflex's own routes and the built pages, behind limits and security
headers."""

import os
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from medsync_app.settings import ROOT, get_settings
from medsync_app.web import forms_route, join_page, upload_route
from medsync_app.web.api import PREFIX, build_api
from medsync_app.web.csp import PageScripts
from medsync_app.web.headers import SecurityHeaders
from medsync_app.web.health import metrics
from medsync_app.web.limits import BodyLimit


def built_pages_dir() -> Path:
    """Where the pages served by this process were built (REFLEX_WEB_WORKDIR, as Reflex itself reads it)."""
    return ROOT / os.environ.get("REFLEX_WEB_WORKDIR", ".web") / "build" / "client"


class _PageFolders:
    """Answers "/calendar" with calendar/index.html at once.

    The static files' own answer is a redirect to "/calendar/" with an absolute address, which behind a TLS
    proxy would name http.
    """

    def __init__(self, app: ASGIApp, pages: PageScripts) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and not scope["path"].endswith("/")
            and self._pages.is_page_folder(scope["path"])
        ):
            scope = {**scope, "path": f"{scope['path']}/", "raw_path": scope["path"].encode() + b"/"}
        await self._app(scope, receive, send)


def site_around(reflex_site: ASGIApp) -> ASGIApp:
    """Reflex's `api_transformer`: everything the process answers passes through here."""
    pages = PageScripts(built_pages_dir())
    site = Starlette(
        routes=[
            Mount(PREFIX, build_api()),
            Route("/metrics", metrics),
            Route(join_page.PATH, join_page.join, methods=["GET", "POST"]),
            Mount("", _PageFolders(reflex_site, pages)),
        ]
    )
    limits = {
        PREFIX + upload_route.PATH: upload_route.MAX_BODY_BYTES,
        join_page.PREFIX: join_page.MAX_BODY_BYTES,
        **{PREFIX + path: forms_route.MAX_BODY_BYTES for path in forms_route.PATHS},
    }
    return SecurityHeaders(BodyLimit(site, by_prefix=limits), pages, https=get_settings().https)
