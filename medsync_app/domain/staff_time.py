"""How long each thing takes that the staff of a pharmacy do for enrolled patients: with MedSync, and by hand.

Minutes are house estimates unless a source is named; every one can be set (MEDSYNC_STAFF_MINUTES). Filling,
verifying and handing over are left out on both sides: they cost the same with and without the programme.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from medsync_app.errors import Invalid

DAYS_PER_MONTH: Final = 365.25 / 12


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of work: what it is, its minutes each time, and why so many."""

    name: str
    minutes: float
    why: str


_HOUSE: Final = "house estimate"

#: With MedSync: what a person still does, counted by the audit log (see _ACTS).
WITH_MEDSYNC: Final = (
    Work("enroll", 8.0, f"talk, consent, choose a date in the wizard; {_HOUSE}"),
    Work("plan_review", 1.0, f"look at a flagged plan and approve it; {_HOUSE}"),
    Work("call_patient", 3.0, f"one call, reached or not, written down; {_HOUSE}"),
    Work("reply", 3.0, f"read a patient's message and call back; {_HOUSE}"),
    Work("renewal", 2.0, f"send one request; {_HOUSE}"),
    Work("renewal_answer", 1.0, f"record one answer; {_HOUSE}"),
    Work("chase_prescriber", 6.0, f"phone a prescriber and wait on the line; {_HOUSE}"),
    Work("prior_authorization", 10.0, f"ask the plan to extend its approval; {_HOUSE}"),
    Work("stock", 2.0, f"find another source for a drug; {_HOUSE}"),
    Work("prepare", 1.0, f"work off the batch sheet and mark it ready; {_HOUSE}"),
    Work("pickup", 0.3, f"press the button; the sale itself is the same; {_HOUSE}"),
    Work("not_picked_up", 3.0, f"call, or leave a message, each time; {_HOUSE}"),
    Work("return_to_stock", 4.0, f"put back and reverse the claims; {_HOUSE}"),
    Work("contact", 4.0, f"ask for another number and consent; {_HOUSE}"),
    Work("note", 0.5, f"look at a task whose work is done elsewhere, and put it off; {_HOUSE}"),
    Work("other", 2.0, f"any other task settled or commented; {_HOUSE}"),
    Work("board", 1.0, f"each open day and location: open Today, load the file; {_HOUSE}"),
    Work("board_item", 0.2, f"each task that appears there: read it, decide whose it is; {_HOUSE}"),
)

#: By hand: calendar, spreadsheet and telephone for the same patients, counted by what happened to them.
BY_HAND: Final = (
    Work("enroll", 20.0, f"interview, work out short fills and a date on paper; {_HOUSE}"),
    Work("plan_next", 1.5, f"per batch: next date in the calendar, drugs gone through; {_HOUSE}"),
    Work("call_patient", 3.5, f"per batch: the call before the pickup, 1.3 tries of it; {_HOUSE}"),
    Work("refill_check", 1.0, f"per batch: refills, expiry, approvals looked up; {_HOUSE}"),
    Work("renewal", 3.0, f"per request: write, fax, file the answer; {_HOUSE}"),
    Work("chase_prescriber", 6.0, f"per request that needed it; {_HOUSE}"),
    Work("prior_authorization", 10.0, f"per approval that ended; {_HOUSE}"),
    Work("stock", 2.0, f"per drug out of stock; {_HOUSE}"),
    Work("prepare", 1.5, f"per batch: list written and ticked off; {_HOUSE}"),
    Work("ready_call", 1.0, f"per batch: tell the patient that it is ready; {_HOUSE}"),
    Work("not_picked_up", 3.0, f"per batch left lying: call; {_HOUSE}"),
    Work("return_to_stock", 4.0, f"per batch that went back; {_HOUSE}"),
)

