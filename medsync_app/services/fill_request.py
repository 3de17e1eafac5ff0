"""Fill on request: an item whose payer forbids automatic refills is prepared only after the patient has asked for it.

`waiting_for_request` is the one place of the rule (DOMAIN.md section 4); the request is kept with who, how and when.
"""

from collections.abc import Iterable

from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import ENDED, NOT_REQUESTED, PENDING_ITEMS, UNFILLED
from medsync_app.domain.states import ExceptionKind, ItemState, Role, Severity
from medsync_app.errors import Conflict
from medsync_app.services.audit import audit
from medsync_app.services.cycle_state import refresh_state, refuse_unapproved, set_item
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.rules import rules_of
from medsync_app.store.repositories import cycles, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, Pharmacy


def waiting_for_request(tx: Tx, cycle: Cycle, *, filled: bool = False) -> list[CycleItem]:
    """The items of a batch that may not be prepared yet: their payer forbids automatic refills and nobody has asked.

    `filled`: also those that the pharmacy system reports as filled all the same.
    """
    unasked = [
        item
        for item in cycles.items_of(tx, cycle.id)
        if item.requested_at is None
        and item.state in PENDING_ITEMS
        and (filled or (item.state in UNFILLED and item.fill_id is None))
    ]
    if not unasked:
        return []
    payers = rules_of(tx.get(Pharmacy, cycle.pharmacy_id)).fill_on_request
    rows = therapies.by_ids(tx, [item.therapy_id for item in unasked])
    return [item for item in unasked if rows[item.therapy_id].payer in payers]


def hold_unrequested(tx: Tx, cycle: Cycle) -> list[CycleItem]:
    """What nobody has asked for waits, and somebody asks the patient; gives what waits."""
    held = waiting_for_request(tx, cycle)
    for item in held:
        if item.problem == "":
            set_item(
                tx, item, ItemState.WAITING, problem=NOT_REQUESTED, note="Filled only when the patient asks."
            )
    if held:
        _ask(
            tx, cycle, Role.TECHNICIAN,
            "The plan forbids automatic refills: ask the patient whether to fill, and record the answer.",
        )  # fmt: skip
    return held


def question_filled(tx: Tx, cycle: Cycle, item: CycleItem) -> None:
    """The pharmacy system has filled an item: if nobody is known to have asked for it, a pharmacist looks at it."""
    if item in waiting_for_request(tx, cycle, filled=True):
        _ask(
            tx, cycle, Role.PHARMACIST,
            "A medicine was filled whose plan forbids automatic refills, and no request is recorded: record the "
            "patient's request, or reverse the claim.",
        )  # fmt: skip


def _ask(tx: Tx, cycle: Cycle, owner: Role, summary: str) -> None:
    open_exception(
        tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.CALL, cause_key=Cause.REQUEST.of(cycle.id),
        summary=summary, owner_role=owner, due_at=due_in(tx, hours=24), severity=Severity.HIGH,
        patient_id=cycle.patient_id, cycle_id=cycle.id,
    )  # fmt: skip


def record_request(tx: Tx, cycle_id: str, *, how: str) -> bool:
    """The patient asked for the batch or confirmed it (`how`: reply, call, counter); False when that is known.

    Items that waited for a request may be filled now. Conflict when the cycle is over or not approved.
    """
    cycle = tx.get(Cycle, cycle_id, lock=True)
    if cycle.state in ENDED:
        raise Conflict("This cycle is over: there is nothing to confirm.")
    refuse_unapproved(cycle)
    if cycle.confirmed_at is not None and not waiting_for_request(tx, cycle, filled=True):
        return False
    confirm(tx, cycle, how=how, by=tx.scope.actor_name)
    refresh_state(tx, cycle)
    audit(
        tx, pharmacy_id=cycle.pharmacy_id, act="record_request", subject_kind="cycle", subject_id=cycle.id,
        detail={"how": how},
    )  # fmt: skip
    return True


def confirm(tx: Tx, cycle: Cycle, *, how: str, by: str) -> None:
    """The patient wants the whole batch: all that is still to come is asked for, and nobody need call."""
    if cycle.confirmed_at is None:
        cycle.confirmed_at, cycle.confirmed_how = tx.now, how
    note_request(tx, [i for i in cycles.items_of(tx, cycle.id) if i.state in PENDING_ITEMS], how=how, by=by)
    for cause in (Cause.REQUEST, Cause.CALL):
        close_exception(
            tx, pharmacy_id=cycle.pharmacy_id, cause_key=cause.of(cycle.id),
            outcome="The patient has confirmed.",
        )  # fmt: skip


def note_request(tx: Tx, items: Iterable[CycleItem], *, how: str, by: str) -> None:
    """Keep who asked for items, when and how (the first request stands); what waited for it may be filled."""
    for item in items:
        if item.requested_at is None:
            item.requested_at, item.requested_how, item.requested_by = tx.now, how, by
        if item.problem == NOT_REQUESTED:
            set_item(tx, item, ItemState.PLANNED)


def settle_requests(tx: Tx, cycle: Cycle) -> None:
    """Close the question about a batch when nothing of it waits for the patient's request any more."""
    if not waiting_for_request(tx, cycle, filled=True):
        close_exception(
            tx, pharmacy_id=cycle.pharmacy_id, cause_key=Cause.REQUEST.of(cycle.id),
            outcome="Nothing is left to ask for.",
        )  # fmt: skip
