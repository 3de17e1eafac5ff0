"""Why an event of the pharmacy system cannot be used, and what would change that."""

from dataclasses import dataclass

from medsync_app.errors import MedSyncError


class Unusable(MedSyncError):
    """The event is kept and shown with `message`; `waits_for` is what lets it be tried again by itself."""

    code = "unusable"

    def __init__(self, message: str, waits_for: str = "") -> None:
        super().__init__(message)
        self.waits_for = waits_for


@dataclass(frozen=True, slots=True)
class Worked:
    """What became of an event: what it said is stored; `problem` when something of it is still to be done."""

    outcome: str
    problem: str = ""
    waits_for: str = ""


def patient_key(source_id: str) -> str:
    """What an event about a patient waits for, by the source's id."""
    return f"patient:{source_id}"


def rx_key(rx_number: str) -> str:
    """What an event about an Rx number waits for."""
    return f"rx:{rx_number}"


def cycle_key(cycle_id: str) -> str:
    """What an event about a batch waits for whose plan is not approved."""
    return f"cycle:{cycle_id}"
