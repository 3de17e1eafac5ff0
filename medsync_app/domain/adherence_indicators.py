"""Programme figures of medication synchronization, by PQA's names, as pure functions on small records.

Source: PQA's medication synchronization indicators (Program Acceptance and Initial Synchronization Rate,
Completeness, Continuation, Patient Contact Rate). House rules: visits per patient and month, PDC before and
after enrollment, share of batches picked up on the sync date. Every figure carries its numerator and
denominator; an empty denominator gives no value instead of zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from medsync_app.domain.adherence import Claim, is_adult
from medsync_app.domain.adherence_core import pack, walk_units

ACCEPTANCE_DAYS = 30
CONTACT_DAYS = 90
WINDOW_DAYS = 180
DAYS_PER_MONTH = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with what it was counted from."""

    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """Numerator / denominator, None when nobody counts."""
        return self.numerator / self.denominator if self.denominator else None

    @property
    def percent(self) -> int | None:
        """Whole percent, rounded down: nothing below 80 % may read as 80 %. None when nobody counts."""
        return self.numerator * 100 // self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True)
class Offer:
    """An eligible patient whom the pharmacy asked to take part."""

    patient_id: str
    asked_on: date
    agreed_on: date | None = None
    first_synced_on: date | None = None


@dataclass(frozen=True, slots=True)
class Membership:
    """A patient's time in the programme; `left_on` is the first day outside it."""

    patient_id: str
    enrolled_on: date
    left_on: date | None = None
    chronic_drugs: frozenset[str] = frozenset()
    synced_drugs: frozenset[str] = frozenset()
    birth_date: date | None = None
    died_or_transferred: bool = False
    long_term_care: bool = False
    stays_prevented_sync: bool = False
    """A hospital or nursing-facility stay kept the drugs from being synchronized at regular times."""

    def is_enrolled(self, on: date) -> bool:
        """Whether the patient is in the programme on that day."""
        return self.enrolled_on <= on and (self.left_on is None or on < self.left_on)


@dataclass(frozen=True, slots=True)
class PlannedContact:
    """A contact planned before a sync date; `contacted_on` is when patient or caregiver was reached."""

    patient_id: str
    planned_on: date
    sync_date: date
    contacted_on: date | None = None


@dataclass(frozen=True, slots=True)
class SyncedCycle:
    """A closed cycle: the day planned and the day the batch left the pharmacy, if it did."""

    patient_id: str
    sync_date: date
    picked_up_on: date | None = None


@dataclass(frozen=True, slots=True)
class BeforeAndAfter:
    """Mean PDC of the same patients' drugs in the 180 days before and after enrollment."""

    patients: int
    drugs: int
    before: float | None
    after: float | None


def acceptance_and_initial_sync(offers: Iterable[Offer], as_of: date) -> Rate:
    """Of the eligible patients asked: agreed within 30 days, and a first synchronization has taken place.

    Patients asked less than 30 days before `as_of` are still deciding and are left out unless both happened.
    """
    asked = reached = 0
    for offer in offers:
        if offer.asked_on > as_of:
            continue
        limit = offer.asked_on + timedelta(days=ACCEPTANCE_DAYS)
        agreed = offer.agreed_on is not None and offer.agreed_on <= min(limit, as_of)
        synced = agreed and offer.first_synced_on is not None and offer.first_synced_on <= as_of
        if synced or limit <= as_of:
            asked += 1
            reached += synced
    return Rate(reached, asked)


def acceptance(offers: Iterable[Offer], as_of: date) -> Rate:
    """Of the eligible patients asked at least 30 days ago: agreed within 30 days (a house figure)."""
    due = [o for o in offers if o.asked_on + timedelta(days=ACCEPTANCE_DAYS) <= as_of]
    agreed = [o for o in due if o.agreed_on and o.agreed_on <= o.asked_on + timedelta(days=ACCEPTANCE_DAYS)]
    return Rate(len(agreed), len(due))


def completeness(memberships: Iterable[Membership], on: date) -> Rate:
    """Of the enrolled patients: ALL chronic drugs are in the synchronization.

    Left out: long-term care, stays, and patients of whom no chronic drug is known.
    """
    counted = [
        m
        for m in memberships
        if m.is_enrolled(on) and m.chronic_drugs and not m.long_term_care and not m.stays_prevented_sync
    ]
    return Rate(sum(m.chronic_drugs <= m.synced_drugs for m in counted), len(counted))


def continuation(memberships: Iterable[Membership], first_day: date, months: int, as_of: date) -> Rate:
    """Of those enrolled on `first_day`: still enrolled, with synchronized drugs, `months` (6 or 12) later.

    `synced_drugs` are those of that later day. Empty while it lies after `as_of`. Left out: died,
    transferred, one drug only, stays that prevented it.
    """
    later = first_day + relativedelta(months=months)
    if later > as_of:
        return Rate(0, 0)
    counted = [
        m
        for m in memberships
        if m.is_enrolled(first_day)
        and len(m.chronic_drugs) != 1
        and not m.died_or_transferred
        and not m.stays_prevented_sync
    ]
    return Rate(sum(m.is_enrolled(later) and bool(m.synced_drugs) for m in counted), len(counted))


