"""The demo pharmacy: what it holds, that it is the same every time, and that nothing of it reaches anybody."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from medsync_app.auth.passwords import matches
from medsync_app.clock import VirtualClock
from medsync_app.demo.due_messages import add_due_messages
from medsync_app.demo.first_start import load_if_empty
from medsync_app.demo.load import Loaded, load
from medsync_app.demo.people import demo_numbers
from medsync_app.domain.states import ActionState, Channel, CycleState
from medsync_app.engine.loop import Limits
from medsync_app.errors import Conflict, Forbidden, Invalid
from medsync_app.services.plan_inputs import drugs_for, drugs_of
from medsync_app.services.rules import rules_of
from medsync_app.settings import get_settings
from medsync_app.store.migrate import upgrade
from medsync_app.store.repositories.charts import of_patients
from medsync_app.store.session import Database
from medsync_app.store.tables import Pharmacy
from tests.support.loop import FakeConnection, all_actions, run_tick
from tests.support.store import SYSTEM, make_shop

pytestmark = pytest.mark.slow

TODAY = date(2026, 11, 23)
PASSWORD = "four words are a password"
#: A number set aside for invented people, or empty.
INVENTED = re.compile(r"\+1\d{3}55501\d\d|[^@]+@example\.com")


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.engine.connect() as connection:
        return sorted((tuple(row) for row in connection.execute(text(query))), key=repr)


def small(folder: Path, name: str = "demo.db", seed: int = 7) -> tuple[Database, Loaded]:
    """A demo of few people and days."""
    database = Database(f"sqlite:///{folder / name}")
    upgrade(database.url)
    return database, load(database, today=TODAY, patients=14, seed=seed, lived_days=14)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, Loaded]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSYNC_DEMO_PASSWORD", PASSWORD)
        made = small(tmp_path_factory.mktemp("demo"))
    yield made
    made[0].dispose()


def test_the_demo_has_two_locations_staff_and_people_in_and_out_of_the_programme(
    demo: tuple[Database, Loaded],
) -> None:
    database, loaded = demo
    assert rows(database, "select count(*) from pharmacy where is_demo") == [(2,)]
    assert rows(database, "select role, count(*) from membership group by role") == [
        ("owner", 2),
        ("pharmacist", 2),
        ("technician", 2),
    ]
    assert rows(database, "select count(*) from patient") == [(14,)]
    enrolled = rows(database, "select count(*) from enrollment")[0][0]
    assert isinstance(enrolled, int)
    assert 3 <= enrolled < 14
    assert loaded.patients == 14


def test_the_demo_stands_at_the_morning_of_its_day(demo: tuple[Database, Loaded]) -> None:
    database, _ = demo
    midnight = "2026-11-23 05:00"
    assert rows(database, f"select id from scheduled_action where created_at > '{midnight}'") == []
    assert rows(database, f"select id from fill where filled_on >= '{TODAY}'") == []
    ahead = "select count(*) from scheduled_action where state = 'queued' and kind = 'message'"
    assert rows(database, f"{ahead} and due_at > '{midnight}'") != [(0,)]
    overdue = "select id from scheduled_action where state = 'queued'"
    assert rows(database, f"{overdue} and due_at < '2026-11-22 23:00'") == []


def test_the_default_demo_shows_a_batch_in_every_state(database: Database) -> None:
    load(database, today=TODAY)
    shown = {state for (state,) in rows(database, "select distinct state from cycle")}
    assert shown == {state.value for state in CycleState}
    (missed,) = rows(database, "select sync_date < '2026-11-12' from cycle where state = 'missed'")
    assert missed == (1,), "only what lies well behind"


def test_a_year_of_fills_came_in_without_a_problem(demo: tuple[Database, Loaded]) -> None:
    database, _ = demo
    assert rows(database, "select distinct state from import_run") == [("done",)]
    assert rows(database, "select * from import_problem") == []
    assert rows(database, "select min(filled_on) < '2025-12-31' from fill") == [(1,)]
    assert rows(database, "select count(*) > 200 from fill") == [(1,)]


def test_the_staff_have_done_their_work_but_for_what_is_fresh(demo: tuple[Database, Loaded]) -> None:
    database, _ = demo
    settled = rows(database, "select distinct closed_by from exception_case where state = 'resolved'")
    assert ("Tobias Lane",) in settled
    open_ones = "select count(*) from exception_case where state = 'open'"
    assert rows(database, open_ones) != [(0,)]
    assert rows(database, f"{open_ones} and due_at < '2026-11-14'") == [(0,)], "nothing lies for weeks"
    ((late,),) = rows(database, f"{open_ones} and due_at < '2026-11-21 12:00'")
    assert isinstance(late, int)
    assert late <= 3
    left = "select id from cycle where state in ('ready', 'partly_ready') and sync_date < '2026-11-09'"
    assert rows(database, left) == [], "what is not fetched goes back to stock"


def test_every_number_and_address_of_the_demo_belongs_to_nobody(demo: tuple[Database, Loaded]) -> None:
    database, _ = demo
    found = rows(database, "select address from contact_point union select phone from prescriber")
    assert found
    assert [address for (address,) in found if not INVENTED.fullmatch(str(address))] == []


def test_the_sign_ins_use_the_password_from_the_environment_and_only_its_hash_is_kept(
    demo: tuple[Database, Loaded],
) -> None:
    database, loaded = demo
    assert {account.password for account in loaded.sign_ins} == {PASSWORD}
    hashes = [str(value) for (value,) in rows(database, "select password_hash from staff")]
    assert all(PASSWORD not in value and matches(value, PASSWORD) for value in hashes)


def test_the_same_seed_and_day_make_the_same_demo_and_another_seed_another_one(
    demo: tuple[Database, Loaded], tmp_path: Path
) -> None:
    questions = (
        "select external_id, first_name, last_name, birth_date from patient",
        """select p.external_id, c.kind, c.number, c.sync_date, c.state from cycle c
           join patient p on p.id = c.patient_id""",
        """select p.external_id, a.step, a.state, a.due_at, a.body from scheduled_action a
           join patient p on p.id = a.patient_id""",
        "select kind, state, summary, opened_at from exception_case",
    )
    again, loaded = small(tmp_path)
    other, _ = small(tmp_path, "other.db", seed=8)
    for question in questions:
        assert rows(again, question) == rows(demo[0], question)
    assert rows(other, questions[0]) != rows(demo[0], questions[0])
    assert loaded.sign_ins[0].password != PASSWORD, "a random one when none is set"
    again.dispose()
    other.dispose()


def test_a_database_with_a_pharmacy_is_left_alone(database: Database, clock: VirtualClock) -> None:
    make_shop(database)
    with pytest.raises(Conflict, match="has a pharmacy already"):
        load(database, today=TODAY, patients=3)
    assert load_if_empty(database.url, clock) == []
    assert rows(database, "select count(*) from pharmacy") == [(1,)]


def test_a_demo_that_could_not_be_finished_leaves_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("medsync_app.demo.load.live", fails)
    with pytest.raises(RuntimeError):
        load(database, today=TODAY, patients=3)
    assert rows(database, "select * from pharmacy") == []
    assert rows(database, "select * from staff") == []


@pytest.mark.parametrize(
    ("twilio", "smtp", "allowed"),
    [
        ("https://api.twilio.com", "smtp://127.0.0.1:25", False),
        ("http://127.0.0.1:9", "smtp://mail.example.com:25", False),
        ("http://127.0.0.1:9", "", False),
        ("http://127.0.0.1:9", "smtp://127.0.0.1:25", True),
    ],
)
def test_while_messages_really_go_out_the_demo_is_refused_unless_they_stay_on_this_machine(
    database: Database, monkeypatch: pytest.MonkeyPatch, twilio: str, smtp: str, allowed: bool
) -> None:
    monkeypatch.setenv("MEDSYNC_SEND", "live")
    monkeypatch.setenv("TWILIO_API_URL", twilio)
    if smtp:
        monkeypatch.setenv("SMTP_URL", smtp)
    get_settings.cache_clear()
    try:
        if allowed:
            load(database, today=TODAY, patients=1, lived_days=1)
        else:
            with pytest.raises(Forbidden, match="MEDSYNC_SEND"):
                load(database, today=TODAY, patients=1)
            assert "pharmacy add" in load_if_empty(database.url)[0]
    finally:
        get_settings.cache_clear()
    assert bool(rows(database, "select * from pharmacy")) is allowed


def test_due_messages_go_to_as_many_different_numbers_at_any_hour(database: Database) -> None:
    night = VirtualClock(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    add_due_messages(database, night, 130)
    connection = FakeConnection()
    run_tick(database, night, {Channel.SMS: connection}, limits=Limits(batch=50))
    assert len(connection.sent) == 130
    assert len({message.to for message in connection.sent}) == 130
    assert all(INVENTED.fullmatch(message.to) for message in connection.sent)
    assert len(all_actions(database, ActionState.SENT)) == 130


def test_more_due_messages_than_there_are_invented_numbers_are_refused(
    database: Database, clock: VirtualClock
) -> None:
    many = sum(1 for _ in demo_numbers())
    with pytest.raises(Invalid, match="ask for fewer"):
        add_due_messages(database, clock, many + 1)
    assert rows(database, "select * from pharmacy") == []


def test_charts_read_together_say_what_each_says_alone(demo: tuple[Database, Loaded]) -> None:
    """Levelling reads bare columns, the wizard whole rows: both must plan the same of short fills, trips, pickups."""
    database, _ = demo
    items = 0
    with database.reading(SYSTEM, VirtualClock(datetime(2026, 11, 23, 15, tzinfo=UTC))) as tx:
        ids = [row[0] for row in rows(database, "select id from patient")]
        for chart in of_patients(tx, [str(key) for key in ids]):
            patient = chart.patient
            rules = rules_of(tx.get(Pharmacy, patient.pharmacy_id))
            batches = {held.id for _, held in chart.items}
            items += len(chart.items)
            for anew in ((), batches):
                together = drugs_of(chart, rules, today=TODAY, replanned=anew)
                assert together == drugs_for(tx, patient.id, today=TODAY, replanned=anew)
    assert items > 20
