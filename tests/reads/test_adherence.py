"""The adherence figures of a scope: who counts, in which bin, who is about to be lost, and the scope itself."""

from datetime import date, timedelta
from random import Random

from medsync_app.clock import VirtualClock
from medsync_app.domain.adherence import Claim, Period, outlook, pdc
from medsync_app.domain.adherence_indicators import Rate
from medsync_app.domain.benchmarks import Benchmark
from medsync_app.domain.care import CareKind
from medsync_app.domain.drug_classes import DrugClass
from medsync_app.domain.states import FillStatus
from medsync_app.reads.adherence import (
    FEW_GAP_DAYS,
    ClassShare,
    Report,
    _aims,  # pyright: ignore[reportPrivateUsage]
    _measure,  # pyright: ignore[reportPrivateUsage]
    adherence_report,
    window_of,
)
from medsync_app.reads.fill_columns import drugs, people, sold_columns
from medsync_app.reads.patient_supply import patient_supply
from medsync_app.store.repositories import care
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database
from medsync_app.store.tables import Fill, Patient, PatientCare, Pharmacy, Therapy
from tests.support.adherent import YEAR_START, monthly, takes
from tests.support.screens import TODAY, make_batch, make_therapy
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

ALL_YEAR = monthly(YEAR_START, 11)


def report_of(database: Database, clock: VirtualClock, scope: Scope, key: str = "this_year") -> Report:
    with database.reading(scope, clock) as tx:
        return adherence_report(tx, key)


def share(report: Report, drug_class: DrugClass) -> ClassShare:
    return next(one for one in report.shares if one.drug_class is drug_class)


def test_the_windows_end_today_or_with_the_year() -> None:
    today = date(2026, 11, 23)
    assert (window_of("this_year", today).start, window_of("this_year", today).end) == (YEAR_START, today)
    last = window_of("last_year", today)
    assert (last.start, last.end) == (date(2025, 1, 1), date(2025, 12, 31))
    rolling = window_of("last_12_months", today)
    assert (rolling.start, rolling.end) == (date(2025, 11, 24), today)
    assert window_of("; drop", today).key == "this_year"


def test_shares_and_bins_count_patients_by_class(database: Database, clock: VirtualClock, shop: Shop) -> None:
    takes(database, shop, "Atorvastatin 20 mg", ALL_YEAR)
    takes(database, shop, "Simvastatin 20 mg", monthly(YEAR_START, 4, every=60), first="Ben")
    takes(database, shop, "Metformin 500 mg", ALL_YEAR, first="Cleo")
    takes(database, shop, "Amlodipine 5 mg", ALL_YEAR, first="Dora")
    found = report_of(database, clock, shop.scope)
    assert share(found, DrugClass.STATINS).rate == Rate(1, 2)
    assert share(found, DrugClass.DIABETES).rate == Rate(1, 1)
    assert share(found, DrugClass.RAS_ANTAGONISTS).rate == Rate(0, 0)
    # 327 days: 330 supplied, and 4 x 30 of 327.
    assert {one.low: one.count for one in found.bins if one.count} == {30: 1, 90: 2}


