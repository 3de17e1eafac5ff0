"""Imports a dispensing export: a job row worked in chunks, each chunk one transaction, resumable and
repeatable.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from medsync_app.clock import Clock
from medsync_app.connections.csv.inspect import inspect
from medsync_app.connections.csv.mapping import ColumnMapping, from_document, ignored_columns, suggest_mapping
from medsync_app.connections.csv.notes import Note, NoteBook
from medsync_app.connections.csv.reader import Record, Table
from medsync_app.connections.csv.rows import RowParser
from medsync_app.domain.dispensing_row import DispensingRow, RowProblem
from medsync_app.domain.states import FillStatus
from medsync_app.errors import Conflict, MedSyncError
from medsync_app.logs import get_logger
from medsync_app.services.event_problem import patient_key, rx_key
from medsync_app.services.import_changes import changes_of
from medsync_app.services.import_chunk import store_chunk
from medsync_app.services.import_reactions import react_to_changes
from medsync_app.services.import_tally import ImportTallies, Outcome
from medsync_app.services.react_to_dispensing import react
from medsync_app.store.repositories import imports, inbound
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import ImportProblem, ImportRun, Pharmacy

CHUNK_ROWS = 2_000
#: A run that has shown no sign of life for this long was interrupted.
SILENT_AFTER = timedelta(minutes=2)
SCOPE = Scope.system("import")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or would do; counts are of distinct patients, prescriptions and fills."""

    rows_read: int
    patients: Mapping[str, int]
    prescriptions: Mapping[str, int]
    fills: Mapping[str, int]
    problems: Sequence[RowProblem]
    notes: Sequence[str]


