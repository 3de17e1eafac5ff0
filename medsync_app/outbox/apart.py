"""Acceptances of single messages, each by one statement that is a commit of its own (PostgreSQL).

The transaction that takes the pharmacy's turn stays open meanwhile; it holds none of the rows that are changed here.
The program shares these commits (`accept_many`), which promises the same; `bench` measures what it costs not to.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import bindparam, exists, select, update

from medsync_app.domain.states import ActionState
from medsync_app.outbox.batch import Taken
from medsync_app.outbox.claim import ATTEMPT
from medsync_app.outbox.queue import ACTION
from medsync_app.outbox.settle import HELD, held_as
from medsync_app.store.session import Tx


def _given(column: Any, name: str) -> Any:
    return bindparam(name, type_=column.type)


_NOW = _given(ACTION.c.updated_at, "now")
_SENT = (
    update(ACTION)
    .where(*HELD)
    .values(
        state=ActionState.SENT, reason="", provider_id=_given(ACTION.c.provider_id, "provider"), sent_at=_NOW,
        updated_at=_NOW, lease_owner=None, lease_until=None,
    )
    .returning(ACTION.c.id)
    .cte("held")
)  # fmt: skip
#: The acceptance, and the attempt that it answers.
_ACCEPT = (
    update(ATTEMPT)
    .where(ATTEMPT.c.id == bindparam("attempt"), exists(select(_SENT.c.id)))
    .values(
        outcome="sent", finished_at=_NOW, provider_id=_given(ATTEMPT.c.provider_id, "provider"),
        duration_ms=_given(ATTEMPT.c.duration_ms, "took"), error_code=None, error=None,
    )
    .returning(ATTEMPT.c.id)
)  # fmt: skip


def accept_apart(tx: Tx, taken: Iterable[Taken]) -> set[str]:
    """Record acceptances; gives the ids of the attempts whose actions had not moved on before."""
    done: set[str] = set()
    with tx.apart() as run:
        for one in taken:
            held = held_as(one.claim, ActionState.CALLING, one.claim.attempts + 1)
            given = {
                "attempt": one.attempt_id,
                "provider": one.provider_id,
                "took": one.duration_ms,
                "now": tx.now,
            }
            if run(_ACCEPT, {**held, **given}):
                done.add(one.attempt_id)
                tx.touch(one.claim.pharmacy_id)
    return done
