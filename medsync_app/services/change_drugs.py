"""Mid-cycle changes of a patient's drugs: added, stopped, another dose; the coming batch is planned anew each time."""

from datetime import date
from decimal import Decimal

from medsync_app.domain.causes import Cause
from medsync_app.domain.cycle import CLAIMED_ITEMS, FETCHABLE, PENDING_ITEMS
from medsync_app.domain.states import EnrollmentState, ExceptionKind, ItemState, Role, Severity
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.cycle_state import set_item
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.patient_problems import check_patient
from medsync_app.services.plan_inputs import TherapyChoice
from medsync_app.services.renewals import close_renewal
from medsync_app.services.replan import Replan, replan
from medsync_app.services.settle_rest import settle_rest
from medsync_app.services.therapy_choices import mark_stopped, mark_taken, write_choices
from medsync_app.services.versions import bump, check_version
from medsync_app.services.write_plan import Plan, cancel_cycle, write_plan
from medsync_app.store.repositories import cycles, enrollments
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Fill, Therapy

MAX_TEXT = 500
MAX_UNITS = Decimal(1000)


def add_drug(
    tx: Tx,
    enrollment_id: str,
    therapy_id: str,
    *,
    expected_version: int,
    choice: TherapyChoice | None = None,
) -> None:
    """Take a drug into the programme: a short fill to the existing sync date, or a review task where none fits.

    NotFound for another pharmacy's drug, Invalid for another patient's, Conflict when the enrollment is not
    active or was changed since.
    """
    enrollment = tx.get(Enrollment, enrollment_id, lock=True)
    therapy = tx.get(Therapy, therapy_id)
    if therapy.patient_id != enrollment.patient_id:
        raise Invalid("This medicine is another patient's.", "therapy_id")
    check_version(tx, enrollment, expected_version, "This enrollment")
    if enrollment.state is not EnrollmentState.ACTIVE:
        raise Conflict("The enrollment is not active: resume it first.")
    write_choices(tx, therapy, choice or TherapyChoice())
    mark_taken(tx, therapy)
    bump(tx, enrollment)
    plan_in(tx, enrollment, [therapy_id])
    check_patient(tx, enrollment.patient_id)
    _audited(tx, therapy, "add_drug")


def discontinue(tx: Tx, therapy_id: str, *, reason: str, on: date | None = None) -> bool:
    """Stop a drug: it leaves every batch that has not been fetched; False when it was stopped already.

    A fill that waits at the pharmacy becomes a return task.
    """
    text = reason.strip()
    if not text or len(text) > MAX_TEXT:
        raise Invalid(f"Say why, in at most {MAX_TEXT} characters.", "reason")
    therapy = tx.get(Therapy, therapy_id, lock=True)
    today = pharmacy_today(tx, therapy.pharmacy_id)
    if on is not None and on > today:
        raise Invalid("A medicine cannot be stopped ahead: choose today or an earlier day.", "on")
    if therapy.status == "discontinued":
        return False
    stop_drug(tx, therapy, text, on or today)
    enrollment = enrollments.open_of_patient(tx, therapy.patient_id)
    if enrollment is not None:
        bump(tx, enrollment)
        replan_current(tx, enrollment, "A medicine was stopped.")
    check_patient(tx, therapy.patient_id)
    _audited(tx, therapy, "discontinue_drug")
    return True


def change_dose(
    tx: Tx,
    therapy_id: str,
    *,
    units_per_day: Decimal,
    on: date | None = None,
    usual_days: int | None = None,
) -> bool:
    """Another dose or days supply from a day on; False when both were so already.

    The supply in hand lasts remaining units / new units per day.
    """
    therapy = tx.get(Therapy, therapy_id, lock=True)
    if not 0 < units_per_day <= MAX_UNITS:
        raise Invalid("Give the units per day as a number above 0.", "units_per_day")
    today = pharmacy_today(tx, therapy.pharmacy_id)
    if on is not None and on > today:
        raise Invalid("Choose today or an earlier day.", "on")
    if therapy.units_per_day == units_per_day and usual_days in (None, therapy.usual_days):
        return False
    write_choices(tx, therapy, TherapyChoice(usual_days=usual_days))
    set_dose(tx, therapy, therapy.units_per_day, units_per_day, on or today)
    enrollment = enrollments.open_of_patient(tx, therapy.patient_id)
    if enrollment is not None:
        bump(tx, enrollment)
        replan_current(tx, enrollment, "A dose was changed.")
    check_patient(tx, therapy.patient_id)
    _audited(tx, therapy, "change_dose")
    return True