@dataclass(slots=True)
class _Progress:
    """A run as far as it has come."""

    tallies: ImportTallies
    notes: NoteBook = field(default_factory=NoteBook)
    rows_read: int = 0
    problems: list[RowProblem] = field(default_factory=lambda: list[RowProblem]())
    more_notes: list[str] = field(default_factory=lambda: list[str]())
    #: The run's last sign of life, written by this process.
    seen_at: datetime | None = None

    def counts(self) -> dict[str, Any]:
        return {
            "rows_read": self.rows_read,
            "patients": self.tallies.patients.counts(),
            "prescriptions": self.tallies.prescriptions.counts(),
            "fills": self.tallies.fills.counts(),
            "problems": len(self.problems),
        }

    def report(self) -> ImportReport:
        return ImportReport(
            self.rows_read, self.tallies.patients.counts(), self.tallies.prescriptions.counts(),
            self.tallies.fills.counts(), self.problems, [*self.notes.sentences(), *self.more_notes],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run that this process works, from row `done` on."""

    run_id: str
    pharmacy_id: str
    path: Path
    mapping: ColumnMapping
    done: int
    counts: Mapping[str, Any]
    today: date
    #: When it was claimed: the sign of life that `_work` wants to find again.
    claimed_at: datetime


def claim_run(tx: Tx, run_id: str) -> ClaimedRun:
    """Take a waiting run, or one that was interrupted; Conflict when it is being worked or has ended."""
    run = tx.get(ImportRun, run_id, lock=True)
    if run.state != "waiting" and not (run.state == "running" and is_silent(tx, run)):
        raise Conflict("This import is running or has ended. Look at its result, or start a new one.")
    run.state, run.worked_at = "running", tx.now
    return ClaimedRun(
        run_id, run.pharmacy_id, Path(run.stored_path), from_document(run.mapping), run.rows_done,
        dict(run.counts), pharmacy_today(tx, run.pharmacy_id), tx.now,
    )  # fmt: skip


def is_silent(tx: Tx, run: ImportRun) -> bool:
    """Whether nobody seems to work a run any more."""
    return (run.worked_at or datetime.min.replace(tzinfo=UTC)) + SILENT_AFTER < tx.now


def run_import(
    db: Database, clock: Clock, run_id: str, *, scope: Scope = SCOPE, chunk_rows: int = CHUNK_ROWS
) -> ImportReport:
    """Claim a waiting or interrupted run and work it to its end.

    Safe to repeat: rows stored before an interruption change nothing when they come again.
    """
    with db.transaction(scope, clock) as tx:
        claimed = claim_run(tx, run_id)
    return work_run(db, clock, claimed, scope=scope, chunk_rows=chunk_rows)


def work_run(
    db: Database, clock: Clock, claimed: ClaimedRun, *, scope: Scope = SCOPE, chunk_rows: int = CHUNK_ROWS
) -> ImportReport:
    """Work a run that the caller has claimed; what goes wrong is recorded in the run and raised."""
    run_id, pharmacy_id, path, mapping = claimed.run_id, claimed.pharmacy_id, claimed.path, claimed.mapping
    done, before, today = claimed.done, claimed.counts, claimed.today
    progress = _Progress(ImportTallies(before if done else None), seen_at=claimed.claimed_at)
    try:
        with _opened(path, mapping, today, progress.notes) as (table, parser):
            _skip(table, parser, progress, done)
            if done:
                progress.problems.extend(_stored_problems(db, clock, scope, run_id))
            for records in _chunks(table, chunk_rows):
                with db.transaction(scope, clock) as tx:
                    if not _work(tx, run_id, pharmacy_id, parser, records, progress):
                        return progress.report()
            progress.more_notes.extend(_ignored(mapping, table.headers))
        with db.transaction(scope, clock) as tx:
            _finish(tx, run_id, progress)
        db.refresh_statistics()
    except MedSyncError as error:
        _fail(db, clock, scope, run_id, progress, error.message)
        raise
    except Exception as error:
        get_logger().error("import_failed", run_id=run_id, error_type=type(error).__name__)
        _fail(
            db,
            clock,
            scope,
            run_id,
            progress,
            "The import stopped at an unexpected error. Start it again: nothing is lost.",
        )
        raise
    return progress.report()


class _DryRun(Exception):
    """Rolls a transaction back on purpose."""


def try_import(
    db: Database, clock: Clock, pharmacy_id: str, path: Path, *, mapping: ColumnMapping | None = None,
    scope: Scope = SCOPE, chunk_rows: int = CHUNK_ROWS,
) -> ImportReport:  # fmt: skip
    """What an import would do; each chunk is merged and rolled back, so that nothing is written."""
    with db.reading(scope, clock) as tx:
        today = pharmacy_today(tx, pharmacy_id)
    progress = _Progress(ImportTallies())
    chosen = mapping or _suggested(path)
    with _opened(path, chosen, today, progress.notes) as (table, parser):
        for records in _chunks(table, chunk_rows):
            try:
                with db.transaction(scope, clock) as tx:
                    rows = _usable(records, parser, progress)
                    result = store_chunk(tx, pharmacy_id, parser.known, rows, progress.tallies)
                    progress.problems.extend(_named(result.problems, parser))
                    raise _DryRun
            except _DryRun:
                continue
        progress.more_notes.extend(_ignored(chosen, table.headers))
    progress.problems.sort(key=lambda problem: problem.line)
    return progress.report()


def _suggested(path: Path) -> ColumnMapping:
    with Table(path, inspect(path)) as table:
        return suggest_mapping(table.headers)


@contextmanager
def _opened(
    path: Path, mapping: ColumnMapping, today: date, notes: NoteBook
) -> Generator[tuple[Table, RowParser]]:
    with Table(path, inspect(path)) as table:
        yield table, RowParser(mapping, table.headers, today, notes)


def _ignored(mapping: ColumnMapping, headers: Sequence[str]) -> list[str]:
    ignored = ignored_columns(mapping, headers)
    return [f"Columns that are not used: {', '.join(ignored)}"] if ignored else []


def _chunks(table: Table, size: int) -> Iterator[list[Record | RowProblem]]:
    chunk: list[Record | RowProblem] = []
    for found in table.records():
        chunk.append(found)
        if len(chunk) >= size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _usable(
    records: Sequence[Record | RowProblem], parser: RowParser, progress: _Progress
) -> list[DispensingRow]:
    """The rows of a chunk without problems and repetitions, both of which are recorded."""
    rows: list[DispensingRow] = []
    for record in records:
        progress.rows_read += 1
        found = record if isinstance(record, RowProblem) else parser.parse(record)
        if isinstance(found, RowProblem):
            progress.problems.append(found)
        elif found is not None and _is_new(found, progress):
            rows.append(found)
    return rows


def _is_new(row: DispensingRow, progress: _Progress) -> bool:
    """Note what a row is; False when it repeats another of the file."""
    if progress.tallies.repeats(row.content):
        progress.notes.add(Note.DUPLICATE, row.line)
        return False
    if row.status is FillStatus.REVERSED:
        progress.notes.add(Note.REVERSAL, row.line)
    elif row.status is FillStatus.RETURNED:
        progress.notes.add(Note.RETURNED, row.line)
    return True


def _named(problems: Sequence[RowProblem], parser: RowParser) -> list[RowProblem]:
    return [RowProblem(problem.line, parser.column(problem.column), problem.reason) for problem in problems]


def _work(
    tx: Tx, run_id: str, pharmacy_id: str, parser: RowParser, records: Sequence[Record | RowProblem],
    progress: _Progress,
) -> bool:  # fmt: skip
    """Store one chunk with its problems and the run's progress; False when the run is not ours any more."""
    tx.take_turn(pharmacy_id)
    run = tx.get(ImportRun, run_id, lock=True)
    if not _is_ours(run, progress):
        return False
    known_problems = len(progress.problems)
    rows = _usable(records, parser, progress)
    result = store_chunk(tx, pharmacy_id, parser.known, rows, progress.tallies)
    progress.problems.extend(_named(result.problems, parser))
    react_to_changes(tx, pharmacy_id, changes_of(tx, pharmacy_id, result), react)
    arrived = {patient_key(row.patient.key) for row in rows} | {rx_key(row.rx_number) for row in rows}
    inbound.wake(tx, pharmacy_id, arrived)
    fresh = sorted(progress.problems[known_problems:], key=lambda problem: problem.line)
    progress.problems[known_problems:] = fresh
    tx.add_all(
        ImportProblem(
            pharmacy_id=pharmacy_id,
            run_id=run_id,
            row=problem.line,
            column=problem.column,
            reason=problem.reason,
        )
        for problem in fresh
    )
    run.rows_done, run.worked_at, run.counts = progress.rows_read, tx.now, progress.counts()
    progress.seen_at = tx.now
    return True


def _is_ours(run: ImportRun, progress: _Progress) -> bool:
    """Whether this process works the run: no person has cancelled it, and no other process went on with it.

    A chunk that takes long looks like an interruption; its rows are stored by then, the other begins after them.
    """
    return run.state == "running" and run.worked_at == progress.seen_at


def _skip(table: Table, parser: RowParser, progress: _Progress, done: int) -> None:
    """Pass over rows stored before an interruption, remembering what they counted."""
    records = table.records() if done else iter(())
    for record in records:
        progress.rows_read += 1
        row = None if isinstance(record, RowProblem) else parser.parse(record)
        if isinstance(row, DispensingRow) and _is_new(row, progress):
            tallies = progress.tallies
            tallies.patients.mark(row.patient.key, Outcome.COUNTED)
            tallies.prescriptions.mark(row.rx_number, Outcome.COUNTED)
            tallies.fills.mark((row.rx_number, row.fill_number, row.filled_on), Outcome.COUNTED)
        if progress.rows_read >= done:
            return


def _stored_problems(db: Database, clock: Clock, scope: Scope, run_id: str) -> list[RowProblem]:
    with db.reading(scope, clock) as tx:
        return imports.problems_of(tx, run_id)


def _finish(tx: Tx, run_id: str, progress: _Progress) -> None:
    tx.take_turn(tx.get(ImportRun, run_id).pharmacy_id)
    run = tx.get(ImportRun, run_id, lock=True)
    if not _is_ours(run, progress):
        return
    report = progress.report()
    run.state, run.finished_at, run.worked_at = "done", tx.now, tx.now
    run.rows_total, run.counts, run.notes = progress.rows_read, progress.counts(), list(report.notes)
    if progress.rows_read > len(progress.problems):
        tx.get(Pharmacy, run.pharmacy_id).data_as_of = tx.now


def _fail(db: Database, clock: Clock, scope: Scope, run_id: str, progress: _Progress, message: str) -> None:
    with db.transaction(scope, clock) as tx:
        run = tx.get(ImportRun, run_id, lock=True)
        if not _is_ours(run, progress):
            return
        run.state, run.error, run.finished_at = "failed", message, tx.now
