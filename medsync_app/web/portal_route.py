"""`POST /renewals/answers`: what a prescriber portal says about a renewal request, signed like what it was sent."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field, ValidationError

from medsync_app.connections.payload import read_object
from medsync_app.connections.webhook import FRESH, signed_at
from medsync_app.errors import Unreadable
from medsync_app.services.renewals import record_renewal_answer
from medsync_app.settings import Settings, get_settings
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, get_database

router = APIRouter(prefix="/renewals")
SYSTEM = Scope.system("prescriber portal")


class PortalAnswer(BaseModel):
    """The id of the request as it was sent, one of its `answers`, and a remark."""

    id: str = Field(max_length=64)
    answer: str = Field(max_length=40)
    note: str = Field(default="", max_length=500)


async def signed_body(
    request: Request, settings: Annotated[Settings, Depends(get_settings)]
) -> tuple[datetime, bytes] | None:
    """When the portal signed a request, and its body; None for what it did not sign."""
    secret = settings.portal_webhook_secret.get_secret_value() if settings.portal_webhook_secret else ""
    body = await request.body()
    at = signed_at(secret, request.headers, body)
    return (at, body) if at is not None else None


@router.post("/answers", status_code=204)
def renewal_answer(
    signed: Annotated[tuple[datetime, bytes] | None, Depends(signed_body)],
    db: Annotated[Database, Depends(get_database)],
) -> Response:
    """Record one answer; the same one again changes nothing."""
    if signed is None:
        return Response(status_code=403)
    at, body = signed
    try:
        told = PortalAnswer.model_validate(read_object(body))
    except (Unreadable, ValidationError):
        return Response(status_code=422)
    with db.transaction(SYSTEM) as tx:
        if abs(tx.now - at) > FRESH:
            return Response(status_code=403)
        record_renewal_answer(tx, told.id, told.answer, note=told.note)
    return Response(status_code=204)
