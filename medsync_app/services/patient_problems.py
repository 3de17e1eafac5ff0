"""Finds what stands in the way of a patient's batches: opened once per cause, closed when it has gone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from medsync_app.clock import local_day
from medsync_app.domain.causes import Cause, cause_of, is_of_kind, of_kind
from medsync_app.domain.consent import USABLE, may_use
from medsync_app.domain.cycle import CLAIMED_ITEMS, SAME_DRUG, UNFILLED
from medsync_app.domain.plan_model import Medication
from medsync_app.domain.states import Channel, ContactBasis, ExceptionKind, ItemState, Role, Severity
from medsync_app.services.exceptions import close_row, due_before_fill, due_in, open_exception
from medsync_app.services.plan_inputs import drugs_for, drugs_of
from medsync_app.services.renewal_need import renewal_reason
from medsync_app.services.renewals import review_requests
from medsync_app.services.rules import Rules, rules_of
from medsync_app.store.repositories import problem_facts
from medsync_app.store.repositories.charts import Chart
from medsync_app.store.repositories.problem_facts import ProblemFacts
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, CycleItem, ExceptionCase, Pharmacy, Therapy

FOUND_HERE = (
    ExceptionKind.PA_ENDING, ExceptionKind.NO_REFILLS, ExceptionKind.RX_EXPIRES, ExceptionKind.OUT_OF_STOCK,
    ExceptionKind.DOSE_CONFLICT, ExceptionKind.CONTACT,
)  # fmt: skip
#: Kinds that follow from requests to prescribers: closed here once no renewal is needed.
_OF_RENEWALS = (
    ExceptionKind.RENEWAL, ExceptionKind.PRESCRIBER_SILENT, ExceptionKind.PRESCRIBER_DENIED,
)  # fmt: skip
#: Marks, in the detail of a settled row, that its cause has gone since.
_GONE = "gone"
_SETTLED_FOR = timedelta(days=7)
_SUMMARIES = {
    ExceptionKind.PA_ENDING: "The prior authorization ends soon: ask the plan to extend it.",
    ExceptionKind.NO_REFILLS: "No refill is left for the next batch: a renewal is needed.",
    ExceptionKind.RX_EXPIRES: "The prescription expires before the batch is due: a new one is needed.",
    ExceptionKind.OUT_OF_STOCK: "A medicine of this batch is out of stock: find another source or another day.",
    ExceptionKind.DOSE_CONFLICT: (
        "Two active medicines have the same ingredient and the older waits: say on the patient's page whether the "
        "newer replaces it."
    ),
    ExceptionKind.CONTACT: "There is no usable way to reach this patient: ask for a number and consent.",
}

_NEW_NUMBER = (
    "The pharmacy system has a new number or address for this patient; messages still go to the one that was agreed "
    "on. Ask which one is right, and record the answer."
)


@dataclass(frozen=True, slots=True)
class _Problem:
    kind: ExceptionKind
    subject: str
    owner: Role
    hours: int
    severity: Severity = Severity.NORMAL
    therapy_id: str | None = None
    cycle_id: str | None = None
    fill_on: date | None = None
    #: What to do, when the kind alone does not say it.
    summary: str = ""

    @property
    def cause_key(self) -> str:
        return of_kind(self.kind, self.subject)


def check_patient(tx: Tx, patient_id: str) -> int:
    """Open, update and close the problems of one patient's open batches; returns how many are open now.

    All batches are looked at together: a problem belongs to its drug or to the patient, not to a batch.
    """
    return check_patients(tx, [patient_id])


def check_patients(tx: Tx, patient_ids: Sequence[str]) -> int:
    """The same for many patients at once, in few queries."""
    tx.session.flush()
    return sum(
        _check(tx, facts) for facts in problem_facts.of_patients(tx, patient_ids, FOUND_HERE + _OF_RENEWALS)
    )


def _check(tx: Tx, facts: ProblemFacts) -> int:
    patient = facts.patient
    found = {problem.cause_key: problem for problem in _problems(tx, facts)}
    for row in facts.exceptions:
        if row.kind in _OF_RENEWALS:
            continue
        known_here = is_of_kind(row.kind, row.cause_key)
        gone = _reached_again(row, facts) or _handed_out(row, facts)
        if gone or (known_here and row.cause_key not in found):
            close_row(tx, row, outcome="The cause has gone.")
    known = {row.cause_key: row for row in facts.exceptions}
    for problem in found.values():
        if _is_settled(problem, facts, tx.now):
            continue
        open_exception(
            tx, pharmacy_id=patient.pharmacy_id, kind=problem.kind, cause_key=problem.cause_key,
            summary=problem.summary or _SUMMARIES[problem.kind], owner_role=problem.owner, severity=problem.severity,
            due_at=_due_at(tx, patient.pharmacy_id, problem), patient_id=patient.id, cycle_id=problem.cycle_id,
            therapy_id=problem.therapy_id,
            detail=None if problem.fill_on is None else {"fill_on": problem.fill_on.isoformat()},
            known=known.get(problem.cause_key),
        )  # fmt: skip
    for row in facts.settled:
        if row.cause_key not in found and not row.detail.get(_GONE):
            row.detail = {**row.detail, _GONE: True}
    lacking = {
        problem.therapy_id: problem.fill_on
        for problem in found.values()
        if problem.therapy_id is not None and problem.fill_on is not None
    }
    of_renewals = [row for row in facts.exceptions if row.kind in _OF_RENEWALS]
    review_requests(tx, patient.pharmacy_id, facts.requests, of_renewals, lacking)
    return len(found)


def _is_settled(problem: _Problem, facts: ProblemFacts, now: datetime) -> bool:
    """Whether a person has settled this very problem: it is not opened again every morning.

    The word holds for the batch it was given for, and a week; about contact until the cause has gone once.
    """
    contact = problem.kind is ExceptionKind.CONTACT
    for row in facts.settled:
        if row.cause_key == problem.cause_key and not row.detail.get(_GONE):
            recent = row.closed_at is not None and now - row.closed_at < _SETTLED_FOR
            if contact or (recent and row.cycle_id == problem.cycle_id):
                return True
    # Who wants no messages has an exception that says so.
    opted_out = Cause.OPTED_OUT.of(facts.patient.id)
    return contact and any(row.cause_key == opted_out for row in (*facts.exceptions, *facts.settled))


def _due_at(tx: Tx, pharmacy_id: str, problem: _Problem) -> datetime:
    if problem.fill_on is None:
        return due_in(tx, hours=problem.hours)
    return due_before_fill(tx, problem.fill_on, tx.get(Pharmacy, pharmacy_id).zone, hours=problem.hours)


def _problems(tx: Tx, facts: ProblemFacts) -> Iterable[_Problem]:
    batches = facts.pending
    if not batches:
        return []
    pharmacy = tx.get(Pharmacy, facts.patient.pharmacy_id)
    rules, today = rules_of(pharmacy), local_day(tx.now, pharmacy.zone)
    rows = {row.id: row for row in facts.therapies}
    # What was filled matters only to tell duplicates apart, and few patients may have any.
    known = (
        drugs_for(tx, facts.patient.id, today=today)
        if _share_an_ingredient(facts.therapies)
        else drugs_of(Chart(facts.patient, facts.therapies, facts.prescriptions, (), ()), rules, today=today)
    )
    medications = {str(m.id): m for m in known.medications}
    found: list[_Problem] = []
    by_therapy: dict[str, list[tuple[CycleItem, Cycle]]] = {}
    for item, cycle in batches:
        by_therapy.setdefault(item.therapy_id, []).append((item, cycle))
    for therapy_id, items in by_therapy.items():
        found += _of_drug(medications[therapy_id], rows[therapy_id], items, rules, today)
    for item, _ in batches:
        _mark_same_drug(item, waits=item.therapy_id in known.waiting)
    for older, newer in known.waiting.items():
        # A drug that a person left out asks nothing.
        held = [by_therapy[drug_id][0][1].id for drug_id in (older, *newer) if drug_id in by_therapy]
        if held and rows[older].include is not False:
            found.append(
                _Problem(
                    ExceptionKind.DOSE_CONFLICT, older, Role.PHARMACIST, 24, Severity.HIGH, older, held[0]
                )
            )
    if not _reachable(facts, rules) and not _asked_for_a_number(facts):
        first = batches[0][1]
        found.append(
            _Problem(ExceptionKind.CONTACT, facts.patient.id, Role.PHARMACIST, 24, cycle_id=first.id)
        )
    found += _new_numbers(facts, batches[0][1].id)
    return found


def _new_numbers(facts: ProblemFacts, cycle_id: str) -> Iterable[_Problem]:
    """Numbers and addresses that the pharmacy system has brought since another one of that channel was agreed on.

    The patient may have told the counter that the old one is no more: a stranger would get what goes there.
    """
    for point in facts.points:
        agreed = [
            one.basis_at for one in facts.points
            if one.channel is point.channel and one.basis in USABLE and one.basis_at and not one.caregiver_name
        ]  # fmt: skip
        unasked = point.basis is ContactBasis.NOT_ASKED and point.basis_at is None
        if unasked and agreed and point.created_at > max(agreed):
            subject = f"{facts.patient.id}:{point.id}"
            yield _Problem(
                ExceptionKind.CONTACT, subject, Role.TECHNICIAN, 48, cycle_id=cycle_id, summary=_NEW_NUMBER
            )


def _share_an_ingredient(rows: Iterable[Therapy]) -> bool:
    """Whether two drugs that are taken might be the same one twice."""
    seen: set[str] = set()
    for row in rows:
        mine = set(row.ingredients)
        if row.status == "active" and mine & seen:
            return True
        if row.status == "active":
            seen |= mine
    return False


def _of_drug(
    medication: Medication,
    therapy: Therapy,
    items: Sequence[tuple[CycleItem, Cycle]],
    rules: Rules,
    today: date,
) -> list[_Problem]:
    """What stands in the way of one drug's fills, earliest batch first."""
    found: list[_Problem] = []
    first = items[0][1]
    pa = medication.pa_ends_on
    if pa is not None and (
        pa <= today + timedelta(days=rules.pa_warning_days) or pa < items[-1][1].sync_date
    ):
        found.append(_about(ExceptionKind.PA_ENDING, therapy, first, Role.PHARMACIST, 72))
    unclaimed = [(item, cycle) for item, cycle in items if item.state in UNFILLED]
    if unclaimed:
        reason = renewal_reason(medication, unclaimed, short_uses_refill=rules.short_fill_uses_refill)
        for item, _ in unclaimed:
            _mark_refills(item, needed=reason is ExceptionKind.NO_REFILLS)
        if reason is not None:
            lacking = _first_uncovered(medication, unclaimed, rules)
            problem = _about(reason, therapy, lacking, Role.PHARMACIST, 48)
            found.append(replace(problem, fill_on=lacking.sync_date))
    lacking = [cycle for item, cycle in items if item.problem == "out_of_stock"]
    if therapy.out_of_stock or lacking:
        cycle = lacking[0] if lacking else first
        found.append(_about(ExceptionKind.OUT_OF_STOCK, therapy, cycle, Role.PHARMACIST, 24, Severity.HIGH))
    return found


