"""Dry runs of a workflow as rows: begun, followed and kept, so that the page may be left and come back to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from medsync_app.domain.local_time import local
from medsync_app.domain.sms_text import measure
from medsync_app.domain.states import Channel
from medsync_app.errors import Conflict, NotFound
from medsync_app.reads.dry_run import NotSent, Sent
from medsync_app.services.audit import audit
from medsync_app.services.workflow_versions import newest_version
from medsync_app.store.repositories import workflows
from medsync_app.store.session import Tx
from medsync_app.store.tables import TrialRun

#: A run that says nothing for so long has ended with its process.
SILENT: Final = timedelta(minutes=2)
#: Messages of a run that are kept to look at; all are counted.
KEPT_MESSAGES: Final = 200
KEPT_REASONS: Final = 12


@dataclass(frozen=True, slots=True)
class Begun:
    """A run to be made: the changes that are not published, or (None) the versions in force."""

    run_id: str
    document: dict[str, Any] | None


def begin_trial(tx: Tx, pharmacy_id: str, days: int) -> Begun:
    """Begin a run in the place of the last one; Conflict while one is under way. Owners and pharmacists."""
    newest = newest_version(tx, pharmacy_id)
    known = workflows.trial_of(tx, pharmacy_id)
    if known is not None:
        if known.finished_at is None and tx.now - known.beat_at < SILENT:
            raise Conflict(f"A dry run that {known.started_by} began is under way: wait for it, or stop it.")
        tx.session.delete(known)
        tx.session.flush()
    draft = workflows.draft_of(tx, pharmacy_id)
    run = tx.add(
        TrialRun(
            pharmacy_id=pharmacy_id, number=0 if draft else newest.number, days=days, started_at=tx.now,
            started_by=tx.scope.actor_name, beat_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    audit(
        tx, pharmacy_id=pharmacy_id, act="dry_run", subject_kind="workflow_version", subject_id=newest.id,
        detail={"days": days, "changed": draft is not None},
    )  # fmt: skip
    return Begun(run.id, dict(draft.document) if draft else None)


def note_progress(tx: Tx, run_id: str, percent: int) -> bool:
    """Say how far a run is; False when it was stopped, or another has taken its place."""
    run = tx.find(TrialRun, run_id)
    if run is None:
        return False
    run.percent, run.beat_at = percent, tx.now
    return True


def finish_trial(tx: Tx, run_id: str, result: dict[str, Any], error: str = "") -> None:
    """Keep what a run found, or the id of the error that ended it; nothing when it was stopped."""
    run = tx.find(TrialRun, run_id)
    if run is not None:
        run.percent, run.beat_at, run.finished_at = 100, tx.now, tx.now
        run.result, run.error = result, error


def stop_trial(tx: Tx, pharmacy_id: str) -> None:
    """Stop the run under way, or forget the last one."""
    newest_version(tx, pharmacy_id)
    run = workflows.trial_of(tx, pharmacy_id)
    if run is None:
        raise NotFound("There is no dry run to stop.")
    tx.session.delete(run)


def found_of(sent: Sequence[Sent], not_sent: Sequence[NotSent], zone: str) -> dict[str, Any]:
    """What a run found, as a document: counts by step, day and channel, why messages did not go, the first ones."""
    steps: dict[str, list[int]] = {}
    for place, messages in enumerate((sent, not_sent)):
        for one in messages:
            steps.setdefault(one.step, [0, 0])[place] += 1
    days = Counter(local(one.at, zone).date().isoformat() for one in sent)
    return {
        "sent": len(sent), "not_sent": len(not_sent), "steps": steps, "days": dict(sorted(days.items())),
        "patients": len({one.patient_id for one in sent}),
        "channels": dict(Counter(one.channel.value for one in sent)),
        "segments": sum(measure(one.text or "").segments for one in sent if one.channel is Channel.SMS),
        "reasons": Counter(one.reason for one in not_sent).most_common(KEPT_REASONS),
        "messages": [
            {
                "patient_id": one.patient_id, "step": one.step, "channel": one.channel.value,
                "at": one.at.isoformat(), "text": one.text,
            }
            for one in sent[:KEPT_MESSAGES]
        ],
    }  # fmt: skip
