"""Files to take away: the figures of Adherence, the patients about to be lost, and the candidates.

Every file is asked for by a guarded GET, has its line in the audit log before it is given away, and is never
kept. Whoever may export may see the pages it comes from (auth/permissions.py).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.http import require_staff
from medsync_app.auth.permissions import Permission
from medsync_app.domain.adherence_indicators import Rate
from medsync_app.domain.funnel import Funnel, Step
from medsync_app.errors import Invalid
from medsync_app.reads.adherence import WHO, WINDOWS, Report, adherence_report
from medsync_app.reads.candidates import candidate_list
from medsync_app.reads.funnel import programme_funnel
from medsync_app.reads.places import places
from medsync_app.reads.staff_work import WORK_DAYS, staff_work, time_of
from medsync_app.services.audit import audit
from medsync_app.store.session import Tx
from medsync_app.web.csv_answer import Cell, csv_answer

router = APIRouter(tags=["export"])
PATH = "/exports"
Rows = list[Sequence[Cell]]


@router.get(PATH + "/adherence/figures.csv", response_class=Response)
async def figures(request: Request, window: str = WINDOWS[0], who: str = "") -> Response:
    """The figures of a window (this_year, last_year, last_12_months): figure, group, value, counted, of.

    `?at=slug` for one location, `?who=enrolled` or `others` for those patients' adherence. Owners and pharmacists.
    """
    check_choice(window, who)
    caller = await require_staff(request, Permission.EXPORT)
    return await _answer(caller, f"adherence-{window}", "figures", lambda tx: _figures(tx, window, who))


@router.get(PATH + "/adherence/patients.csv", response_class=Response)
async def at_risk(request: Request, who: str = "") -> Response:
    """The patients about to be lost this year, those with the fewest gap days left first; `who` as above."""
    check_choice(WINDOWS[0], who)
    caller = await require_staff(request, Permission.EXPORT)
    return await _answer(caller, "about-to-be-lost", "patients", lambda tx: _at_risk(tx, who))


@router.get(PATH + "/candidates.csv", response_class=Response)
async def candidates(request: Request) -> Response:
    """Every patient who is not enrolled and takes two or more drugs on and on."""
    caller = await require_staff(request, Permission.EXPORT)
    return await _answer(caller, "candidates", "candidates", _candidates)


def check_choice(window: str, who: str) -> None:
    """Invalid, naming the parameter, for a window or a group of patients that there is not."""
    if window not in WINDOWS:
        raise Invalid("Choose this_year, last_year or last_12_months.", "window")
    if who not in WHO:
        raise Invalid("Choose enrolled or others, or leave it out for all.", "who")


async def _answer(caller: Caller, name: str, what: str, make: Callable[[Tx], Rows]) -> Response:
    rows = await asyncio.to_thread(_make, caller, what, make)
    return csv_answer(rows, f"medsync-{name}.csv")


def _make(caller: Caller, what: str, make: Callable[[Tx], Rows]) -> Rows:
    database, scope, clock = runtime.database(), caller.scope_here, runtime.clock()
    with database.reading(scope, clock) as tx:
        rows = make(tx)
    # A transaction of its own, since a long report must not keep others from writing; before anything is given away.
    with database.transaction(scope, clock) as tx:
        for pharmacy_id in sorted(caller.scope_here.pharmacy_ids or ()):
            audit(
                tx, pharmacy_id=pharmacy_id, act=f"export_{what}", subject_kind="pharmacy",
                subject_id=pharmacy_id, detail={"rows": len(rows) - 1},
            )  # fmt: skip
    return rows


def _figures(tx: Tx, window: str, who: str) -> Rows:
    report = adherence_report(tx, window, who)
    rows: Rows = [("figure", "group", "from", "to", "value", "counted", "of")]
    rows += _rates(report)
    span = (report.window.start.isoformat(), report.window.end.isoformat())
    rows += [
        ("measurements_by_pdc", f"{one.low}-{one.high}%", *span, one.count, None, None) for one in report.bins
    ]
    for point in report.programme.trend:
        day = point.day.isoformat()
        rows += [
            ("enrolled", "", day, day, point.enrolled, None, None),
            ("joined_in_month", "", day, day, point.joined, None, None),
            ("left_in_month", "", day, day, point.left, None, None),
        ]
    both = report.programme.before_and_after
    for name, value in (("before", both.before), ("after", both.after)):
        rows.append((f"pdc_180_days_{name}", "", None, None, _share(value), both.patients, both.drugs))
    visits = report.programme.visits_per_month
    rows.append(
        ("visits_per_patient_and_month", "", *span, None if visits is None else round(visits, 2), None, None)
    )
    rows += _funnel_rows(programme_funnel(tx), report.today.isoformat())
    rows += _staff_rows(tx, report.today)
    return rows


def _funnel_rows(found: Funnel, today: str) -> Rows:
    """Each step with its share; then who fell out."""
    rows: Rows = [("funnel", "eligible", today, today, None, found.reached[Step.ELIGIBLE], None)]
    rows += [
        ("funnel", step.value, today, today, _share(rate.value), rate.numerator, rate.denominator)
        for step, rate in found.rates.items()
    ]
    rows.append(("fell_out", "declined", today, today, None, found.declined, None))
    rows += [
        ("fell_out", state.value, today, today, None, count, None)
        for state, count in sorted(found.fell_out.items())
    ]
    return rows


def _staff_rows(tx: Tx, today: date) -> Rows:
    """Minutes a month by kind of work; `counted` is how often it was done, or would have been."""
    found = staff_work(tx)
    time = time_of(found)
    span = ((today - timedelta(days=WORK_DAYS)).isoformat(), (today - timedelta(days=1)).isoformat())
    sides = (("with_medsync", time.by_kind, found.done), ("by_hand", time.by_hand, found.by_hand))
    return [
        (f"staff_minutes_a_month_{side}", kind, *span, round(minutes, 1), counts.get(kind, 0), None)
        for side, kinds, counts in sides
        for kind, minutes in kinds.items()
    ]


def _rates(report: Report) -> Iterable[Sequence[Cell]]:
    span = (report.window.start.isoformat(), report.window.end.isoformat())
    today = report.today.isoformat()
    ours = report.programme

    def line(name: str, group: str, first: str, last: str, value: Rate) -> Sequence[Cell]:
        return (name, group, first, last, _share(value.value), value.numerator, value.denominator)

    for one in report.shares:
        yield line("at_or_above_80_percent", one.label, *span, one.rate)
    for one in report.shares:
        if one.benchmark is not None:
            group = f"{one.label}: {one.benchmark.source} ({one.benchmark.year})"
            yield ("benchmark", group, None, None, one.benchmark.share, None, None)
    yield line("picked_up_on_the_sync_date", "", *span, ours.picked_up_on_date)
    yield line("accepted_and_first_synced", "", today, today, ours.accepted_and_synced)
    yield line("contacted_before_each_sync_date", "", today, today, ours.contacted)
    yield line("all_chronic_drugs_in_sync", "", today, today, ours.complete)
    for months, value in ours.continued.items():
        yield line(f"still_enrolled_after_{months}_months", "", today, today, value)
    for place in report.places:
        yield line("at_or_above_80_percent_by_location", place.name, *span, place.rate)
        yield line("picked_up_on_the_sync_date_by_location", place.name, *span, place.picked_up_on_date)


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _at_risk(tx: Tx, who: str) -> Rows:
    report = adherence_report(tx, who=who)
    names = {place.pharmacy_id: place.name for place in report.places}
    head = (
        "location", "last_name", "first_name", "class", "gap_days_left", "days_in_hand", "refill_by",
        "pdc_so_far", "enrolled", "next_pickup",
    )  # fmt: skip
    return [
        head,
        *(
            (
                names[one.pharmacy_id], one.last_name, one.first_name, one.label, one.gap_days_left,
                one.in_hand, one.refill_by.isoformat(), _share(one.pdc), "yes" if one.enrolled else "no",
                one.next_sync.isoformat() if one.next_sync else None,
            )
            for one in report.at_risk
        ),
    ]  # fmt: skip


def _candidates(tx: Tx) -> Rows:
    names = {place.id: place.name for place in places(tx).values()}
    return [
        ("location", "last_name", "first_name", "drugs", "drug_names", "visits_a_month", "pdc_last_12_months"),
        *(
            (
                names[one.pharmacy_id], one.last_name, one.first_name, len(one.drugs),
                "; ".join(one.drugs), round(one.visits, 1), _share(one.pdc),
            )
            for one in candidate_list(tx, size=None).rows
        ),
    ]  # fmt: skip
