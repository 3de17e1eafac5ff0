"""The command `workflow`: documents in and out as JSON, refusals with step and field."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from medsync_app.cli import workflow
from medsync_app.cli.main import main
from medsync_app.clock import SystemClock, VirtualClock, local_day
from medsync_app.domain.workflow import default_document
from medsync_app.services.schedule_cycle import schedule_cycle
from medsync_app.store.session import Database
from tests.support.cycles import make_cycle
from tests.support.store import SYSTEM, Shop, make_patient, make_shop


@pytest.fixture
def shop(database: Database, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(workflow, "get_database", lambda: database)
    return make_shop(database)


def command(*words: str, text: str = "") -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(["workflow", *words], io.StringIO(text), out, err)
    return code, out.getvalue(), err.getvalue()


def done(*words: str, text: str = "") -> Any:
    code, out, err = command(*words, "--pharmacy", "main", text=text)
    assert code == 0, err
    return json.loads(out)


def changed() -> dict[str, Any]:
    document = default_document()
    document["steps"][5]["trigger"]["days"] = 6
    return document


@pytest.mark.usefixtures("shop")
def test_a_document_goes_out_changed_and_in_again(tmp_path: Path) -> None:
    assert done("show") == default_document()
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(changed()), encoding="utf-8")
    change = {"part": "steps", "step": "reminder_t7", "field": "trigger.days", "before": 7, "after": 6}
    assert done("publish", str(file), "--expect", "1", "--note", "Later.") == {
        "version": 2,
        "changes": [change],
    }
    assert done("show") == changed()
    assert done("show", "--version", "1") == default_document()
    assert done("diff", "1", "2") == [change]
    assert done("rollback", "1")["version"] == 3
    assert done("show") == default_document()
    listed = [(row["version"], row["note"], row["running_cycles"]) for row in done("versions")]
    assert listed == [(3, "Back to version 1.", 0), (2, "Later.", 0), (1, "The default workflow.", 0)]


def test_running_cycles_are_moved_when_asked(database: Database, shop: Shop, clock: VirtualClock) -> None:
    made = make_cycle(database, shop, make_patient(database, shop))
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
    done("publish", "-", text=json.dumps(changed()))
    assert [row["running_cycles"] for row in done("versions")] == [0, 1]
    assert done("move")["cycles"] == 1
    assert [row["running_cycles"] for row in done("versions")] == [1, 0]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (("publish", "-"), "{", "no JSON"),
        (("publish", "-"), "[" * 100_000, "no JSON"),
        (("publish", "-"), "[]", "document: This must be an object"),
        (("publish", "/nowhere/at/all"), "", "cannot be read"),
        (("publish", "-"), json.dumps({"steps": [{"id": "x"}]}), "steps[0].step: x: step is missing"),
        (("publish", "-", "--expect", "7"), json.dumps(changed()), "Version 1 was published"),
        (("rollback", "7"), "", "no version 7"),
        (("diff", "1", "7"), "", "no version 7"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do(words: tuple[str, ...], text: str, said: str) -> None:
    code, out, err = command(*words, "--pharmacy", "main", text=text)
    assert (code, out) == (1, "")
    assert said in err


def test_an_unknown_pharmacy_is_refused(shop: Shop) -> None:
    assert shop
    assert command("show", "--pharmacy", "nowhere")[0] == 1
    assert command("show")[0] == 2


def test_a_dry_run_tells_what_would_be_sent(database: Database, shop: Shop) -> None:
    clock = SystemClock()
    today = local_day(clock.now(), "America/New_York")
    patient = make_patient(database, shop, phone="+14045550123")
    made = make_cycle(database, shop, patient, sync_date=today + timedelta(days=4), number=2)
    with database.transaction(SYSTEM, clock) as tx:
        schedule_cycle(tx, made.cycle_id)
    found = done("dry-run", "--days", "2", "--patient", patient, "--version", "1")
    asked = [one for one in found["messages"] if one["step"] == "confirm_t3"]
    assert [(one["channel"], one["at"][:10]) for one in asked] == [
        ("sms", (today + timedelta(days=1)).isoformat())
    ]
    assert "Reply 1 to confirm" in asked[0]["text"]
    assert command("dry-run", "--pharmacy", "main", "--days", "0")[0] == 1