def set_dose(tx: Tx, therapy: Therapy, old: Decimal | None, new: Decimal, on: date) -> None:
    """Keep the new dose, and the old one with its last day for the supply in hand."""
    if old is not None and old > 0 and old != new:
        therapy.units_before, therapy.dose_changed_on = old, on
    therapy.units_per_day = new
    therapy.updated_at = tx.now
    if old != new:
        _ask_about_old_dose(tx, therapy, on)


def _ask_about_old_dose(tx: Tx, therapy: Therapy, on: date) -> None:
    """What was filled before the dose changed is looked at by a pharmacist before it is handed out."""
    for item, cycle in cycles.pending_items_of_therapy(tx, therapy.id):
        fill = tx.find(Fill, item.fill_id) if item.fill_id is not None else None
        if item.state not in CLAIMED_ITEMS or (fill is not None and fill.filled_on >= on):
            continue
        open_exception(
            tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.DOSE_CONFLICT, cause_key=Cause.OLD_DOSE.of(item.id),
            summary="The dose of a medicine has changed since it was filled: check it before it is handed out.",
            owner_role=Role.PHARMACIST, due_at=due_in(tx, hours=4), severity=Severity.HIGH,
            patient_id=cycle.patient_id, cycle_id=cycle.id, therapy_id=therapy.id,
        )  # fmt: skip


def stop_drug(tx: Tx, therapy: Therapy, reason: str, on: date) -> None:
    """Mark a drug as stopped and take it out of every batch that has not been fetched; plans nothing anew."""
    mark_stopped(tx, therapy, reason, on)
    for item, cycle in cycles.pending_items_of_therapy(tx, therapy.id):
        if item.state in CLAIMED_ITEMS:
            open_exception(
                tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.RETURN_TO_STOCK,
                cause_key=Cause.STOPPED.of(item.id),
                summary="A stopped medicine is in a batch that waits: take it out and reverse its claim.",
                owner_role=Role.TECHNICIAN, due_at=due_in(tx, hours=24), severity=Severity.HIGH,
                patient_id=cycle.patient_id, cycle_id=cycle.id, therapy_id=therapy.id,
            )  # fmt: skip
        set_item(tx, item, ItemState.SKIPPED, problem="discontinued", note="This medicine was stopped.")
        _after_removal(tx, cycle)
    close_renewal(tx, therapy.id, outcome="The medicine was stopped.")


def replan_current(tx: Tx, enrollment: Enrollment, reason: str) -> Cycle | None:
    """Plan the coming batch anew for its own day; None when there is none to plan, or it is being fetched already.

    A day on which nothing can be filled any more becomes a task for the pharmacist.
    """
    if enrollment.state is not EnrollmentState.ACTIVE:
        return None
    cycle = next(iter(cycles.open_of_enrollment(tx, enrollment.id, "sync")), None)
    if cycle is None or cycle.state in FETCHABLE:
        return None
    known = replan(tx, enrollment, cycle.number, day=cycle.sync_date, cycle=cycle).without_blockers()
    if cycle.sync_date < known.today:
        return None
    _ask_about_blockers(tx, cycle, known)
    option = known.requested
    if option is None or option.sync_date is None:
        _ask_for_date(tx, cycle)
        return None
    broken = known.avoidable_breaks(option)
    # The day was chosen before: that it is full or close is no news, that a drug lacks or is too soon is.
    review = tuple(code for code in broken if code in ("gap", "too_soon"))
    flagged = known.option_without_day_breaks(option)
    return write_plan(
        tx,
        enrollment,
        Plan(
            option=flagged, number=cycle.number, nominal_date=cycle.nominal_date, reason=reason, review=review,
            left_aside=known.left_aside,
        ),
        cycle,
    )  # fmt: skip