#: Kinds of both tables that come with every prescription, whether anybody is synchronised or not.
ALSO_WITHOUT: Final = frozenset({
    "renewal", "renewal_answer", "chase_prescriber", "prior_authorization", "stock", "not_picked_up",
    "return_to_stock", "note",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """An act of the audit log, the kind of exception it is about ("" none), and whether it was done to it before."""

    act: str
    kind: str = ""
    again: bool = False


#: Act and kind ("" any) -> the work it is the first time, and each time after that. One request for a renewal is
#: seen on two tasks: the work is to send it (the request's own task); on the other it is noted, or later phoned.
_ACTS: Final[Mapping[tuple[str, str], tuple[str, str]]] = MappingProxyType({
    ("enroll", ""): ("enroll", "enroll"),
    ("approve_plan", ""): ("plan_review", "plan_review"),
    ("record_request", ""): ("call_patient", "call_patient"),
    ("record_renewal_answer", ""): ("renewal_answer", "renewal_answer"),
    ("mark_ready", ""): ("prepare", "prepare"),
    ("confirm_pickup", ""): ("pickup", "pickup"),
    ("return_to_stock", ""): ("return_to_stock", "return_to_stock"),
    ("comment_exception", "call"): ("call_patient", "call_patient"),
    ("comment_exception", "call_back"): ("call_patient", "call_patient"),
    ("comment_exception", "renewal"): ("renewal", "renewal"),
    ("comment_exception", "no_refills"): ("note", "chase_prescriber"),
    ("comment_exception", "rx_expires"): ("note", "chase_prescriber"),
    ("comment_exception", "prescriber_silent"): ("chase_prescriber", "chase_prescriber"),
    ("comment_exception", "prescriber_denied"): ("chase_prescriber", "chase_prescriber"),
    ("comment_exception", "pa_ending"): ("prior_authorization", "note"),
    ("comment_exception", "out_of_stock"): ("stock", "note"),
    ("comment_exception", "not_picked_up"): ("not_picked_up", "not_picked_up"),
    ("comment_exception", ""): ("other", "note"),
    ("resolve_exception", "call"): ("call_patient", "call_patient"),
    ("resolve_exception", "reply"): ("reply", "reply"),
    ("resolve_exception", "call_back"): ("reply", "reply"),
    ("resolve_exception", "contact"): ("contact", "contact"),
    ("resolve_exception", "plan_review"): ("plan_review", "plan_review"),
    ("resolve_exception", "pa_ending"): ("note", "note"),
    ("resolve_exception", ""): ("other", "other"),
})  # fmt: skip


#: The acts of the audit log that are work for the programme.
STAFF_ACTS: Final = tuple(sorted({act for act, _ in _ACTS}))


@dataclass(frozen=True, slots=True)
class StaffTime:
    """Minutes a month by kind of work, with MedSync and by hand."""

    by_kind: Mapping[str, float]
    by_hand: Mapping[str, float]

    @property
    def minutes(self) -> float:
        return sum(self.by_kind.values())

    @property
    def minutes_by_hand(self) -> float:
        return sum(self.by_hand.values())

    @property
    def costs_most(self) -> str:
        """The kind of work that takes most with MedSync; "" when there is none."""
        return max(self.by_kind, key=lambda kind: (self.by_kind[kind], kind), default="")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of work that take time on either side: those because of sync first, then the dearest."""
        used = [kind for kind in {**self.by_kind, **self.by_hand} if self._most(kind)]
        return tuple(sorted(used, key=lambda kind: (kind in ALSO_WITHOUT, -self._most(kind), kind)))

    def _most(self, kind: str) -> float:
        return max(self.by_kind.get(kind, 0.0), self.by_hand.get(kind, 0.0))

    @property
    def of_programme(self) -> tuple[float, float]:
        """Minutes with MedSync and by hand of what is done because patients are synchronised."""
        ours, hand = (
            sum(minutes for kind, minutes in side.items() if kind not in ALSO_WITHOUT)
            for side in (self.by_kind, self.by_hand)
        )
        return ours, hand


def works_of(acts: Mapping[Act, int], open_days: int, tasks: int) -> dict[str, int]:
    """How often each kind of work was done: from the acts of the audit log, the days the pharmacy was open, and how
    many tasks appeared on its board.
    """
    found: dict[str, int] = {"board": open_days, "board_item": tasks}
    for act, count in acts.items():
        work = _ACTS.get((act.act, act.kind)) or _ACTS.get((act.act, ""))
        if work is not None:
            found[work[act.again]] = found.get(work[act.again], 0) + count
    return found


def by_hand(
    done: Mapping[str, int], opened: Mapping[str, int], *, syncs: int, batches: int, renewals: int
) -> dict[str, int]:
    """How often each kind of work would have been done by hand for the same patients.

    `opened` are exceptions by kind, `syncs` the sync dates, `batches` those and the trips, `renewals` the requests.
    The same batches, requests and problems are worked; a prescriber has to be phoned as often.
    """
    return {
        "enroll": done.get("enroll", 0), "plan_next": syncs, "call_patient": syncs, "refill_check": syncs,
        "renewal": renewals, "chase_prescriber": done.get("chase_prescriber", 0),
        "prior_authorization": opened.get("pa_ending", 0), "stock": opened.get("out_of_stock", 0),
        "prepare": batches, "ready_call": batches, "not_picked_up": opened.get("not_picked_up", 0),
        "return_to_stock": done.get("return_to_stock", 0),
    }  # fmt: skip


def staff_time(
    done: Mapping[str, int], by_hand: Mapping[str, int], *, days: int, minutes: Mapping[str, float]
) -> StaffTime:
    """Minutes a month from how often each kind was done in so many days.

    `minutes` replaces numbers of the tables by name, those of the second as "hand.NAME"; Invalid for others.
    """
    known = {work.name for work in WITH_MEDSYNC} | {f"hand.{work.name}" for work in BY_HAND}
    for name, value in minutes.items():
        if name not in known:
            raise Invalid(
                f"{name} is no kind of work. Known: {', '.join(sorted(known))}.", "MEDSYNC_STAFF_MINUTES"
            )
        if not 0 <= value <= 600:
            raise Invalid(f"Give {name} from 0 to 600 minutes.", "MEDSYNC_STAFF_MINUTES")
    months = days / DAYS_PER_MONTH
    return StaffTime(
        {w.name: done.get(w.name, 0) * minutes.get(w.name, w.minutes) / months for w in WITH_MEDSYNC},
        {w.name: by_hand.get(w.name, 0) * minutes.get(f"hand.{w.name}", w.minutes) / months for w in BY_HAND},
    )