def contact_rate(
    contacts: Iterable[PlannedContact], memberships: Mapping[str, Membership], as_of: date
) -> Rate:
    """Of the adults scheduled for contact in the 90 days to `as_of`: reached before every sync date due.

    Left out: died, transferred, one drug only, stays. A contact not made yet whose sync date is still to come
    is not held against the pharmacy.
    """
    since = as_of - timedelta(days=CONTACT_DAYS - 1)
    reached: dict[str, bool] = {}
    for contact in contacts:
        member = memberships.get(contact.patient_id)
        if (
            member is None
            or not since <= contact.planned_on <= as_of
            or not _counts_for_contact(member, since)
        ):
            continue
        done = contact.contacted_on is not None and contact.contacted_on <= min(contact.sync_date, as_of)
        if done or contact.sync_date <= as_of:
            reached[contact.patient_id] = reached.get(contact.patient_id, True) and done
    return Rate(sum(reached.values()), len(reached))


def visit_days_per_month(
    visits: Iterable[tuple[str, date]], memberships: Iterable[Membership], first: date, last: date
) -> float | None:
    """Mean distinct pharmacy visit days per enrolled patient and month (30.4375 days), first..last counted.

    Only days inside a membership count, for visits and for time; None without any such day.
    """
    spans: dict[str, list[tuple[date, date]]] = {}
    days = 0
    for member in memberships:
        start = max(first, member.enrolled_on)
        stop = last if member.left_on is None else min(last, member.left_on - timedelta(days=1))
        if start <= stop:
            spans.setdefault(member.patient_id, []).append((start, stop))
            days += (stop - start).days + 1
    if days == 0:
        return None
    seen: set[tuple[str, date]] = set()
    for patient, day in visits:
        for start, stop in spans.get(patient, ()):
            if start <= day <= stop:
                seen.add((patient, day))
                break
    return len(seen) / (days / DAYS_PER_MONTH)


def picked_up_on_the_sync_date(cycles: Iterable[SyncedCycle], as_of: date) -> Rate:
    """Of the cycles whose sync date has passed: the batch was picked up on that very day."""
    due = [cycle for cycle in cycles if cycle.sync_date < as_of or cycle.picked_up_on is not None]
    return Rate(sum(cycle.picked_up_on == cycle.sync_date for cycle in due), len(due))


def pdc_before_and_after(
    claims: Iterable[Claim], enrolled_on: Mapping[str, date], as_of: date
) -> BeforeAndAfter:
    """PDC per drug over the 180 days before and from enrollment on, for the same patients and drugs.

    House rule: both windows are the full 180 days, and supply in hand is carried into them, so that a late
    first fill shows. Only drugs already filled when the earlier window began, and only when the later one is
    over; who left the programme meanwhile stays in.
    """
    fills: dict[tuple[str, str], list[int]] = {}
    for claim in claims:
        for ingredient in claim.ingredients or (claim.drug,):
            fills.setdefault((claim.patient_id, ingredient), []).append(
                pack(claim.fill_date.toordinal(), claim.days_supply)
            )
    shares: list[tuple[str, float, float]] = []
    for (patient_id, _), unit in sorted(fills.items()):
        enrolled = enrolled_on.get(patient_id)
        if enrolled is None or enrolled + timedelta(days=WINDOW_DAYS - 1) > as_of:
            continue
        middle = enrolled.toordinal()
        if min(unit) >= pack(middle - WINDOW_DAYS + 1, 0):
            continue
        shares.append(
            (
                patient_id,
                _share_covered(unit, middle - WINDOW_DAYS, middle),
                _share_covered(unit, middle, middle + WINDOW_DAYS),
            )
        )
    count = len(shares)
    return BeforeAndAfter(
        patients=len({patient_id for patient_id, _, _ in shares}),
        drugs=count,
        before=sum(before for _, before, _ in shares) / count if count else None,
        after=sum(after for _, _, after in shares) / count if count else None,
    )


def _share_covered(fills: Sequence[int], start: int, stop: int) -> float:
    walked = walk_units([sorted(fills)], stop, echoes=False)
    uncovered = sum(max(0, b - max(a, start)) for a, b in walked.gaps)
    return 1 - uncovered / (stop - start)


def _counts_for_contact(member: Membership, on: date) -> bool:
    return (
        is_adult(member.birth_date, on)
        and len(member.chronic_drugs) != 1
        and not member.died_or_transferred
        and not member.stays_prevented_sync
    )