def _ask_about_blockers(tx: Tx, cycle: Cycle, known: Replan) -> None:
    """A drug in one piece that cannot meet the standing date is a pharmacist's question; the rest is planned."""
    held = {item.therapy_id for item in cycles.items_of(tx, cycle.id) if item.state in PENDING_ITEMS}
    for therapy_id in sorted(held & set(known.left_aside)):
        ask_about_drug(
            tx, cycle, therapy_id, cycle_id=cycle.id,
            summary="A medicine that comes in one piece does not fit the coming batch any more: decide how it joins.",
        )  # fmt: skip


def ask_about_drug(
    tx: Tx,
    about: Enrollment | Cycle,
    therapy_id: str,
    *,
    summary: str,
    hours: int = 48,
    severity: Severity = Severity.NORMAL,
    cycle_id: str | None = None,
) -> None:
    """Let a pharmacist decide how, or whether, a drug takes part: one task a drug."""
    open_exception(
        tx, pharmacy_id=about.pharmacy_id, kind=ExceptionKind.NEW_DRUG, cause_key=Cause.NEW_DRUG.of(therapy_id),
        summary=summary, owner_role=Role.PHARMACIST, due_at=due_in(tx, hours=hours), severity=severity,
        patient_id=about.patient_id, therapy_id=therapy_id, cycle_id=cycle_id,
    )  # fmt: skip


def plan_in(tx: Tx, enrollment: Enrollment, therapy_ids: list[str]) -> None:
    """Plan new drugs into the coming batch; a task for the pharmacist for each that does not simply fit."""
    replan_current(tx, enrollment, "A medicine was added.")
    held = {
        item.therapy_id: item
        for cycle in cycles.open_of_enrollment(tx, enrollment.id, "sync")
        for item in cycles.items_of(tx, cycle.id)
    }
    for therapy_id in therapy_ids:
        item = held.get(therapy_id)
        if item is not None and (item.state in PENDING_ITEMS or item.case == "not_due"):
            close_exception(
                tx, pharmacy_id=enrollment.pharmacy_id, cause_key=Cause.NEW_DRUG.of(therapy_id),
                outcome="It is planned into the coming batch.",
            )  # fmt: skip
            continue
        ask_about_drug(
            tx, enrollment, therapy_id, cycle_id=item.cycle_id if item is not None else None,
            summary="A new medicine does not fit the coming batch by itself: decide how it joins.",
        )  # fmt: skip


def _after_removal(tx: Tx, cycle: Cycle) -> None:
    left = [item for item in cycles.items_of(tx, cycle.id) if item.state is not ItemState.SKIPPED]
    if left:
        settle_rest(tx, cycle)
        return
    cancel_cycle(tx, cycle, "No medicine is left in this batch.")
    if cycle.kind == "sync":
        _ask_for_date(tx, cycle)


def _ask_for_date(tx: Tx, cycle: Cycle) -> None:
    open_exception(
        tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.PLAN_REVIEW, cause_key=Cause.NO_DATE.of(cycle.id),
        summary="Nothing can be filled on the planned day any more: choose another date, or end the enrollment.",
        owner_role=Role.PHARMACIST, due_at=due_in(tx, hours=24), patient_id=cycle.patient_id,
        cycle_id=cycle.id,
    )  # fmt: skip


def _audited(tx: Tx, therapy: Therapy, act: str) -> None:
    audit(
        tx, pharmacy_id=therapy.pharmacy_id, act=act, subject_kind="patient", subject_id=therapy.patient_id,
        detail={"therapy": therapy.id},
    )  # fmt: skip
