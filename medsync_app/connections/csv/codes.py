"""The words sources use for a fill's status, a plan's type and a DEA class."""

import re
from functools import lru_cache

from medsync_app.domain.states import FillStatus

_STATUS_WORDS: dict[FillStatus | None, str] = {
    FillStatus.SOLD: """
        completed complete sold pickedup dispensed delivered paid closed final released""",
    FillStatus.WAITING: """
        readyforpickup ready waiting willcall filled readyfordelivery verified inwillcall waitingforpickup
        outfordelivery""",
    FillStatus.REVERSED: """
        reversed reversal void voided cancelled canceled deleted rejected claimreversed""",
    FillStatus.RETURNED: """
        returnedtostock returntostock rts returned restocked""",
    None: """
        received entered inprocess inprogress onhold hold pending queued new profiled transferred
        tobefilled""",
}
#: Status words folded to letters; None: known, but nothing was dispensed.
STATUSES = {word: status for status, words in _STATUS_WORDS.items() for word in words.split()}

_PAYERS: tuple[tuple[str, str], ...] = (
    (r"\bcaid\b|medicaid|\bmco\b|medi-?cal", "medicaid"),
    (r"\bmedd\b|part ?d\b|medicare|\bpdp\b|mapd|ma-pd", "part_d"),
    (r"^cash$|\bcash\b|self ?pay|uninsured|discount card", "cash"),
    (r"\bcomm\b|commercial|private|\bppo\b|\bhmo\b|\bepo\b|employer|third party|insurance", "commercial"),
)
_SCHEDULES = {
    "": None, "0": None, "RX": None, "N": None, "NONE": None, "6": None, "C0": None, "OTC": None,
    "LEGEND": None,
    "2": 2, "3": 3, "4": 4, "5": 5, "II": 2, "III": 3, "IV": 4, "V": 5, "2N": 2, "3N": 3, "IIN": 2, "IIIN": 3,
}  # fmt: skip


@lru_cache(1_000)
def status_word(text: str) -> str:
    """A status as compared: letters only, in lower case."""
    return "".join(c for c in text.casefold() if c.isalpha())


@lru_cache(5_000)
def payer_of(plan_type: str, plan: str) -> str | None:
    """commercial, part_d, medicaid or cash; empty when nothing is said, None when the type is not
    understood.
    """
    for text in (plan_type, plan):
        lowered = text.casefold()
        for pattern, payer in _PAYERS:
            if lowered and re.search(pattern, lowered):
                return payer
    return None if plan_type else ""


@lru_cache(1_000)
def schedule_of(text: str) -> tuple[int | None, bool]:
    """DEA schedule 2-5 or None when not controlled, and whether the text was understood."""
    code = re.sub(r"[^0-9A-Z]", "", text.upper()).removeprefix("SCHEDULE").removeprefix("CLASS")
    if code not in _SCHEDULES and code.startswith("C"):
        code = code[1:]
    return _SCHEDULES.get(code), code in _SCHEDULES
