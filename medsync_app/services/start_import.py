"""Takes an uploaded export: keeps it privately, previews it, and starts or cancels its import."""

import os
from collections.abc import AsyncIterable, Callable
from pathlib import Path
from typing import Any

from medsync_app.connections.csv.inspect import inspect
from medsync_app.connections.csv.mapping import ColumnMapping, check_mapping, from_document, suggest_mapping
from medsync_app.connections.csv.preview import Preview, preview
from medsync_app.connections.csv.reader import Table
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.import_dispensing import is_silent
from medsync_app.settings import get_settings
from medsync_app.store.ids import new_id
from medsync_app.store.repositories import imports
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import ImportMapping, ImportRun, Pharmacy

MAX_UPLOAD_BYTES = 64 * 1024 * 1024
#: Kept, waiting for a person's word; then waiting, running, done, failed, cancelled.
UPLOADED = "uploaded"
MAX_MAPPING_NAME = 60
# Windows would turn line ends around without it.
_BINARY = getattr(os, "O_BINARY", 0)


class TooLarge(Invalid):
    """The upload is larger than MAX_UPLOAD_BYTES."""

    code = "too_large"


def uploads_dir() -> Path:
    """Where uploads wait, readable by this account only."""
    folder = get_settings().medsync_data_dir / "uploads"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


async def keep_upload(
    blocks: AsyncIterable[bytes], run_blocking: Callable[..., Any], *, most: int = MAX_UPLOAD_BYTES
) -> Path:
    """Stream an upload to a private file with a random name; TooLarge beyond `most` bytes leaves nothing
    behind.

    `run_blocking(function, *arguments)` runs a blocking call off the event loop and is awaited.
    """
    path = uploads_dir() / new_id()
    stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600), "wb")
    size = 0
    try:
        async for block in blocks:
            size += len(block)
            if size > most:
                raise TooLarge(
                    f"The file is larger than {most // 1024 // 1024} MB. Split it, or import it on the "
                    "command line.",
                    "file",
                )
            await run_blocking(stream.write, block)
        await run_blocking(stream.close)
    except BaseException:
        stream.close()
        path.unlink(missing_ok=True)
        raise
    return path


def discard_upload(path: Path) -> None:
    """Delete a kept upload; files of people outside the uploads folder are never touched."""
    if path.parent == uploads_dir():
        path.unlink(missing_ok=True)


def start_import(
    tx: Tx,
    pharmacy_id: str,
    path: Path,
    *,
    file_name: str,
    mapping: ColumnMapping | None = None,
    at_once: bool = False,
) -> str:
    """Record a kept upload as an import run; Invalid says why it is no table.

    It waits for `confirm_import` unless `at_once`, which needs a mapping that fits or columns that can be
    guessed.
    """
    tx.get(Pharmacy, pharmacy_id)
    facts = inspect(path)
    with Table(path, facts) as table:
        chosen = mapping or _suggested(tx, pharmacy_id, table.headers)
        if at_once:
            check_mapping(chosen, table.headers)
    run = tx.add(
        ImportRun(
            pharmacy_id=pharmacy_id, file_name=_plain_name(file_name), file_hash=facts.sha256,
            stored_path=str(path),
            mapping=chosen.to_document(), state="waiting" if at_once else UPLOADED,
            rows_total=None if facts.lines is None else max(facts.lines - 1, 1), started_by=tx.scope.actor_id,
            created_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    audit(tx, pharmacy_id=pharmacy_id, act="upload_file", subject_kind="import_run", subject_id=run.id)
    return run.id


def _plain_name(name: str) -> str:
    """A file name as shown: no folders, no control characters."""
    base = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in base if c.isprintable())[:200] or "upload"


def _suggested(tx: Tx, pharmacy_id: str, headers: list[str]) -> ColumnMapping:
    """A shipped preset, else the pharmacy's own mapping that fits, else a guess."""
    guess = suggest_mapping(headers)
    if guess.name != "guessed":
        return guess
    for stored in imports.mappings_of(tx, pharmacy_id):
        mapping = from_document({**stored.columns, "name": stored.name})
        if set(mapping.columns.values()) <= set(headers):
            return mapping
    return guess


def preview_import(
    tx: Tx, run_id: str, mapping_document: dict[str, Any] | None = None, *, limit: int = 20
) -> Preview:
    """The first rows of an uploaded file under its mapping, or under the one given."""
    run = tx.get(ImportRun, run_id)
    if run.state != UPLOADED:
        raise Conflict("This import has been started already. Look at its result.")
    mapping = from_document(mapping_document or run.mapping)
    today = pharmacy_today(tx, run.pharmacy_id)
    return preview(Path(run.stored_path), mapping, today, limit=limit)


def confirm_import(
    tx: Tx, run_id: str, mapping_document: dict[str, Any] | None = None, *, save_as: str | None = None
) -> None:
    """Let an uploaded file be imported under its mapping, or the one given, which `save_as` keeps for next
    time.
    """
    run = tx.get(ImportRun, run_id, lock=True)
    if run.state != UPLOADED:
        raise Conflict("This import has been started already. Look at its result.")
    mapping = from_document(mapping_document or run.mapping)
    path = Path(run.stored_path)
    with Table(path, inspect(path)) as table:
        check_mapping(mapping, table.headers)
    if save_as is not None:
        _save_mapping(tx, run.pharmacy_id, save_as, mapping)
    run.mapping, run.state = mapping.to_document(), "waiting"
    audit(
        tx, pharmacy_id=run.pharmacy_id, act="start_import", subject_kind="import_run", subject_id=run.id,
        detail={"sha256": run.file_hash},
    )  # fmt: skip


def _save_mapping(tx: Tx, pharmacy_id: str, name: str, mapping: ColumnMapping) -> None:
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_MAPPING_NAME:
        raise Invalid(f"Give the mapping a name of 1 to {MAX_MAPPING_NAME} characters.", "save_as")
    stored = next((row for row in imports.mappings_of(tx, pharmacy_id) if row.name == name), None)
    if stored is None:
        stored = tx.add(ImportMapping(pharmacy_id=pharmacy_id, name=name, columns={}, updated_at=tx.now))
    stored.columns, stored.updated_at = mapping.to_document(), tx.now


def cancel_import(tx: Tx, run_id: str) -> None:
    """Stop an import: one that runs ends after its chunk, what it stored stays. The file is deleted."""
    run = tx.get(ImportRun, run_id, lock=True)
    if run.state not in (UPLOADED, "waiting", "running"):
        raise Conflict("This import has ended already.")
    is_worked = run.state == "running" and not is_silent(tx, run)  # then who works it deletes the file
    run.state, run.finished_at = "cancelled", tx.now
    if not is_worked:
        discard_upload(Path(run.stored_path))
    audit(tx, pharmacy_id=run.pharmacy_id, act="cancel_import", subject_kind="import_run", subject_id=run.id)
