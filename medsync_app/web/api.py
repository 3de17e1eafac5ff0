"""The HTTP API under /api/v1: its routers, its OpenAPI document and its errors."""

import secrets

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from medsync_app import errors
from medsync_app.logs import get_logger
from medsync_app.services.join_requests import TooMany
from medsync_app.web import (
    exports,
    forms_route,
    health,
    portal_route,
    print_routes,
    quick_switch,
    sign_in,
    twilio_routes,
    twilio_voice_routes,
    unsubscribe_route,
    upload_route,
    workflow_schema,
)

PREFIX = "/api/v1"
ROUTERS: tuple[APIRouter, ...] = (
    exports.router,
    forms_route.router,
    health.router,
    portal_route.router,
    print_routes.router,
    quick_switch.router,
    sign_in.router,
    twilio_routes.router,
    twilio_voice_routes.router,
    unsubscribe_route.router,
    upload_route.router,
    workflow_schema.router,
)
_STATUS: tuple[tuple[type[errors.MedSyncError], int], ...] = (
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Invalid, 422),
    (errors.Unavailable, 503),
    (TooMany, 429),
)


def build_api() -> FastAPI:
    """The API; mounted at PREFIX. There is no documentation page: it would need scripts from elsewhere."""
    api = FastAPI(title="MedSync", version="1", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    for router in ROUTERS:
        api.include_router(router)
    api.add_exception_handler(errors.MedSyncError, _expected)
    api.add_exception_handler(RequestValidationError, _unreadable)
    api.add_exception_handler(Exception, _unexpected)
    return api


def _answer(status: int, code: str, message: str, **more: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message, **more}}, status)


async def _expected(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.MedSyncError)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 400)
    field = error.field if isinstance(error, errors.Invalid) else None
    return _answer(status, error.code, error.message, **({"field": field} if field else {}))


async def _unreadable(_: Request, error: Exception) -> JSONResponse:
    """Name the first unusable part without repeating its value, which may be a patient's."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    return _answer(422, "invalid", str(first["msg"]), **({"field": field} if field else {}))


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    failure_id = secrets.token_hex(4)
    get_logger().error("request_failed", error_id=failure_id, error_type=type(error).__name__)
    return _answer(500, "unexpected", f"Something went wrong; quote {failure_id} when you report it.")
