"""Adherence: the figures of the window that the address names."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain import programme_words as words
from medsync_app.domain.adherence_indicators import Rate
from medsync_app.domain.benchmarks import Benchmark, typed_benchmark
from medsync_app.domain.drug_classes import DrugClass
from medsync_app.errors import Invalid
from medsync_app.reads.adherence import WHO, WINDOWS, Report, adherence_report
from medsync_app.reads.funnel import programme_funnel
from medsync_app.reads.staff_work import staff_work, time_of
from medsync_app.services.set_benchmark import set_benchmark
from medsync_app.store.session import Tx
from medsync_app.ui.states import adherence_view as view
from medsync_app.ui.states import programme_view as programme
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.viewing import last_page, page_number, turning

PAGE_SIZE = 50


class AdherenceState(AppState):
    """Charts, the tables behind them, and who is about to be lost."""

    loaded: bool = False
    window: str = WINDOWS[0]
    subtitle: str = ""
    #: Where each window leads.
    windows: dict[str, str] = dict.fromkeys(WINDOWS, "")
    #: Whose adherence ("" everybody's), and where each choice leads.
    who: str = ""
    who_hrefs: dict[str, str] = dict.fromkeys(WHO, "")
    export_figures: str = ""
    export_patients: str = ""
    report_pdf: str = ""
    #: True when there is neither a fill nor an enrollment to count.
    nothing: bool = False

    enrolled: str = ""
    share: str = ""
    share_of: str = ""
    on_date: str = ""
    on_date_of: str = ""
    visits: str = ""
    complete: str = ""
    complete_of: str = ""
    contacted: str = ""
    contacted_of: str = ""
    first_synced: str = ""
    first_synced_of: str = ""
    continued_year: str = ""
    continued_year_of: str = ""
    accepted: str = ""
    accepted_of: str = ""
    continued: str = ""
    continued_of: str = ""

    trend: dict[str, Any] = {}
    trend_words: str = ""
    trend_lines: list[view.LineView] = []
    shares: dict[str, Any] = {}
    shares_words: str = ""
    shares_lines: list[view.LineView] = []
    #: True when at least one patient counts in a class.
    counted: bool = False
    benchmarks: list[str] = []
    bins: dict[str, Any] = {}
    bins_words: str = ""
    bins_lines: list[view.LineView] = []
    compared: bool = False
    both: dict[str, Any] = {}
    both_words: str = ""
    both_lines: list[view.LineView] = []

    risks: list[view.RiskView] = []
    risk_total: str = ""
    lost: str = ""
    summary: str = ""
    previous_href: str = ""
    next_href: str = ""
    by_place: list[view.PlaceView] = []

    funnel: dict[str, Any] = {}
    funnel_words: str = ""
    funnel_lines: list[programme.StepView] = []
    fell_out: str = ""
    work: dict[str, Any] = {}
    work_words: str = ""
    work_lines: list[programme.WorkView] = []

    _page: int = 1

    @handler(Permission.VIEW_ADHERENCE)
    async def load(self, caller: Caller) -> AsyncGenerator[None, None]:
        """Show what the address names (`?window=last_year&who=enrolled&page=2`); funnel and staff time come last."""
        asked = self.router.url.query_parameters
        window = asked.get("window", "")
        self.window = window if window in WINDOWS else WINDOWS[0]
        self.who = asked.get("who", "") if asked.get("who", "") in WHO else ""
        self._page = page_number(asked.get("page", ""))
        await self._show(caller)
        yield
        await self._show_programme(caller)

    @handler(Permission.VIEW_ADHERENCE, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed."""
        if await self._changed(caller):
            await self._show(caller)
            await self._show_programme(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def set_line(self, caller: Caller, form: dict[str, str]) -> None:
        """Set the benchmark of a class at every location shown; an empty percentage takes the line away."""
        if form.get("class", "") not in set(DrugClass):
            raise Invalid("Choose a class.", "class")
        drug_class = DrugClass(form["class"])
        typed = typed_benchmark(form.get("share", ""), form.get("source", ""), form.get("year", ""))
        pharmacy_ids = sorted(caller.scope_here.pharmacy_ids or ())
        await self._command(caller, _set_everywhere, pharmacy_ids, drug_class, typed)
        self._say("The line is set." if typed else "The line is gone.")
        await self._show(replace(caller, scope=caller.scope_for(Permission.VIEW_ADHERENCE)))

    async def _show(self, caller: Caller) -> None:
        report = await self._read_here(caller, adherence_report, self.window, self.who)
        self.subtitle = view.window_sentence(report.window)
        self.windows = {key: _address(key, self.who) for key in WINDOWS}
        self.who_hrefs = {who: _address(self.window, who) for who in WHO}
        exports = "/api/v1/exports/adherence"
        self.export_figures = f"{exports}/figures.csv?window={self.window}{_and_who(self.who)}"
        self.export_patients = f"{exports}/patients.csv{_and_who(self.who).replace('&', '?')}"
        self.report_pdf = f"/api/v1/print/adherence.pdf?window={self.window}{_and_who(self.who)}"
        self._show_tiles(report)
        self._show_charts(report)
        self._show_risks(report)
        self.by_place = [view.place_view(one) for one in report.places] if len(report.places) > 1 else []
        self.nothing = not (self.counted or report.at_risk or any(p.enrolled for p in report.programme.trend))
        self.loaded = True

    async def _show_programme(self, caller: Caller) -> None:
        narrow = await self._read_here(caller, programme_funnel)
        self.funnel, self.funnel_words = programme.funnel_figure(narrow), words.funnel_words(narrow)
        self.funnel_lines, self.fell_out = programme.funnel_lines(narrow), words.fell_out_words(narrow)
        time = time_of(await self._read_here(caller, staff_work))
        self.work, self.work_words = programme.staff_figure(time), words.staff_words(time)
        self.work_lines = programme.staff_lines(time)

    def _show_tiles(self, report: Report) -> None:
        ours = report.programme
        whole = Rate(
            sum(one.rate.numerator for one in report.shares),
            sum(one.rate.denominator for one in report.shares),
        )
        self.counted = whole.denominator > 0
        self.enrolled = f"{len(ours.enrolled_now):,}"
        self.share, self.share_of = view.rate(whole), view.of(whole, "measurement")
        self.on_date, self.on_date_of = (
            view.rate(ours.picked_up_on_date),
            view.of(ours.picked_up_on_date, "pickup"),
        )
        self.visits = "-" if ours.visits_per_month is None else f"{ours.visits_per_month:.1f}"
        self.complete, self.complete_of = view.rate(ours.complete), view.of(ours.complete)
        self.accepted, self.accepted_of = view.rate(ours.accepted), view.of(ours.accepted, "offer")
        self.contacted, self.contacted_of = view.rate(ours.contacted), view.of(ours.contacted)
        synced = ours.accepted_and_synced
        self.first_synced, self.first_synced_of = view.rate(synced), view.of(synced, "offer")
        year = ours.continued[12]
        self.continued_year, self.continued_year_of = view.rate(year), view.of(year)
        self.continued, self.continued_of = view.rate(ours.continued[6]), view.of(ours.continued[6])

    def _show_charts(self, report: Report) -> None:
        ours = report.programme
        self.trend, self.trend_words = view.trend_figure(ours.trend), view.trend_words(ours.trend)
        self.trend_lines = view.trend_lines(ours.trend)
        self.shares, self.shares_words = view.share_figure(report.shares), view.share_words(report.shares)
        self.shares_lines = view.share_lines(report.shares)
        self.benchmarks = [words for one in report.shares if (words := view.benchmark_words(one))]
        self.bins, self.bins_words = view.bins_figure(report.bins), view.bins_words(report.bins)
        self.bins_lines = view.bins_lines(report.bins)
        both = ours.before_and_after
        self.compared = both.patients > 0
        self.both, self.both_words = view.before_after_figure(both), view.before_after_words(both)
        self.both_lines = view.before_after_lines(both)

    def _show_risks(self, report: Report) -> None:
        several = len(report.places) > 1
        names = {place.pharmacy_id: place.name if several else "" for place in report.places}
        self._page = min(self._page, last_page(len(report.at_risk), PAGE_SIZE))
        first = (self._page - 1) * PAGE_SIZE
        self.risks = [
            view.risk_view(one, report.today, names[one.pharmacy_id])
            for one in report.at_risk[first : first + PAGE_SIZE]
        ]
        self.risk_total = f"{len(report.at_risk):,}"
        self.lost = f"{report.lost:,}" if report.lost else ""
        self.summary, self.previous_href, self.next_href = turning(
            _address(self.window, self.who), self._page, PAGE_SIZE, len(report.at_risk)
        )


def _set_everywhere(
    tx: Tx, pharmacy_ids: list[str], drug_class: DrugClass, benchmark: Benchmark | None
) -> None:
    for pharmacy_id in pharmacy_ids:
        set_benchmark(tx, pharmacy_id, drug_class, benchmark)


def _address(window: str, who: str) -> str:
    asked = [f"window={window}"] if window != WINDOWS[0] else []
    asked += [f"who={who}"] if who else []
    return f"/adherence?{'&'.join(asked)}" if asked else "/adherence"


def _and_who(who: str) -> str:
    return f"&who={who}" if who else ""
