"""Uploads of dispensing exports, and the rows of an import that could not be used as a file to correct them
by.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.http import require_staff, safe_next
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Invalid
from medsync_app.services.audit import audit
from medsync_app.services.start_import import (
    MAX_UPLOAD_BYTES,
    TooLarge,
    discard_upload,
    keep_upload,
    start_import,
)
from medsync_app.store.repositories.imports import problems_of
from medsync_app.store.tables import ImportRun
from medsync_app.web.csv_answer import Cell, csv_answer

router = APIRouter(tags=["import"])
PATH = "/imports"
#: What the body limit of the site allows here: the file and the form around it.
MAX_BODY_BYTES = MAX_UPLOAD_BYTES + 64 * 1024
_BLOCK = 1024 * 1024


@router.post(PATH, status_code=201, response_model=None)
async def upload(request: Request) -> Response:
    """Keep a file for import: a form with `file`, or the bytes themselves with `?name=`.

    Answers 201 `{"id"}`,
    or 303 to the form's `next` with `import=id`; 413 for more than 64 MB. With `?start=1` the
    import starts at once, else after its mapping has been confirmed.
    """
    caller = await require_staff(request, Permission.IMPORT_DATA)
    pharmacy_id = _pharmacy(caller)
    at_once = request.query_params.get("start") == "1"
    following = ""
    try:
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            async with request.form(max_files=1, max_fields=5) as form:
                file, target = form.get("file"), form.get("next")
                if not isinstance(file, UploadFile):
                    raise Invalid("Choose a file first.", "file")
                following = target if isinstance(target, str) else ""
                name, path = file.filename or "", await keep_upload(_blocks(file), asyncio.to_thread)
        else:
            name = request.query_params.get("name", "")
            path = await keep_upload(request.stream(), asyncio.to_thread)
    except TooLarge as error:
        return JSONResponse({"error": {"code": error.code, "message": error.message}}, 413)
    run_id = await asyncio.to_thread(_start, caller, pharmacy_id, path, name, at_once)
    if following:
        page = safe_next(following)
        return RedirectResponse(f"{page}{'&' if '?' in page else '?'}import={run_id}", 303)
    return JSONResponse({"id": run_id}, 201)


async def _blocks(file: UploadFile) -> AsyncIterator[bytes]:
    while block := await file.read(_BLOCK):
        yield block


def _pharmacy(caller: Caller) -> str:
    """The selected location, or the only one."""
    allowed = sorted(caller.scope_here.pharmacy_ids or ())
    if len(allowed) != 1:
        raise Invalid("Choose one location first: a file belongs to one pharmacy.", "at")
    return allowed[0]


def _start(caller: Caller, pharmacy_id: str, path: Path, name: str, at_once: bool) -> str:
    try:
        with runtime.database().transaction(caller.scope_here, runtime.clock()) as tx:
            return start_import(tx, pharmacy_id, path, file_name=name, at_once=at_once)
    except BaseException:
        discard_upload(path)
        raise


@router.get(PATH + "/{run_id}/problems.csv", response_class=Response)
async def problems(request: Request, run_id: str) -> Response:
    """The rows of an import that were not used: row, column, reason."""
    caller = await require_staff(request, Permission.IMPORT_DATA)
    rows = await asyncio.to_thread(_problems, caller, run_id)
    return csv_answer(rows, "problems.csv")


def _problems(caller: Caller, run_id: str) -> list[Sequence[Cell]]:
    with runtime.database().transaction(caller.scope_here, runtime.clock()) as tx:
        run = tx.get(ImportRun, run_id)
        found = problems_of(tx, run_id)
        audit(
            tx, pharmacy_id=run.pharmacy_id, act="export_import_problems", subject_kind="import_run",
            subject_id=run_id, detail={"rows": len(found)},
        )  # fmt: skip
    head = ("row", "column", "reason")
    return [head, *((problem.line, problem.column, problem.reason) for problem in found)]
