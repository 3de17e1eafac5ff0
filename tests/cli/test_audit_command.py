"""`audit verify`: whole or broken, and what the log of another day adds."""

import io
import json
from typing import Any

import pytest
from sqlalchemy import delete, update

from medsync_app.cli.main import main
from medsync_app.services.audit import audit
from medsync_app.store.audit import heads
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, AuditHead
from tests.support.store import SYSTEM, Shop, make_shop


@pytest.fixture
def shop(database: Database, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr("medsync_app.cli.audit.get_database", lambda: database)
    shop = make_shop(database)
    for number in range(3):
        with database.transaction(shop.scope) as tx:
            audit(tx, pharmacy_id=shop.pharmacy_id, act="enroll", detail={"number": number})
    return shop


def _verify(*more: str) -> tuple[int, Any, str]:
    out, err = io.StringIO(), io.StringIO()
    code = main(["audit", "verify", *more], io.StringIO(), out, err)
    return code, json.loads(out.getvalue()) if out.getvalue() else None, err.getvalue()


def test_a_whole_log_verifies(shop: Shop) -> None:
    code, printed, _ = _verify()
    assert code == 0
    assert printed == {"chains": [{"chain": shop.pharmacy_id, "rows": 3, "ok": True, "problem": ""}]}


def test_a_changed_row_breaks_it(shop: Shop, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(update(AuditEvent).values(actor_id="somebody else"))
    code, printed, error = _verify()
    assert code == 1
    assert printed["chains"][0]["problem"].startswith("row 1 was changed")
    assert "broken" in error


def test_a_log_put_back_to_an_older_state_shows_by_a_logged_head(shop: Shop, database: Database) -> None:
    with database.reading(SYSTEM) as tx:
        (head,) = heads(tx)
    logged = f"{head.chain}:{head.sequence}:{head.mac}"
    assert _verify("--logged", logged)[0] == 0
    assert _verify("--logged", f"{head.chain}:2:{head.mac}")[0] == 1
    with database.engine.begin() as connection:
        connection.execute(delete(AuditEvent))
        connection.execute(delete(AuditHead))
    assert _verify()[0] == 0, "an emptied database alone cannot be told from a new one"
    code, printed, _ = _verify("--logged", logged)
    assert code == 1
    assert printed["chains"][0]["problem"] == "row 3 was logged once and is gone"


@pytest.mark.parametrize("text", ["", "a", "a:b:c", "a:1", ":1:c"])
def test_an_unreadable_head_is_refused(shop: Shop, text: str) -> None:
    code, printed, error = _verify("--logged", text)
    assert (code, printed) == (1, None)
    assert "CHAIN:SEQUENCE:MAC" in error
