"""Works the import runs that wait, and tidies up after uploads that nobody confirmed."""

from datetime import timedelta
from pathlib import Path

from medsync_app.clock import Clock
from medsync_app.errors import Conflict, MedSyncError
from medsync_app.logs import get_logger
from medsync_app.services.import_dispensing import SCOPE, SILENT_AFTER, claim_run, work_run
from medsync_app.services.start_import import discard_upload
from medsync_app.store.repositories import imports
from medsync_app.store.session import Database
from medsync_app.store.tables import ImportRun

#: An upload that nobody confirmed holds patient data for no purpose.
UNCONFIRMED_AFTER = timedelta(hours=24)


def work_waiting_imports(db: Database, clock: Clock, *, limit: int | None = None) -> int:
    """Work waiting and interrupted runs one after another, at most `limit`; gives how many ended.

    May take minutes: call it in a thread of its own, not between two sends. Safe in several processes.
    """
    _drop_unconfirmed(db, clock)
    with db.reading(SCOPE, clock) as tx:
        waiting = imports.to_work(tx, tx.now - SILENT_AFTER)[:limit]
    ended = 0
    for run_id in waiting:
        try:
            with db.transaction(SCOPE, clock) as tx:
                claimed = claim_run(tx, run_id)
        except Conflict:
            continue  # another process was faster
        try:
            work_run(db, clock, claimed)
        except MedSyncError:
            get_logger().warning("import_refused", run_id=run_id)
        except Exception as error:
            # work_run has recorded it for the person who waits for the result.
            get_logger().error("import_failed", run_id=run_id, error_type=type(error).__name__)
        ended += 1
        with db.reading(SCOPE, clock) as tx:
            run = tx.find(ImportRun, run_id)
        if run is not None and run.state in ("done", "failed", "cancelled"):
            discard_upload(Path(run.stored_path))
    return ended


def _drop_unconfirmed(db: Database, clock: Clock) -> None:
    with db.reading(SCOPE, clock) as tx:
        stale = imports.unconfirmed(tx, tx.now - UNCONFIRMED_AFTER)
    for run_id in stale:
        with db.transaction(SCOPE, clock) as tx:
            run = tx.get(ImportRun, run_id, lock=True)
            if run.state == "uploaded":
                run.state, run.finished_at = "cancelled", tx.now
                run.error = "Nobody started the import within a day, so the file was deleted."
                discard_upload(Path(run.stored_path))
