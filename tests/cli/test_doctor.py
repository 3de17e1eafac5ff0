"""`doctor`: what is set, what is missing, never a value."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from medsync_app.auth.sessions import new_secret
from medsync_app.cli.main import main
from medsync_app.clock import SystemClock, VirtualClock
from medsync_app.domain.states import Role
from medsync_app.settings import Settings
from medsync_app.store.session import Database
from medsync_app.store.tables import BackupRun, LoopHeartbeat
from tests.support.staff import make_staff
from tests.support.store import SYSTEM, make_shop


def _doctor(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> tuple[int, Any, str]:
    monkeypatch.setattr("medsync_app.cli.doctor.get_settings", lambda: Settings(**settings))
    out = io.StringIO()
    code = main(["doctor"], io.StringIO(), out, io.StringIO())
    return code, json.loads(out.getvalue()), out.getvalue()


def test_no_value_is_ever_printed(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    secrets = {
        name: new_secret()
        for name in (
            "medsync_audit_key",
            "medsync_backup_key",
            "twilio_auth_token",
            "smtp_url",
            "twilio_account_sid",
        )
    }
    _, printed, text = _doctor(monkeypatch, database_url=database.url, medsync_send="live", **secrets)
    assert not [name for name, value in secrets.items() if value in text]
    assert database.url not in text
    by_name = {item["name"]: item["set"] for item in printed["settings"]}
    assert by_name["TWILIO_AUTH_TOKEN"]
    assert by_name["DATABASE_URL"]
    assert not by_name["SMTP_FROM"]
    assert set(by_name) == {name.upper() for name in Settings.model_fields}


def test_a_healthy_house_has_no_problems(
    monkeypatch: pytest.MonkeyPatch, database: Database, clock: VirtualClock
) -> None:
    shop = make_shop(database)
    make_staff(database, clock, {shop.pharmacy_id: Role.OWNER}, organization_id=shop.organization_id)
    with database.transaction(SYSTEM, SystemClock()) as tx:
        tx.add(LoopHeartbeat(owner="loop", started_at=tx.now, beat_at=tx.now))
        tx.add(BackupRun(started_at=tx.now, finished_at=tx.now))
    code, printed, _ = _doctor(
        monkeypatch, database_url=database.url, medsync_public_url="https://medsync.example.com",
        medsync_proxy=True, medsync_audit_key="k" * 32, medsync_backup_key="b" * 44,
    )  # fmt: skip
    assert (code, printed["problems"], printed["warnings"]) == (0, [], [])
    assert printed["database"]["active_staff"] == 1


def test_what_stopped_is_named(
    monkeypatch: pytest.MonkeyPatch, database: Database, clock: VirtualClock
) -> None:
    make_shop(database)
    with database.transaction(SYSTEM, clock) as tx:
        tx.add(LoopHeartbeat(owner="loop", started_at=clock.now(), beat_at=clock.now()))
        tx.add(BackupRun(started_at=clock.now(), finished_at=clock.now()))
        tx.add(BackupRun(started_at=clock.now(), finished_at=SystemClock().now(), error="disk full"))
    later = VirtualClock(clock.now())
    later.set(clock.now().replace(day=25))
    monkeypatch.setattr("medsync_app.cli.doctor.SystemClock", lambda: later)
    warnings = " ".join(_doctor(monkeypatch, database_url=database.url)[1]["warnings"])
    assert "loop has stopped" in warnings
    assert "no backup younger than 26 hours" in warnings
    assert "Nobody can sign in" in warnings


def test_an_empty_or_unreachable_database_is_a_problem_and_is_not_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = tmp_path / "none.db"
    code, printed, _ = _doctor(monkeypatch, database_url=f"sqlite:///{missing}")
    assert code == 1
    assert "Run `migrate`" in printed["problems"][0]
    assert not missing.exists()
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database" * 100)
    assert "cannot be reached" in _doctor(monkeypatch, database_url=f"sqlite:///{broken}")[1]["problems"][0]


def test_plain_http_beyond_this_machine_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    code, printed, _ = _doctor(
        monkeypatch, database_url=database.url, medsync_public_url="http://shop.lan:3000"
    )
    assert code == 1
    assert "unencrypted" in printed["problems"][0]


def test_live_sending_without_credentials_is_a_problem_and_with_half_of_them_a_warning(
    monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    url = database.url
    assert "no channel" in _doctor(monkeypatch, database_url=url, medsync_send="live")[1]["problems"][0]
    smtp = {"smtp_url": "smtp://localhost:25", "smtp_from": "a@b.org"}
    _, printed, _ = _doctor(monkeypatch, database_url=url, medsync_send="live", **smtp)
    assert printed["problems"] == []
    assert any("Text messages cannot go out" in text for text in printed["warnings"])
    assert printed["sending"]["email"] == {"ready": True, "missing": []}


def test_calls_need_an_address_that_twilio_can_reach(
    monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    voice = {
        "twilio_account_sid": "AC1", "twilio_auth_token": "secret", "twilio_voice_from": "+14045550100",
        "database_url": database.url, "medsync_send": "live",
    }  # fmt: skip
    _, printed, _ = _doctor(monkeypatch, **voice)
    assert printed["sending"]["voice"] == {"ready": True, "missing": []}
    assert any("hears nothing" in text for text in printed["warnings"])
    _, printed, _ = _doctor(monkeypatch, **voice, medsync_public_url="https://shop.example")
    assert not any("hears nothing" in text for text in printed["warnings"])


def test_a_program_that_is_set_in_part_is_named(monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
    _, found, _ = _doctor(
        monkeypatch, database_url=database.url, slack_bot_token="x", asana_token="x", asana_project="7"
    )
    assert found["outside"] == ["asana"]
    assert "Slack is told of nothing: set SLACK_CHANNEL." in found["warnings"]
