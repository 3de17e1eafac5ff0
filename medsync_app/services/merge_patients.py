"""Merges two records of one person: everything of the one moves to the other, in one transaction.

Written to be tried first: `try_merge` does all of it and rolls it back, so that the dialog shows what would happen.
"""

from typing import Final
from zoneinfo import ZoneInfo

from medsync_app.clock import Clock
from medsync_app.domain.days import plain_day
from medsync_app.domain.merging import renamed
from medsync_app.domain.states import Role
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.merge_contacts import MergedContacts, merge_contacts
from medsync_app.services.merge_enrollments import end, go_on, sides_of
from medsync_app.services.merge_facts import Merged, coming, coming_of, difference, seen_of
from medsync_app.services.merge_tasks import rename_tasks
from medsync_app.services.merge_therapies import MergedDrugs, merge_therapies
from medsync_app.services.merge_words import change_words, identity_words
from medsync_app.store.repositories import enrollments, merging
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import Patient, PatientMerge, Pharmacy

MAX_TEXT: Final = 500


def merge_patients(
    tx: Tx,
    kept_id: str,
    dropped_id: str,
    *,
    reason: str,
    seen: str | None = None,
    enrollment_id: str | None = None,
) -> Merged:
    """Move everything of `dropped_id` to `kept_id` and take the first record out; gives what was done.

    `seen` is `Merged.seen` of the trial that was looked at; Conflict when anything is different now, when somebody
    merged either before, while a message to one of them is under way, or when the enrollment that would end has a
    batch to be fetched. `enrollment_id` chooses the enrollment that goes on when both take part. Pharmacists only.
    """
    text = reason.strip()
    if not text or len(text) > MAX_TEXT:
        raise Invalid(f"Say why, in at most {MAX_TEXT} characters.", "reason")
    kept, dropped = _both(tx, kept_id, dropped_id)
    now_seen = seen_of(tx, (kept, dropped))
    if seen is not None and seen != now_seen:
        raise Conflict(
            "Something about these two records has changed since you looked. Look at it as it is now."
        )
    if merging.calling(tx, (kept_id, dropped_id)):
        raise Conflict("A message to this patient is being sent just now. Try again in a minute.")
    before = coming(merging.waiting(tx, (kept_id, dropped_id)))
    words = identity_words(kept, dropped)
    sides = sides_of(tx, kept_id, dropped_id, enrollment_id)
    if sides.ending is not None:
        end(tx, sides.ending)
    drugs = merge_therapies(tx, kept_id, dropped_id, leading_id=sides.leading_id)
    contacts = merge_contacts(tx, kept, dropped)
    moved = _move(tx, kept, dropped, text, drugs, contacts)
    _settle_drafts(tx, kept_id, drugs, enrolled=sides.living is not None)
    go_on(tx, kept, sides)
    audit(
        tx, pharmacy_id=kept.pharmacy_id, act="merge_patients", subject_kind="patient", subject_id=kept_id,
        detail={"dropped": dropped_id, "moved": moved, "enrollment": sides.living.id if sides.living else ""},
    )  # fmt: skip
    withdrawn, queued, unchanged = difference(before, coming(merging.waiting(tx, (kept_id,))))
    living = enrollments.open_of_patient(tx, kept_id)
    batch = coming_of(tx, living.id) if living is not None else None
    return Merged(
        kept_id=kept_id, dropped_id=dropped_id, seen=now_seen, moved=moved, same_drugs=tuple(sorted(drugs.names)),
        told_twice=len(drugs.reversed_fills), warnings=(*words, *change_words(sides, drugs, contacts)),
        open_before=sides.open, enrollment_id=living.id if living is not None else None,
        sync_date=batch.sync_date if batch is not None else None,
        needs_review=batch is not None and batch.unapproved, withdrawn=withdrawn, queued=queued,
        unchanged=unchanged,
    )  # fmt: skip


class _Shown(Exception):
    """Carries what a trial came to out of its transaction, which rolls back."""

    def __init__(self, merged: Merged) -> None:
        super().__init__()
        self.merged = merged


def try_merge(
    db: Database,
    clock: Clock,
    scope: Scope,
    kept_id: str,
    dropped_id: str,
    *,
    enrollment_id: str | None = None,
) -> Merged:
    """What a merge would do: it is done and rolled back, so that nothing is computed a second way."""
    try:
        with db.transaction(scope, clock) as tx:
            raise _Shown(merge_patients(tx, kept_id, dropped_id, reason="-", enrollment_id=enrollment_id))
    except _Shown as shown:
        return shown.merged


def _both(tx: Tx, kept_id: str, dropped_id: str) -> tuple[Patient, Patient]:
    """Both records, locked in one order; Conflict, naming who, when one of them has been merged already."""
    if kept_id == dropped_id:
        raise Invalid("Choose another record: this is the same one.", "patient_id")
    for patient_id in (kept_id, dropped_id):
        known = merging.of_dropped(tx, patient_id)
        if known is not None:
            zone = ZoneInfo(tx.get(Pharmacy, known.pharmacy_id).zone)
            at = known.merged_at.astimezone(zone)
            raise Conflict(
                f"{known.merged_by} merged this record into another on {plain_day(at.date())} at {at:%H:%M}. "
                "Nothing of yours was saved: open the patient again."
            )
    rows = {key: tx.get(Patient, key, lock=True) for key in sorted((kept_id, dropped_id))}
    kept, dropped = rows[kept_id], rows[dropped_id]
    if kept.pharmacy_id != dropped.pharmacy_id:
        raise Invalid(
            "These records are at two locations: a patient is merged inside one only.", "patient_id"
        )
    tx.scope.require(kept.pharmacy_id, Role.PHARMACIST)
    return kept, dropped


def _move(
    tx: Tx, kept: Patient, dropped: Patient, reason: str, drugs: MergedDrugs, contacts: MergedContacts
) -> dict[str, int]:
    """Move every row that names the dropped record and take it out; gives how many moved, by table."""
    dropped_id, was = dropped.id, merging.plain(dropped)
    source, rank = dropped.external_id, dropped.source_rank
    rename_tasks(tx, dropped_id, {dropped_id: kept.id})
    moved = merging.repoint(tx, Patient, dropped_id, kept.id)
    merging.delete(tx, tx.get(Patient, dropped_id))
    takes_source = kept.external_id is None and source is not None
    if takes_source:
        kept.external_id, kept.source_rank = source, rank
    tx.add(
        PatientMerge(
            pharmacy_id=kept.pharmacy_id, kept_id=kept.id, dropped_id=dropped_id,
            external_id=None if takes_source else source, reason=reason, merged_by=tx.scope.actor_name,
            merged_at=tx.now,
            snapshot={
                "patient": was, "moved": moved, "same_drugs": drugs.same, "drugs": drugs.rows,
                "contacts": contacts.rows, "reversed_fills": drugs.reversed_fills,
            },
        )
    )  # fmt: skip
    kept.updated_at = tx.now
    tx.session.flush()
    tx.dispensed(kept.pharmacy_id, [kept.id])
    return {table: len(ids) for table, ids in sorted(moved.items())}


def _settle_drafts(tx: Tx, patient_id: str, drugs: MergedDrugs, *, enrolled: bool) -> None:
    """Drafts speak of the drugs that there are; who takes part already is not enrolled once more."""
    for draft in merging.drafts(tx, patient_id):
        draft.answers = renamed(draft.answers, drugs.same)
        if enrolled and draft.finished_at is None:
            draft.finished_at = tx.now
