"""Limits the size of request bodies before anything reads them."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MEBIBYTE = 1024 * 1024


class BodyLimit:
    """ASGI middleware that answers 413 when a body is larger than `default` bytes.

    `by_prefix` gives other limits; the longest matching prefix counts. A declared length is
    refused before a byte is read; an undeclared (chunked) one as soon as it passes the limit.
    """

    def __init__(
        self, app: ASGIApp, default: int = MEBIBYTE, by_prefix: Mapping[str, int] | None = None
    ) -> None:
        self._app = app
        self._default = default
        self._by_prefix = sorted((by_prefix or {}).items(), key=lambda item: -len(item[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next(
            (size for prefix, size in self._by_prefix if scope["path"].startswith(prefix)), self._default
        )
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            await _refusal(limit)(scope, receive, send)
            return
        await self._run_counted(limit, scope, receive, send)

    async def _run_counted(self, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        seen = 0
        answered = refused = False

        async def counted_receive() -> Message:
            nonlocal seen, refused
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit and not refused:
                    refused = True
                    if not answered:
                        await _refusal(limit)(scope, receive, send)
            # To the application the client has gone away: it reads no further and its own answer goes
            # nowhere.
            return {"type": "http.disconnect"} if refused else message

        async def first_answer_only(message: Message) -> None:
            nonlocal answered
            answered = True
            if not refused:
                await send(message)

        try:
            await self._app(scope, counted_receive, first_answer_only)
        except ClientDisconnect:
            if not refused:
                raise


def _refusal(limit: int) -> JSONResponse:
    error = {"code": "too_large", "message": f"Send at most {limit} bytes, or split the data."}
    return JSONResponse({"error": error}, 413, headers={"Connection": "close"})
