"""Collects what was odd about rows that were used all the same: how many, and the first few lines."""

from enum import StrEnum

SHOWN_LINES = 10


class Note(StrEnum):
    """Kinds of remarks, in the order they are shown."""

    DUPLICATE = "duplicate"
    REVERSAL = "reversal"
    RETURNED = "returned"
    NO_DAYS_SUPPLY = "no_days_supply"
    NOT_DISPENSED = "not_dispensed"
    UNKNOWN_STATUS = "unknown_status"
    NO_BIRTH_DATE = "no_birth_date"
    BAD_PHONE = "bad_phone"
    BAD_EMAIL = "bad_email"
    BAD_REFILLS = "bad_refills"
    BAD_COPAY = "bad_copay"
    BAD_PA_DATE = "bad_pa_date"
    BAD_SCHEDULE = "bad_schedule"
    UNKNOWN_PLAN_TYPE = "unknown_plan_type"
    FUTURE_DATE = "future_date"
    DATE_ORDER = "date_order"


_WORDS: dict[Note, tuple[str, str]] = {
    Note.DUPLICATE: (
        "row repeats another row and was used once",
        "rows repeat another row and were used once",
    ),
    Note.REVERSAL: (
        "row is a reversal; its fill does not count",
        "rows are reversals; their fills do not count",
    ),
    Note.RETURNED: (
        "fill was returned to stock and does not count",
        "fills were returned to stock and do not count",
    ),
    Note.NO_DAYS_SUPPLY: (
        "row has no days supply; set it for the drug",
        "rows have no days supply; set it for the drug",
    ),
    Note.NOT_DISPENSED: (
        "row is not dispensed yet and was left for later",
        "rows are not dispensed yet and were left for later",
    ),
    Note.UNKNOWN_STATUS: (
        "row has an unknown status; its sold date decided",
        "rows have an unknown status; the sold date decided",
    ),
    Note.NO_BIRTH_DATE: ("patient has no birth date", "patients have no birth date"),
    Note.BAD_PHONE: ("phone number cannot be used", "phone numbers cannot be used"),
    Note.BAD_EMAIL: ("e-mail address cannot be used", "e-mail addresses cannot be used"),
    Note.BAD_REFILLS: (
        "row has refills that are no number; left open",
        "rows have refills that are no number; left open",
    ),
    Note.BAD_COPAY: (
        "row has a copay that is no amount; left open",
        "rows have a copay that is no amount; left open",
    ),
    Note.BAD_PA_DATE: (
        "row has a PA date that is no date; left open",
        "rows have a PA date that is no date; left open",
    ),
    Note.BAD_SCHEDULE: (
        "row has an unknown DEA class; left open",
        "rows have an unknown DEA class; left open",
    ),
    Note.UNKNOWN_PLAN_TYPE: (
        "row has an unknown plan type; left open",
        "rows have an unknown plan type; left open",
    ),
    Note.FUTURE_DATE: ("row is dated in the future", "rows are dated in the future"),
    Note.DATE_ORDER: (
        "row was sold before it was filled, or filled before it was written",
        "rows were sold before they were filled, or filled before they were written",
    ),
}


class NoteBook:
    """Counts remarks by kind; memory does not grow with the file."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lines: dict[str, list[int]] = {}

    def add(self, note: Note, line: int) -> None:
        self._counts[note] = self._counts.get(note, 0) + 1
        lines = self._lines.setdefault(note, [])
        if len(lines) < SHOWN_LINES:
            lines.append(line)

    def count(self, note: Note) -> int:
        return self._counts.get(note, 0)

    def sentences(self) -> list[str]:
        """One sentence for each kind that occurred."""
        found: list[str] = []
        for note in Note:
            count = self._counts.get(note, 0)
            if not count:
                continue
            lines = ", ".join(str(line) for line in self._lines[note])
            rest = ", ..." if count > SHOWN_LINES else ""
            found.append(f"{count} {_WORDS[note][count > 1]} (row{'s' if count > 1 else ''} {lines}{rest})")
        return found
