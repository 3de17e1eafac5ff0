"""The commands `level` and `forecast`: JSON on stdout, nothing written unless asked, clear refusals."""

import io
import json
from typing import Any

import pytest
from sqlalchemy import select

from medsync_app.cli import forecast, level
from medsync_app.cli.main import main
from medsync_app.errors import Conflict
from medsync_app.services import plan_pharmacy
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, Cycle, Pharmacy
from tests.support.programme import Clinic, enroll_recommended, even_patient, make_clinic


@pytest.fixture
def clinic(database: Database, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    """Three patients enrolled on one day, with room for two, and one who may enroll."""
    made = make_clinic(database)
    for module in (level, forecast):
        monkeypatch.setattr(module, "get_database", lambda: database)
        monkeypatch.setattr(module, "SystemClock", lambda: made.clock)
    for _ in range(3):
        enroll_recommended(made, even_patient(made, days_ago=10)[0])
    even_patient(made, days_ago=10)
    with made.writing() as tx:
        tx.get(Pharmacy, made.shop.pharmacy_id).daily_capacity = 2
    return made


def command(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(list(words), io.StringIO(), out, err)
    return code, out.getvalue(), err.getvalue()


def done(*words: str) -> Any:
    code, out, err = command(*words)
    assert code == 0, err
    return json.loads(out)


def dates(clinic: Clinic) -> list[str]:
    with clinic.reading() as tx:
        return sorted(day.isoformat() for day in tx.session.scalars(select(Cycle.sync_date)))


@pytest.mark.slow
def test_level_shows_the_moves_and_makes_them_only_when_asked(clinic: Clinic) -> None:
    before = dates(clinic)
    shown = done("level", "--pharmacy", "main")
    assert dates(clinic) == before
    assert (shown["before"]["peak"], shown["before"]["over_capacity"], shown["after"]["peak"]) == (3, 1, 1)
    assert {"cycle", "patient", "from", "to", "cost_before", "cost_after"} < set(shown["moves"][0])
    made = done("level", "--pharmacy", clinic.shop.pharmacy_id, "--apply")
    assert len(made["applied"]["moved"]) == len(shown["moves"]) == 2
    assert dates(clinic) == sorted(shown["after"]["load"])
    assert done("level", "--pharmacy", "main")["moves"] == []


@pytest.mark.slow
def test_levelling_is_audited_and_refused_moves_end_it_with_1(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(*args: Any, **kwargs: Any) -> None:
        raise Conflict("This cycle was changed by somebody.")

    with monkeypatch.context() as patched:
        patched.setattr(plan_pharmacy, "reschedule", stale)
        code, out, err = command("level", "--pharmacy", "main", "--apply")
    assert (code, len(json.loads(out)["applied"]["refused"])) == (1, 2)
    assert "2 moves were refused" in err
    done("level", "--pharmacy", "main", "--apply")
    with clinic.reading() as tx:
        acts = tx.session.scalars(select(AuditEvent).where(AuditEvent.act == "level").order_by(AuditEvent.id))  # pyright: ignore
        rows = [(row.actor_name, len(row.detail["moved"]), len(row.detail["refused"])) for row in acts]
    assert rows == [("command line", 0, 2), ("command line", 2, 0)]


@pytest.mark.slow
def test_new_patients_are_planned_around_what_is_planned(clinic: Clinic) -> None:
    before = dates(clinic)
    found = done("level", "--pharmacy", "main", "--new")
    (only,) = found["patients"]
    assert only["recommended"] == before[0] != only["sync_date"]
    assert dates(clinic) == before


@pytest.mark.slow
def test_forecast_prints_days_units_and_renewals(clinic: Clinic) -> None:
    found = done("forecast", "--pharmacy", "main", "--days", "40")
    assert [day["batches"] for day in found["days"]] == [3]
    assert {one["drug"]: one["units"] for one in found["drugs"]} == {
        "Atorvastatin 20 MG": 90,
        "Lisinopril 10 MG": 90,
    }
    assert found["renewals"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("level",),
        ("forecast", "--days", "x", "--pharmacy", "main"),
        ("level", "--apply", "--new", "--pharmacy", "main"),
    ],
)
def test_wrong_usage_exits_with_2(words: tuple[str, ...]) -> None:
    assert command(*words)[:2] == (2, "")


def test_what_is_not_there_or_out_of_range_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clinic(database)
    for module in (level, forecast):
        monkeypatch.setattr(module, "get_database", lambda: database)
    for words in (("level", "--pharmacy", "nowhere"), ("forecast", "--pharmacy", "nowhere")):
        code, out, err = command(*words)
        assert (code, out) == (1, "")
        assert "no pharmacy" in err
    code, out, err = command("forecast", "--pharmacy", "main", "--days", "0")
    assert (code, out) == (1, "")
    assert "days: Give the days as a number from 1 to 366." in err