def test_exactly_eighty_percent_is_adherent_and_in_the_bin_that_begins_there(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    # 100 days of last year's period, from 23 September: 80 of them covered.
    takes(database, shop, "Atorvastatin 20 mg", (date(2025, 9, 23), date(2025, 11, 2)), days=40)
    found = report_of(database, clock, shop.scope, "last_year")
    assert share(found, DrugClass.STATINS).rate == Rate(1, 1)
    assert [one.low for one in found.bins if one.count] == [80]


def recorded(
    database: Database, patient_id: str, kind: CareKind, start: date, end: date | None = None
) -> None:
    with database.transaction(SYSTEM) as tx:
        patient = tx.get(Patient, patient_id)
        tx.add(
            PatientCare(
                pharmacy_id=patient.pharmacy_id, patient_id=patient_id, kind=kind, starts_on=start, ends_on=end,
                recorded_by="Pat Tester", recorded_at=tx.now,
            )
        )  # fmt: skip


def test_hospice_and_kidney_failure_leave_the_denominator_and_a_change_counts_at_once(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    ada = takes(database, shop, "Atorvastatin 20 mg", ALL_YEAR)
    ben = takes(database, shop, "Simvastatin 20 mg", monthly(YEAR_START, 4, every=60), first="Ben")
    assert share(report_of(database, clock, shop.scope), DrugClass.STATINS).rate == Rate(1, 2)
    recorded(database, ada, CareKind.HOSPICE, date(2026, 3, 1), date(2026, 4, 1))
    assert share(report_of(database, clock, shop.scope), DrugClass.STATINS).rate == Rate(0, 1)
    recorded(database, ben, CareKind.ESRD, date(2020, 3, 1))
    assert share(report_of(database, clock, shop.scope), DrugClass.STATINS).rate == Rate(0, 0)
    with database.reading(shop.scope, clock) as tx:
        measured = patient_supply(tx, ada).measures
    assert [(one.is_class, one.result.in_denominator) for one in measured] == [(True, False), (False, False)]


def test_a_disenrolment_ends_the_period_and_stays_count_until_2025_only(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    # DOMAIN.md, reference vector "stay": 330 of 361 days in 2026, 330 of 351 in 2025 with ten days in hospital.
    for year, days, covered in ((2026, 361, 330), (2025, 351, 330)):
        fills = [(1, 5, 30), (2, 10, 30), (3, 20, 90), (6, 25, 90), (9, 20, 90)]
        name = f"P{year}"
        patient = make_patient(database, shop, first=name)
        for month, day, supply in fills:
            make_therapy(
                database,
                shop,
                patient,
                f"Atorvastatin {month} mg",
                fills=(date(year, month, day),),
                days=supply,
            )
        recorded(database, patient, CareKind.INPATIENT, date(year, 4, 1), date(year, 4, 10))
        with database.reading(shop.scope, clock) as tx:
            known, fills_read = drugs(tx), sold_columns(tx, date(2024, 1, 1), date(2026, 12, 31))
            measured = _measure(
                fills_read, _aims(fills_read.therapies, known), people(tx), care.by_patient(tx),
                Period(date(year, 1, 1), date(year, 12, 31)), as_of=date(year, 12, 31),
            )  # fmt: skip
        found = {measured.patients[one.patient].first_name: one.figures for one in measured.tallies}[name]
        assert (found.period_days, found.period_days - found.uncovered) == (days, covered)
    recorded(database, patient, CareKind.DISENROLLED, date(2025, 4, 30))
    with database.reading(shop.scope, clock) as tx:
        measured = _measure(
            fills_read, _aims(fills_read.therapies, known), people(tx), care.by_patient(tx),
            Period(date(2025, 1, 1), date(2025, 12, 31)), as_of=date(2025, 12, 31),
        )  # fmt: skip
    # 5 January to 30 April without the ten days of the stay.
    assert [one.figures.period_days for one in measured.tallies] == [106]


def test_who_is_young_new_or_on_insulin_does_not_count(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    young = make_patient(database, shop, first="Ada", birth_date=date(2009, 1, 1))
    make_therapy(database, shop, young, "Metformin 500 mg", fills=ALL_YEAR)
    takes(database, shop, "Metformin 500 mg", monthly(date(2026, 9, 1), 3), first="Ben")
    takes(database, shop, "Metformin 500 mg", (YEAR_START,), days=90, first="Cleo")
    dora = takes(database, shop, "Metformin 500 mg", ALL_YEAR, first="Dora")
    make_therapy(database, shop, dora, "Insulin glargine", fills=(date(2026, 3, 1),), status="discontinued")
    assert share(report_of(database, clock, shop.scope), DrugClass.DIABETES).rate == Rate(0, 0)
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, young).birth_date = date(2008, 1, 1)
    assert share(report_of(database, clock, shop.scope), DrugClass.DIABETES).rate == Rate(1, 1)


def test_fills_still_waiting_or_taken_back_cover_nothing(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    takes(database, shop, "Atorvastatin 20 mg", ALL_YEAR)
    assert share(report_of(database, clock, shop.scope), DrugClass.STATINS).rate == Rate(1, 1)
    with database.transaction(SYSTEM, clock) as tx:
        fills = tx.session.query(Fill).order_by(Fill.filled_on).all()
        for row, status in zip(fills[4:8], [FillStatus.WAITING, FillStatus.REVERSED] * 2, strict=True):
            row.status = status
    assert share(report_of(database, clock, shop.scope), DrugClass.STATINS).rate == Rate(0, 1)


def test_supply_counts_from_the_claim_once_it_was_picked_up(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    def pick_up(day: date) -> None:
        with database.transaction(SYSTEM, clock) as tx:
            first = tx.session.query(Fill).order_by(Fill.filled_on).first()
            assert first is not None
            first.picked_up_on = day

    patient = takes(database, shop, "Atorvastatin 20 mg", (date(2025, 12, 30), date(2026, 1, 29)))
    # PDC goes by the date of service: the first fill was claimed last year, whenever it was picked up.
    pick_up(date(2026, 1, 4))
    assert share(report_of(database, clock, shop.scope), DrugClass.STATINS).rate == Rate(0, 0)
    make_therapy(database, shop, patient, "Rosuvastatin 10 mg", fills=(date(2026, 3, 1),), days=240)
    assert share(report_of(database, clock, shop.scope), DrugClass.STATINS).rate == Rate(1, 1)
    with database.transaction(SYSTEM, clock) as tx:
        tx.session.query(Fill).order_by(Fill.filled_on.desc()).first().picked_up_on = date(2026, 4, 20)  # type: ignore[union-attr]
    assert share(report_of(database, clock, shop.scope), DrugClass.STATINS).rate == Rate(1, 1)


def test_whoever_has_few_gap_days_left_is_listed_by_them(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    # Both periods are the whole year: 73 gap days are allowed.
    def late(gap: int, first: str) -> str:
        start = YEAR_START + timedelta(days=30 + gap)
        count = (TODAY - start).days // 30 + 1
        return takes(database, shop, "Lisinopril 10 mg", (YEAR_START, *monthly(start, count)), first=first)

    seventy, sixty = late(70, "Ada"), late(60, "Ben")
    late(10, "Cleo")
    late(90, "Dora")
    found = report_of(database, clock, shop.scope)
    assert [(one.patient_id, one.gap_days_left) for one in found.at_risk] == [(seventy, 3), (sixty, 13)]
    assert found.lost == 1
    one = found.at_risk[0]
    assert one.refill_by == TODAY + timedelta(days=one.in_hand + one.gap_days_left + 1)
    assert (one.label, one.enrolled, one.next_sync) == ("RAS antagonists", False, None)


def test_who_has_supply_to_the_years_end_is_not_about_to_be_lost(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    start = YEAR_START + timedelta(days=100)
    patient = takes(database, shop, "Lisinopril 10 mg", (YEAR_START, start), days=30)
    make_therapy(database, shop, patient, "Enalapril 5 mg", fills=(start,), days=300)
    found = report_of(database, clock, shop.scope)
    assert (found.at_risk, found.lost) == ((), 0)


def test_the_batch_agrees_with_one_patients_outlook(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    random, made = Random(5), dict[str, list[date]]()
    for number in range(30):
        day, days = YEAR_START + timedelta(days=random.randint(0, 60)), list[date]()
        while day <= TODAY:
            days.append(day)
            day += timedelta(days=random.randint(28, 46))
        made[takes(database, shop, "Losartan 50 mg", tuple(days), first=f"P{number:02d}")] = days
    found = report_of(database, clock, shop.scope)
    year = Period(YEAR_START, date(2026, 12, 31))
    wanted: dict[str, tuple[int, int]] = {}
    for patient, days in made.items():
        claims = [Claim(patient, "losartan", day, 30) for day in days]
        ahead, whole = outlook(claims, year, TODAY), pdc(claims, year)
        assert ahead is not None
        assert whole is not None
        covered_ahead = whole.covered_days - (whole.period_days - (year.end - TODAY).days - ahead.used)
        # Safe when nothing more needs to be filled, lost when 80 % is out of reach.
        if 0 <= ahead.remaining <= FEW_GAP_DAYS and not whole.adherent and not ahead.lost:
            wanted[patient] = (ahead.remaining, covered_ahead)
    assert len(wanted) > 3
    assert {one.patient_id: (one.gap_days_left, one.in_hand) for one in found.at_risk} == wanted


def test_the_dead_are_not_about_to_be_lost(database: Database, clock: VirtualClock, shop: Shop) -> None:
    start = YEAR_START + timedelta(days=100)
    patient = takes(database, shop, "Lisinopril 10 mg", (YEAR_START, *monthly(start, 8)))
    assert len(report_of(database, clock, shop.scope).at_risk) == 1
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, patient).deceased_on = TODAY - timedelta(days=2)
    assert report_of(database, clock, shop.scope).at_risk == ()


def test_an_enrolled_patient_comes_with_the_next_pickup(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    start = YEAR_START + timedelta(days=100)
    patient = takes(database, shop, "Lisinopril 10 mg", (YEAR_START, *monthly(start, 8)))
    make_batch(database, shop, patient, (), on=TODAY + timedelta(days=9))
    one = report_of(database, clock, shop.scope).at_risk[0]
    assert (one.enrolled, one.next_sync) == (True, TODAY + timedelta(days=9))


def test_a_benchmark_is_shown_where_all_locations_agree(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = make_shop(database, "other")
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).rules = {
            "benchmarks": {"statins": {"share": 0.86, "source": "State average", "year": 2025}}
        }
    both = Scope.staff("x", "X", {shop.pharmacy_id: shop.role, other.pharmacy_id: other.role})
    mine = report_of(database, clock, shop.scope)
    assert share(mine, DrugClass.STATINS).benchmark == Benchmark(0.86, "State average", 2025)
    together = report_of(database, clock, both)
    assert share(together, DrugClass.STATINS).benchmark is None
    assert share(together, DrugClass.DIABETES).benchmark is not None


def test_locations_are_counted_apart_and_others_not_at_all(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = make_shop(database, "other")
    takes(database, shop, "Atorvastatin 20 mg", ALL_YEAR)
    takes(database, other, "Atorvastatin 20 mg", monthly(YEAR_START, 4, every=60))
    mine = report_of(database, clock, shop.scope)
    assert share(mine, DrugClass.STATINS).rate == Rate(1, 1)
    assert [place.pharmacy_id for place in mine.places] == [shop.pharmacy_id]
    both = Scope.staff("x", "X", {shop.pharmacy_id: shop.role, other.pharmacy_id: other.role})
    rates = {place.pharmacy_id: place.rate for place in report_of(database, clock, both).places}
    assert rates == {shop.pharmacy_id: Rate(1, 1), other.pharmacy_id: Rate(0, 1)}


def test_a_report_is_counted_anew_after_a_change_and_the_next_day(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    takes(database, shop, "Atorvastatin 20 mg", ALL_YEAR)
    first = report_of(database, clock, shop.scope)
    assert report_of(database, clock, shop.scope) is first
    takes(database, shop, "Atorvastatin 20 mg", monthly(YEAR_START, 4, every=60), first="Ben")
    second = report_of(database, clock, shop.scope)
    assert share(second, DrugClass.STATINS).rate == Rate(1, 2)
    clock.set(clock.now() + timedelta(days=1))
    assert report_of(database, clock, shop.scope).today == second.today + timedelta(days=1)


def test_a_kept_report_is_for_its_own_pharmacies_only(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    other = make_shop(database, "other")
    takes(database, other, "Atorvastatin 20 mg", ALL_YEAR)
    both = Scope.staff("x", "X", {shop.pharmacy_id: shop.role, other.pharmacy_id: other.role})
    assert share(report_of(database, clock, both), DrugClass.STATINS).rate == Rate(1, 1)
    assert share(report_of(database, clock, shop.scope), DrugClass.STATINS).rate == Rate(0, 0)


def test_a_transaction_sees_its_own_changes(database: Database, clock: VirtualClock, shop: Shop) -> None:
    patient = takes(database, shop, "Atorvastatin 20 mg", ALL_YEAR)
    report_of(database, clock, shop.scope)
    with database.transaction(shop.scope, clock) as tx:
        tx.get(Patient, patient).birth_date = date(2015, 1, 1)
        tx.session.flush()
        assert share(adherence_report(tx), DrugClass.STATINS).rate == Rate(0, 0)


def test_a_brand_for_weight_only_is_no_diabetes_drug(
    database: Database, clock: VirtualClock, shop: Shop
) -> None:
    patient = takes(database, shop, "Semaglutide 1 mg", ALL_YEAR)
    assert share(report_of(database, clock, shop.scope), DrugClass.DIABETES).rate == Rate(1, 1)
    with database.transaction(SYSTEM, clock) as tx:
        drug = tx.session.query(Therapy).one()
        drug.drug_name = "Wegovy 1 MG/0.5ML Subcutaneous Solution Auto-injector"
    assert share(report_of(database, clock, shop.scope), DrugClass.DIABETES).rate == Rate(0, 0)
    with database.reading(shop.scope, clock) as tx:
        assert [one.label for one in patient_supply(tx, patient).measures] == [
            "Wegovy 1 MG/0.5ML Subcutaneous Solution Auto-injector"
        ]
