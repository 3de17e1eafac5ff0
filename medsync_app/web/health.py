"""`GET /health` of the API: whether this process can do its work."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from medsync_app.reads import health
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, get_database

router = APIRouter()


class Health(BaseModel):
    """What a monitor reads."""

    status: Literal["ok", "failing"]
    database: Literal["ok", "unreachable"]


@router.get("/health", responses={503: {"model": Health}})
def read_health(response: Response, database: Annotated[Database, Depends(get_database)]) -> Health:
    """Answer 200 when the database answers, else 503."""
    with database.reading(Scope.system("health")) as tx:
        reachable = health.database_answers(tx)
    if reachable:
        return Health(status="ok", database="ok")
    response.status_code = 503
    return Health(status="failing", database="unreachable")
