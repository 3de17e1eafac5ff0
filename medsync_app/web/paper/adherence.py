"""The adherence page as a report on paper: the programme's figures, shares by class, and locations."""

from typing import Final

from medsync_app.domain.adherence_indicators import Rate
from medsync_app.domain.benchmarks import Benchmark
from medsync_app.domain.funnel import Funnel, Step
from medsync_app.domain.programme_words import (
    COUNTED_OF,
    STEP_NAMES,
    WORK_NAMES,
    fell_out_words,
    funnel_words,
    hours,
    staff_words,
)
from medsync_app.domain.staff_time import StaffTime
from medsync_app.reads.adherence import Report
from medsync_app.web.paper.sheet import Sheet
from medsync_app.web.paper.words import long_day

_WHOSE: Final = {
    "": "",
    "enrolled": " Adherence of patients who take part now.",
    "others": " Adherence of patients who do not take part.",
}


def adherence_pdf(report: Report, narrow: Funnel, time: StaffTime, *, who: str = "") -> bytes:
    """Figures only: no patient is named in it."""
    sheet = Sheet(
        "Adherence report", foot="Proportion of days covered (PDC); 80 % and more counts as adherent."
    )
    window, ours = report.window, report.programme
    sheet.heading("Adherence report")
    sheet.text(f"{long_day(window.start, 'en')} to {long_day(window.end, 'en')}.{_WHOSE[who]}")
    sheet.heading("The programme", 2)
    visits = "-" if ours.visits_per_month is None else f"{ours.visits_per_month:.1f}"
    rows = [
        ("Enrolled now", f"{len(ours.enrolled_now):,}", ""),
        ("Picked up on the sync date", *_rate(ours.picked_up_on_date)),
        ("All chronic drugs in sync", *_rate(ours.complete)),
        ("Accepted the offer", *_rate(ours.accepted)),
        *((f"Still enrolled after {months} months", *_rate(rate)) for months, rate in ours.continued.items()),
        ("Visits per patient and month", visits, ""),
        ("About to be lost", f"{len(report.at_risk):,}", ""),
        ("Cannot reach 80 % this year any more", f"{report.lost:,}", ""),
    ]
    sheet.table(("Figure", "Value", "Of"), rows, (56, 20, 24))
    sheet.heading("At or above 80 % by class", 2)
    sheet.table(
        ("Class", "Value", "Of", "Benchmark"),
        [
            (one.label, *_rate(one.rate), _line(one.benchmark))
            for one in report.shares
        ],
        (46, 14, 20, 20),
    )  # fmt: skip
    sheet.heading("From eligible to staying in", 2)
    sheet.text(funnel_words(narrow))
    sheet.table(
        ("Step", "Patients", "Share", "Counted"),
        [_step(step, name, narrow) for step, name in STEP_NAMES.items()],
        (34, 16, 16, 34),
    )
    sheet.text(fell_out_words(narrow))
    sheet.heading("Staff time, last 30 days", 2)
    sheet.text(staff_words(time))
    sheet.table(
        ("Work", "With MedSync", "By hand"),
        [
            (WORK_NAMES[kind], hours(time.by_kind.get(kind, 0.0)), hours(time.by_hand.get(kind, 0.0)))
            for kind in time.kinds
        ],
        (52, 24, 24),
    )
    if len(report.places) > 1:
        sheet.heading("By location", 2)
        sheet.table(
            ("Location", "Enrolled", "At or above 80 %", "On the sync date", "About to be lost"),
            [
                (one.name, f"{one.enrolled:,}", _rate(one.rate)[0], _rate(one.picked_up_on_date)[0], f"{one.at_risk:,}")
                for one in report.places
            ],
            (34, 14, 18, 18, 16),
        )  # fmt: skip
    return sheet.pdf()


def _step(step: Step, name: str, narrow: Funnel) -> tuple[str, str, str, str]:
    reached, rate = f"{narrow.reached[step]:,}", narrow.rates.get(step)
    if rate is None:
        return name, reached, "", ""
    return name, reached, _rate(rate)[0], f"of {rate.denominator:,} {COUNTED_OF[step]}"


def _rate(rate: Rate) -> tuple[str, str]:
    value = "-" if rate.percent is None else f"{rate.percent} %"
    return value, f"{rate.numerator:,} of {rate.denominator:,}"


def _line(benchmark: Benchmark | None) -> str:
    return f"{benchmark.share * 100:.0f} % ({benchmark.source})" if benchmark else ""