def _first_uncovered(
    medication: Medication, unclaimed: Sequence[tuple[CycleItem, Cycle]], rules: Rules
) -> Cycle:
    """The batch of the first planned fill that needs the renewal; those before it are covered."""
    for count in range(1, len(unclaimed) + 1):
        if renewal_reason(medication, unclaimed[:count], short_uses_refill=rules.short_fill_uses_refill):
            return unclaimed[count - 1][1]
    return unclaimed[-1][1]


def _mark_refills(item: CycleItem, *, needed: bool) -> None:
    """Keep the item's own note of missing refills true; other problems of an item stay."""
    if needed and item.problem == "":
        item.problem = "no_refills"
    elif not needed and item.problem == "no_refills":
        item.problem = ""
        item.needs_renewal_by = None
        if item.state is ItemState.WAITING:
            item.state = ItemState.PLANNED


def _mark_same_drug(item: CycleItem, *, waits: bool) -> None:
    """What no new plan could take out of a batch is not prepared before the pharmacist has answered."""
    if waits and item.state is ItemState.PLANNED:
        item.state, item.problem, item.problem_note = ItemState.WAITING, SAME_DRUG, ""
    elif not waits and item.state is ItemState.WAITING and item.problem == SAME_DRUG:
        item.state, item.problem = ItemState.PLANNED, ""


