"""`loop --once` does what is due and what a running loop would look after; `--now` only what would be due then."""

import io
import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from medsync_app.cli import loop
from medsync_app.domain.states import OutsideKind, OutsideState
from medsync_app.engine import outside
from medsync_app.errors import Invalid
from medsync_app.services import backup
from medsync_app.settings import Settings
from medsync_app.store.session import Database
from medsync_app.store.tables import BackupRun, OutsideJob, Pharmacy
from tests.support.store import SYSTEM, make_shop


@pytest.fixture(autouse=True)
def _own_surroundings(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "get_database", lambda: database)
    monkeypatch.setattr(loop, "configure", lambda _level: None)
    own = Settings(medsync_data_dir=tmp_path / "data", _env_file=None)  # pyright: ignore[reportCallIssue]
    monkeypatch.setattr(backup, "get_settings", lambda: own)
    make_shop(database)


def _run(*argv: str) -> dict[str, object]:
    out = io.StringIO()
    assert loop.run(list(argv), io.StringIO(), out, io.StringIO()) == 0
    return json.loads(out.getvalue())


def _backups(database: Database) -> int:
    with database.reading(SYSTEM) as tx:
        return tx.session.scalar(select(func.count()).select_from(BackupRun)) or 0


def test_one_tick_of_now_looks_after_backups_too(database: Database) -> None:
    assert _run("--once")["sent"] == 0
    assert _backups(database) == 1


def test_one_tick_of_another_instant_backs_nothing_up(database: Database) -> None:
    assert _run("--once", "--now", "2026-12-01T15:00:00Z")["sent"] == 0
    assert _backups(database) == 0


@pytest.mark.parametrize("instant", [None, "2027-12-01T15:00:00Z"])
def test_one_tick_hands_over_what_other_programs_get(
    database: Database, monkeypatch: pytest.MonkeyPatch, instant: str | None
) -> None:
    told = Settings(  # pyright: ignore[reportCallIssue]
        pharmacy_webhook_url="http://127.0.0.1:9/", pharmacy_webhook_secret="x", _env_file=None
    )
    monkeypatch.setattr(outside, "get_settings", lambda: told)
    with database.transaction(SYSTEM) as tx:
        pharmacy = tx.session.scalars(select(Pharmacy)).one()
        for number in range(outside.BATCH + 1):
            tx.add(
                OutsideJob(
                    pharmacy_id=pharmacy.id, kind=OutsideKind.PHARMACY, op="send", payload={"event": "ready"},
                    idempotency_key=f"job {number}", due_at=tx.now, created_at=tx.now,
                )
            )  # fmt: skip
    report = _run("--once", *(["--now", instant] if instant else []))
    # Without an instant the chore of the usual loop has taken the first of them.
    assert report["outside"] == (outside.BATCH + 1 if instant else 1)
    with database.reading(SYSTEM) as tx:
        assert set(tx.session.scalars(select(OutsideJob.state))) == {OutsideState.SENT}


def test_an_unreadable_instant_is_refused() -> None:
    with pytest.raises(Invalid, match="2026-10-03"):
        _run("--once", "--now", "tomorrow")
