"""What a patient says on the phone about each medicine of a batch: fill, skip, changed, and the doses left."""

from collections.abc import Mapping
from dataclasses import dataclass

from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import ENDED, UNFILLED
from medsync_app.domain.states import ExceptionKind, ItemState, Role, Severity
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.cycle_state import refuse_after_death, refuse_unapproved, set_item
from medsync_app.services.exceptions import comment, due_in, open_exception
from medsync_app.services.fill_request import confirm, note_request, waiting_for_request
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.settle_rest import settle_rest
from medsync_app.store.repositories import cycles
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem

ANSWERS = ("fill", "skip", "changed")
MAX_DOSES = 999
_MAX_REASON = 200
#: Why an item is skipped that the patient does not want this time.
PATIENT_SKIPS = "patient_skips"


@dataclass(frozen=True, slots=True)
class DrugAnswer:
    """What was said about one medicine: an entry of ANSWERS ("" when it was not spoken of), why, and doses in hand."""

    answer: str = ""
    reason: str = ""
    doses_left: int | None = None


def check_answers(answers: Mapping[str, DrugAnswer]) -> None:
    """Raise Invalid, naming the field, for answers that cannot be kept."""
    for key, said in answers.items():
        if said.answer not in ("", *ANSWERS):
            raise Invalid(f"Choose one of: {', '.join(ANSWERS)}.", f"drug_{key}")
        if said.answer in ("skip", "changed") and not said.reason.strip():
            raise Invalid("Say why, in a few words.", f"reason_{key}")
        if len(said.reason) > _MAX_REASON:
            raise Invalid(f"Keep it to {_MAX_REASON} characters.", f"reason_{key}")
        if said.doses_left is not None and not 0 <= said.doses_left <= MAX_DOSES:
            raise Invalid(f"Give the doses left as a number up to {MAX_DOSES}.", f"doses_{key}")


def apply_answers(tx: Tx, cycle_id: str, answers: Mapping[str, DrugAnswer], *, how: str = "call") -> None:
    """Keep the answers with who and when, and act on them: an asked for item may be filled, a skipped one leaves.

    A changed one waits for the pharmacist and is not asked for by that. Conflict when the batch is over, not approved,
    or an item is filled already; Invalid when nothing would be left of the batch.
    """
    cycle = tx.get(Cycle, cycle_id, lock=True)
    rows = {item.id: item for item in cycles.items_of(tx, cycle.id)}
    check_answers(answers)
    _check_batch(tx, cycle, rows, answers)
    for key, said in answers.items():
        if said.doses_left is not None:
            rows[key].doses_left = said.doses_left
        if said.answer:
            _apply(tx, cycle, rows[key], said, how)
    live = [item for item in rows.values() if item.state in UNFILLED]
    asked = live and all(item.requested_at is not None for item in live)
    if asked and not waiting_for_request(tx, cycle, filled=True):
        confirm(tx, cycle, how=how, by=tx.scope.actor_name)
    settle_rest(tx, cycle)
    check_patient(tx, cycle.patient_id)
    audit(
        tx, pharmacy_id=cycle.pharmacy_id, act="record_answers", subject_kind="cycle", subject_id=cycle.id,
        detail={key: said.answer for key, said in answers.items() if said.answer},
    )  # fmt: skip


def _check_batch(
    tx: Tx, cycle: Cycle, rows: Mapping[str, CycleItem], answers: Mapping[str, DrugAnswer]
) -> None:
    if any(key not in rows for key in answers):
        raise Invalid("One of these medicines is not part of this batch. Reload the page.", "answers")
    chosen = {key: said for key, said in answers.items() if said.answer}
    if not chosen:
        return
    if cycle.state in ENDED:
        raise Conflict("This batch is over: record what was said as a note.")
    refuse_after_death(tx, cycle)
    refuse_unapproved(cycle)
    for key, said in chosen.items():
        if said.answer != "fill" and rows[key].state not in UNFILLED:
            raise Conflict("One of these medicines is filled already: return it to stock instead.")
    skipped = {key for key, said in chosen.items() if said.answer == "skip"}
    if all(key in skipped for key, item in rows.items() if item.state is not ItemState.SKIPPED):
        raise Invalid(
            "Nothing would be left of this batch: move its date, or pause the enrollment.", "answers"
        )


def _apply(tx: Tx, cycle: Cycle, item: CycleItem, said: DrugAnswer, how: str) -> None:
    if said.answer == "fill":
        note_request(tx, [item], how=how, by=tx.scope.actor_name)
        return
    if said.answer == "skip":
        set_item(tx, item, ItemState.SKIPPED, problem=PATIENT_SKIPS, note=said.reason.strip())
        return
    set_item(tx, item, ItemState.WAITING, problem="on_hold", note=said.reason.strip())
    case = open_exception(
        tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.DOSE_CONFLICT,
        cause_key=Cause.CHANGED.of(item.therapy_id),
        summary="The patient says that a medicine was changed: check it with the prescriber, then put the batch right.",
        owner_role=Role.PHARMACIST, due_at=due_in(tx, hours=24), severity=Severity.HIGH,
        patient_id=cycle.patient_id, cycle_id=cycle.id, therapy_id=item.therapy_id,
    )  # fmt: skip
    comment(tx, case, said.reason)
