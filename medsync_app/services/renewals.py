"""Renewal requests to prescribers: at most one open per drug, followed up until there is an answer or a new Rx."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from medsync_app.clock import local_day
from medsync_app.domain.causes import Cause, of_kind
from medsync_app.domain.cycle import ENDED, UNFILLED
from medsync_app.domain.states import (
    CycleState,
    ExceptionKind,
    RenewalState,
    Role,
    Severity,
)
from medsync_app.domain.workflow import Action
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.changed_renewal import ask_about_changes, release_changed
from medsync_app.services.cycle_state import refresh_state
from medsync_app.services.ensure_workflow import workflow_of_version
from medsync_app.services.exceptions import close_exception, close_row, due_in, open_exception
from medsync_app.services.outside_jobs import send_renewal
from medsync_app.services.plan_inputs import current_prescription, prescribed
from medsync_app.services.renewal_need import renewal_reason
from medsync_app.services.rules import rules_of
from medsync_app.services.schedule_cycle import announce
from medsync_app.store.repositories import cycles, renewals, therapies
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Cycle,
    CycleItem,
    ExceptionCase,
    Pharmacy,
    Prescriber,
    RenewalRequest,
    Therapy,
)

STAGES = ("resend", "phone", "escalate")
#: What a prescriber may answer (the wording of NCPDP SCRIPT RxRenewal).
ANSWERS = {
    "approved": RenewalState.APPROVED,
    "approved_with_changes": RenewalState.CHANGED,
    "denied": RenewalState.DENIED,
    "replaced": RenewalState.REPLACED,
    "pending": RenewalState.PENDING,
}
#: An approval whose new Rx has not arrived for so long is asked for again.
_APPROVAL_HOLDS_DAYS = 14
#: A prescriber is not called silent before so many hours.
_ANSWER_HOURS = 24
_MAX_NOTE = 500
_NOT_NEEDED = "No renewal is needed any more."
_GRANTED = (RenewalState.APPROVED, RenewalState.CHANGED)
_REFUSED = (RenewalState.DENIED, RenewalState.REPLACED)


def request_renewals(tx: Tx, cycle_id: str) -> int:
    """Ask for a renewal of each drug of a batch that has no usable refill; returns how many requests are new.

    By the path set for the pharmacy and the prescriber: fax, e-mail or portal go out by themselves, all else ("send
    it from the pharmacy system") is a task for the technician. A drug that has an unanswered request, a fresh
    approval, or was refused for this batch is not asked for again.
    """
    cycle = tx.get(Cycle, cycle_id)
    if cycle.state in ENDED:
        return 0
    new = 0
    for item, reason in _needed(tx, cycle):
        if _is_asked(tx, item, cycle):
            continue
        _request(tx, cycle, item, reason)
        new += 1
    if new and cycle.state is CycleState.PLANNED:
        refresh_state(tx, cycle, base=CycleState.REQUESTING)
    return new


def follow_up(tx: Tx, cycle_id: str, stage: str) -> int:
    """Do the next step for requests of a batch that have no answer; returns how many there were.

    "Pending" is no answer: the patient needs the medicine on the day all the same.
    `resend` asks again, `phone` makes a phone task, `escalate` tells the pharmacist. Drugs that came to need a renewal
    since are asked for first. Left alone are requests of the same day (late starts) and those of another batch.
    """
    if stage not in STAGES:
        raise Invalid(f"Choose one of: {', '.join(STAGES)}.", "stage")
    cycle = tx.get(Cycle, cycle_id)
    if cycle.state in ENDED:
        return 0
    request_renewals(tx, cycle_id)
    lacking = {item.therapy_id for item, _ in _needed(tx, cycle)}
    today = pharmacy_today(tx, cycle.pharmacy_id)
    zone = tx.get(Pharmacy, cycle.pharmacy_id).zone
    unanswered = [
        row
        for row in _open_for(tx, cycle)
        if row.therapy_id in lacking and local_day(row.created_at, zone) < today
    ]
    for row in unanswered:
        if stage == "resend":
            if _is_deciding(tx, row) or (row.sent_at is not None and local_day(row.sent_at, zone) == today):
                continue
            row.sent_at = tx.now
            if not send_renewal(tx, row, "resend"):
                renewal_task(tx, row, "No answer yet: send the renewal request again.")
        elif stage == "phone":
            renewal_task(tx, row, "No answer yet: phone the prescriber.", Severity.HIGH)
        else:
            _escalate(tx, row)
    return len(unanswered)


def record_renewal_answer(tx: Tx, renewal_id: str, answer: str, *, note: str = "") -> bool:
    """Keep what the prescriber answered (a key of `ANSWERS`); False when that was known.

    Approved: the request waits for the new Rx to arrive. With changes, denied or replaced: a task for the pharmacist.
    """
    state = ANSWERS.get(answer)
    if state is None:
        raise Invalid(f"Choose one of: {', '.join(ANSWERS)}.", "answer")
    if len(note.strip()) > _MAX_NOTE:
        raise Invalid(f"Keep the note to {_MAX_NOTE} characters.", "note")
    tx.take_turn(tx.get(RenewalRequest, renewal_id).pharmacy_id)
    row = tx.get(RenewalRequest, renewal_id, lock=True)
    if row.state is state and row.answered_at is not None:
        return False
    if row.state not in renewals.UNANSWERED:
        raise Conflict(f"This request was answered already: {row.state.value.replace('_', ' ')}.")
    row.state, row.answer, row.answered_at = state, note.strip(), tx.now
    if state is not RenewalState.PENDING:
        _close_tasks(tx, row, f"The prescriber answered: {state.value.replace('_', ' ')}.")
    if state in _REFUSED:
        _refused(tx, row)
    if state is RenewalState.CHANGED:
        ask_about_changes(tx, row)
    _tell_cycle(tx, row, "prescriber_answered")
    audit(
        tx, pharmacy_id=row.pharmacy_id, act="record_renewal_answer", subject_kind="renewal_request",
        subject_id=row.id, detail={"answer": answer},
    )  # fmt: skip
    return True


def close_renewal(tx: Tx, therapy_id: str, *, outcome: str) -> bool:
    """A new Rx has arrived, or none is needed any more: the request of a drug and its tasks close. False: none was."""
    row = renewals.unanswered_of_therapy(tx, therapy_id)
    latest = next(iter(reversed(renewals.of_therapy(tx, therapy_id))), None)
    if row is None and (latest is None or latest.state is RenewalState.CLOSED):
        return False
    closed = row or latest
    assert closed is not None  # noqa: S101 - one of both is there
    closed.state = RenewalState.CLOSED
    closed.answer = closed.answer or outcome
    closed.answered_at = closed.answered_at or tx.now
    _close_tasks(tx, closed, outcome)
    for kind in (ExceptionKind.PRESCRIBER_DENIED, ExceptionKind.PRESCRIBER_SILENT):
        close_exception(
            tx, pharmacy_id=closed.pharmacy_id, cause_key=of_kind(kind, therapy_id), outcome=outcome
        )
    release_changed(tx, closed.pharmacy_id, therapy_id, outcome)
    _tell_cycle(tx, closed, "refill_status")
    return True


def review_requests(
    tx: Tx,
    pharmacy_id: str,
    requests: Sequence[RenewalRequest],
    tasks: Sequence[ExceptionCase],
    lacking: Mapping[str, date],
) -> None:
    """Close what no renewal is needed for any more, and tell of prescribers who are silent past their time.

    `requests` are a patient's unanswered ones, `tasks` the open exceptions about renewals, `lacking` the drugs that
    need one with the day of the fill. Also finds what the workflow's own escalation missed (late starts).
    """
    for row in requests:
        if row.therapy_id not in lacking:
            close_renewal(tx, row.therapy_id, outcome=_NOT_NEEDED)
        elif _is_silent(tx, row, lacking[row.therapy_id]):
            _escalate(tx, row)
    for task in tasks:
        if task.therapy_id not in lacking:
            close_row(tx, task, outcome=_NOT_NEEDED)


def _is_deciding(tx: Tx, row: RenewalRequest) -> bool:
    """Whether the prescriber said of late that the answer is to come: not asked again so soon."""
    since = tx.now - timedelta(hours=_ANSWER_HOURS)
    return row.state is RenewalState.PENDING and row.answered_at is not None and row.answered_at > since


def _is_silent(tx: Tx, row: RenewalRequest, fill_on: date) -> bool:
    """Whether the time has passed at which the batch's workflow tells the pharmacist of a silent prescriber."""
    cycle = tx.find(Cycle, row.cycle_id) if row.cycle_id else None
    if cycle is None or cycle.workflow_version_id is None or _is_deciding(tx, row):
        return False
    if row.created_at > tx.now - timedelta(hours=_ANSWER_HOURS):
        return False
    today = pharmacy_today(tx, row.pharmacy_id)
    steps = workflow_of_version(tx, cycle.workflow_version_id).steps
    days = [step.trigger.days for step in steps if any(_escalates(action) for action in step.actions)]
    return bool(days) and today > fill_on - timedelta(days=max(days))


def _escalates(action: Action) -> bool:
    return action.do == "renewal" and action.options.get("stage") == "escalate"


def _needed(tx: Tx, cycle: Cycle) -> Sequence[tuple[CycleItem, ExceptionKind]]:
    """The first unclaimed item of each drug in this batch that a refill is missing for, with the reason."""
    items = [i for i in cycles.items_of(tx, cycle.id) if i.state in UNFILLED]
    if not items:
        return []
    pharmacy = tx.get(Pharmacy, cycle.pharmacy_id)
    today = local_day(tx.now, pharmacy.zone)
    uses_refill = rules_of(pharmacy).short_fill_uses_refill
    medications = {str(m.id): m for m in prescribed(tx, cycle.patient_id, today=today)}
    waiting = cycles.pending_items_of_patient(tx, cycle.patient_id)
    found: dict[str, tuple[CycleItem, ExceptionKind]] = {}
    for item in items:
        pending = [
            (other, batch)
            for other, batch in waiting.get(item.therapy_id, ())
            if other.state in UNFILLED and batch.sync_date <= cycle.sync_date
        ]
        reason = renewal_reason(medications[item.therapy_id], pending, short_uses_refill=uses_refill)
        if reason is not None:
            found.setdefault(item.therapy_id, (item, reason))
    return list(found.values())


def _is_asked(tx: Tx, item: CycleItem, cycle: Cycle) -> bool:
    since = tx.now - timedelta(days=_APPROVAL_HOLDS_DAYS)
    for row in renewals.of_therapy(tx, item.therapy_id):
        if row.state in renewals.UNANSWERED:
            return True
        if row.state in _GRANTED and row.answered_at is not None and row.answered_at > since:
            return True
        if row.state in _REFUSED and row.cycle_id == cycle.id:
            return True
    return False


def _request(tx: Tx, cycle: Cycle, item: CycleItem, reason: ExceptionKind) -> None:
    therapy = tx.get(Therapy, item.therapy_id)
    rx = current_prescription(therapy, therapies.prescriptions_of_therapy(tx, therapy.id))
    prescriber_id = rx.prescriber_id if rx is not None else None
    prescriber = tx.find(Prescriber, prescriber_id) if prescriber_id else None
    path = "task"
    if prescriber is not None:
        path = prescriber.renewal_path or rules_of(tx.get(Pharmacy, cycle.pharmacy_id)).renewal_path
    row = tx.add(
        RenewalRequest(
            pharmacy_id=cycle.pharmacy_id, therapy_id=therapy.id, patient_id=cycle.patient_id, cycle_id=cycle.id,
            prescriber_id=prescriber_id, state=RenewalState.SENT, path=path, reason=reason.value,
            needed_by=cycle.sync_date, sent_at=tx.now, created_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    if send_renewal(tx, row, "request"):
        row.state, row.sent_at = RenewalState.OPEN, None  # sent once it has gone
        return
    words = {
        "fax": "Fax a renewal request to the prescriber.",
        "email_to_fax": "Fax a renewal request to the prescriber.",
        "email": "Send the prescriber a renewal request by e-mail.",
    }
    text = words.get(path, "Send a renewal request from the pharmacy system.")
    if prescriber is None:
        text = "No prescriber is known: find out who renews this medicine and ask."
    renewal_task(tx, row, text)


def renewal_task(tx: Tx, row: RenewalRequest, summary: str, severity: Severity = Severity.NORMAL) -> None:
    """What the technician does about a request; one task per drug."""
    open_exception(
        tx, pharmacy_id=row.pharmacy_id, kind=ExceptionKind.RENEWAL, cause_key=Cause.RENEWAL.of(row.therapy_id),
        summary=summary, owner_role=Role.TECHNICIAN, due_at=due_in(tx, hours=24), severity=severity,
        patient_id=row.patient_id, cycle_id=row.cycle_id, therapy_id=row.therapy_id,
        detail={"renewal": row.id, "path": row.path, "needed_by": row.needed_by.isoformat()},
    )  # fmt: skip


def _escalate(tx: Tx, row: RenewalRequest) -> None:
    open_exception(
        tx, pharmacy_id=row.pharmacy_id, kind=ExceptionKind.PRESCRIBER_SILENT,
        cause_key=of_kind(ExceptionKind.PRESCRIBER_SILENT, row.therapy_id),
        summary="The prescriber has not "
        + ("decided yet" if row.state is RenewalState.PENDING else "answered")
        + " and the batch is near: decide what the patient gets.",
        owner_role=Role.PHARMACIST, due_at=due_in(tx, hours=24), severity=Severity.HIGH,
        patient_id=row.patient_id, cycle_id=row.cycle_id, therapy_id=row.therapy_id,
        detail={"renewal": row.id},
    )  # fmt: skip


def _refused(tx: Tx, row: RenewalRequest) -> None:
    replaced = row.state is RenewalState.REPLACED
    open_exception(
        tx, pharmacy_id=row.pharmacy_id, kind=ExceptionKind.PRESCRIBER_DENIED,
        cause_key=of_kind(ExceptionKind.PRESCRIBER_DENIED, row.therapy_id),
        summary="The prescriber replaces this medicine: change the programme and tell the patient."
        if replaced
        else "The prescriber does not renew this medicine: stop it in the programme, or ask again.",
        owner_role=Role.PHARMACIST, due_at=due_in(tx, hours=24), severity=Severity.HIGH,
        patient_id=row.patient_id, cycle_id=row.cycle_id, therapy_id=row.therapy_id,
        detail={"renewal": row.id},
    )  # fmt: skip


def _open_for(tx: Tx, cycle: Cycle) -> list[RenewalRequest]:
    """Unanswered requests for drugs of this batch, whichever batch they were first made for."""
    drugs = {item.therapy_id for item in cycles.items_of(tx, cycle.id) if item.state in UNFILLED}
    return [row for row in renewals.unanswered_of_patient(tx, cycle.patient_id) if row.therapy_id in drugs]


def _close_tasks(tx: Tx, row: RenewalRequest, outcome: str) -> None:
    close_exception(
        tx, pharmacy_id=row.pharmacy_id, cause_key=Cause.RENEWAL.of(row.therapy_id), outcome=outcome
    )
    close_exception(
        tx, pharmacy_id=row.pharmacy_id,
        cause_key=of_kind(ExceptionKind.PRESCRIBER_SILENT, row.therapy_id), outcome=outcome,
    )  # fmt: skip


def _tell_cycle(tx: Tx, row: RenewalRequest, event: str) -> None:
    cycle = tx.find(Cycle, row.cycle_id) if row.cycle_id else None
    if cycle is None or cycle.state in ENDED:
        return
    announce(tx, cycle.id, event)
    if cycle.state is CycleState.REQUESTING and not _open_for(tx, cycle):
        refresh_state(tx, cycle, base=CycleState.PLANNED)
