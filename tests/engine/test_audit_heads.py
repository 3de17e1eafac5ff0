"""The daily log line of each audit chain is what `audit verify --logged` takes."""

import json

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.engine.audit_heads import AUDIT_HEADS
from medsync_app.services.audit import audit
from medsync_app.store.audit import Head, check_logged
from medsync_app.store.audit_key import audit_key
from medsync_app.store.session import Database
from tests.support.store import SYSTEM, make_shop


def test_the_head_of_each_chain_is_logged_and_can_be_checked_later(
    database: Database, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[dict[str, object]] = []

    class Log:
        def info(self, event: str, **more: object) -> None:
            lines.append({"event": event} | more)

    monkeypatch.setattr("medsync_app.services.audit.get_logger", Log)
    shop = make_shop(database)
    with database.transaction(shop.scope, clock) as tx:
        audit(tx, pharmacy_id=shop.pharmacy_id, act="enroll")
    assert AUDIT_HEADS.run(database, clock) == 1
    (line,) = lines
    json.dumps(line)
    assert (line["event"], line["chain"], line["sequence"]) == ("audit_head", shop.pharmacy_id, 1)
    with database.reading(SYSTEM) as tx:
        assert check_logged(tx, audit_key(), Head(shop.pharmacy_id, 1, str(line["mac"]))) == ""