def _about(
    kind: ExceptionKind,
    therapy: Therapy,
    cycle: Cycle,
    owner: Role,
    hours: int,
    severity: Severity = Severity.NORMAL,
) -> _Problem:
    return _Problem(kind, therapy.id, owner, hours, severity, therapy.id, cycle.id)


def _reachable(facts: ProblemFacts, rules: Rules) -> bool:
    """Whether any contact point has a basis and its number neither a stop nor a dead end."""
    return any(
        may_use(point.channel, point.basis, free_to_end_user=rules.free_to_end_user)
        and not (point.caregiver_name and point.caregiver_allowed_at is None)
        and (point.channel, point.address) not in facts.dead
        for point in facts.points
    )


def _handed_out(row: ExceptionCase, facts: ProblemFacts) -> bool:
    """Whether what was filled at another dose waits no more: it was fetched, returned or is filled anew."""
    if cause_of(row.cause_key) is not Cause.OLD_DOSE:
        return False
    waiting = {item.id for item, _ in facts.pending if item.state in CLAIMED_ITEMS}
    return Cause.OLD_DOSE.subject(row.cause_key) not in waiting


def _asked_for_a_number(facts: ProblemFacts) -> bool:
    """Whether a task asks already for what nobody can be reached at: one matter is one task."""
    return any(
        cause_of(row.cause_key) in (Cause.UNREACHABLE, Cause.WRONG_NUMBER) and not _reached_again(row, facts)
        for row in facts.exceptions
    )


def _reached_again(row: ExceptionCase, facts: ProblemFacts) -> bool:
    """Whether the number that nobody could be reached at is a working one again, or another one is known by now."""
    cause = cause_of(row.cause_key)
    if cause is Cause.UNREACHABLE:
        channel = (cause.subject(row.cause_key) or "").rpartition(":")[2]
        ours = {(point.channel, point.address) for point in facts.points if point.channel.value == channel}
        return not ours & facts.unreachable
    if cause is Cause.WRONG_NUMBER:
        right = [
            point for point in facts.points
            if point.channel is not Channel.EMAIL and (point.channel, point.address) not in facts.wrong
        ]  # fmt: skip
        return any(
            max(filter(None, (point.created_at, point.basis_at, point.confirmed_at))) > row.opened_at
            for point in right
        )
    return False
