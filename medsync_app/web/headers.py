"""Security headers on every answer: pages, static files, API and errors."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medsync_app.web.csp import PageScripts, policy

YEAR = 365 * 24 * 3600
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# Built files whose name holds a hash of their content: the only answers a browser may keep.
IMMUTABLE_PREFIX = "/assets/"
# Static files without patient data that change only with a release.
REVALIDATE = ("image/", "font/", "text/css", "text/javascript", "application/javascript")


class SecurityHeaders:
    """ASGI middleware that adds the headers; a header the application set itself stays, except the policy.

    `https`: the public address is https, so browsers are told to never use http again (HSTS).
    """

    def __init__(self, app: ASGIApp, pages: PageScripts, *, https: bool) -> None:
        self._app = app
        self._pages = pages
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(scope, MutableHeaders(scope=message), int(message["status"]))
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _add(self, scope: Scope, headers: MutableHeaders, status: int) -> None:
        for name, value in ALWAYS.items():
            headers.setdefault(name, value)
        if self._https:
            headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}; includeSubDomains")
        host = Headers(scope=scope).get("host")
        headers["Content-Security-Policy"] = policy(
            self._pages.for_path(scope["path"]), host, https=self._https
        )
        headers.setdefault(
            "Cache-Control", _cache_control(scope["path"], headers.get("content-type", ""), status)
        )


def _cache_control(path: str, content_type: str, status: int) -> str:
    """How long the answer may be kept: hashed files for ever, other static files when checked again, the rest
    never."""
    if status in (200, 206, 304) and path.startswith(IMMUTABLE_PREFIX):
        return f"public, max-age={YEAR}, immutable"
    if status in (200, 206) and content_type.startswith(REVALIDATE):
        return "no-cache"
    return "no-store"
