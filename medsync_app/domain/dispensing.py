"""What an import or event changed about a patient's drugs: the input of the mid-cycle rules."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ChangeKind(StrEnum):
    """What happened at the pharmacy system."""

    NEW_THERAPY = "new_therapy"
    NEW_PRESCRIPTION = "new_prescription"
    DOSE_CHANGED = "dose_changed"
    FILLED = "filled"
    SOLD = "sold"
    REVERSED = "reversed"
    RETURNED = "returned"
    REFILLS_CHANGED = "refills_changed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class DispensingChange:
    """One change of one therapy; the rows it speaks of are stored (and flushed) before it is handed on.

    `on` is the day it happened at the pharmacy: the claim date of `filled`, the sold date of `sold`, ...
    `detail` is a short code for the reader (the reason a drug was stopped), never patient data.
    """

    kind: ChangeKind
    therapy_id: str
    on: date
    prescription_id: str | None = None
    fill_id: int | None = None
    detail: str = ""
