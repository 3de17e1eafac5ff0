"""What takes a patient out of the adherence measures, or days out of the period (DOMAIN.md section 3).

Choices where the rules leave room: hospice and end-stage renal disease exclude when they touch the measured days; the
last day of coverage counts still; a stay without a discharge lasts to the period's end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from medsync_app.domain.adherence import Period, Stay


class CareKind(StrEnum):
    """What was recorded of a patient; `start` of a disenrolment is the last day of coverage."""

    HOSPICE = "hospice"
    ESRD = "esrd"
    INPATIENT = "inpatient"
    SNF = "snf"
    DISENROLLED = "disenrolled"


CARE_LABELS = {
    CareKind.HOSPICE: "Hospice care",
    CareKind.ESRD: "End-stage renal disease",
    CareKind.INPATIENT: "Hospital stay",
    CareKind.SNF: "Skilled nursing facility stay",
    CareKind.DISENROLLED: "Left the plan (last day covered)",
}
STAYS = frozenset({CareKind.INPATIENT, CareKind.SNF})
#: Kinds that have an end of their own.
WITH_END = STAYS | {CareKind.HOSPICE}


@dataclass(frozen=True, slots=True)
class Care:
    """One record; `end` None: it goes on (or the kind has no end)."""

    kind: CareKind
    start: date
    end: date | None = None


@dataclass(frozen=True, slots=True)
class CareFacts:
    """What the records of a patient mean for one period."""

    hospice: bool = False
    esrd: bool = False
    stays: tuple[Stay, ...] = ()
    left_on: date | None = None

    @property
    def excludes(self) -> bool:
        return self.hospice or self.esrd


def care_facts(records: Iterable[Care], period: Period, deceased_on: date | None = None) -> CareFacts:
    """The exclusions and stays in a period, and its last day because of death or disenrolment."""
    hospice = esrd = False
    stays: list[Stay] = []
    last_days = [deceased_on] if deceased_on is not None else []
    for record in records:
        touches = record.start <= period.end and (record.end is None or record.end >= period.start)
        if record.kind is CareKind.DISENROLLED:
            last_days.append(record.start)
        elif not touches:
            continue
        elif record.kind is CareKind.HOSPICE:
            hospice = True
        elif record.kind is CareKind.ESRD:
            esrd = True
        else:
            stays.append(Stay(record.start, record.end or max(record.start, period.end)))
    stays.sort(key=lambda stay: stay.start)
    return CareFacts(hospice, esrd, tuple(stays), min(last_days, default=None))


def in_facility(records: Iterable[Care], on: date) -> bool:
    """Whether the patient is in a hospital or nursing facility on that day."""
    return any(
        record.kind in STAYS and record.start <= on and (record.end is None or on <= record.end)
        for record in records
    )
