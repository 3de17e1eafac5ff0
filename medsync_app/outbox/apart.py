"""Marks and acceptances of single messages, each by one statement that is a commit of its own (PostgreSQL).

The transaction that decided stays open meanwhile and holds the pharmacy's turn, the cycles and the numbers, so that
nothing it has decided by changes before the last mark; it holds none of the rows that are marked here.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, exists, insert, literal, select, update

from medsync_app.domain.states import ActionState
from medsync_app.outbox.batch import Mark, Taken
from medsync_app.outbox.claim import ATTEMPT, Claim
from medsync_app.outbox.queue import ACTION
from medsync_app.outbox.settle import HELD, held_as
from medsync_app.store.session import Tx

_HELD = update(ACTION).where(*HELD)


def _given(column: Any, name: str) -> Any:
    return bindparam(name, type_=column.type)


_NOW = _given(ACTION.c.updated_at, "now")
_CALLING = (
    _HELD.values(
        state=ActionState.CALLING, attempts=_given(ACTION.c.attempts, "number"), channel=_given(ACTION.c.channel, "by"),
        address=_given(ACTION.c.address, "to"), body=_given(ACTION.c.body, "text"), sent_at=_NOW, reason="",
        updated_at=_NOW,
    )
    .returning(ACTION.c.id, ACTION.c.pharmacy_id)
    .cte("held")
)  # fmt: skip
#: The mark and its attempt.
_MARK = insert(ATTEMPT).from_select(
    ["id", "action_id", "pharmacy_id", "number", "channel", "address", "started_at", "outcome", "looks"],
    select(
        _given(ATTEMPT.c.id, "attempt"), _CALLING.c.id, _CALLING.c.pharmacy_id, _given(ATTEMPT.c.number, "number"),
        _given(ATTEMPT.c.channel, "by"), _given(ATTEMPT.c.address, "to"), _NOW, literal("calling"), literal(0),
    ),
).returning(ATTEMPT.c.id)  # fmt: skip
_SENT = (
    _HELD.values(
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


def mark_apart(tx: Tx, marks: Iterable[Mark]) -> set[str]:
    """`mark_calling` for actions of one pharmacy; gives the ids of the attempts whose marks are there now."""
    return _each(
        tx, _MARK, ActionState.CLAIMED,
        [
            (m.claim, m.claim.attempts, m.attempt_id,
             {"number": m.claim.attempts + 1, "by": m.channel, "to": m.address, "text": m.body})
            for m in marks
        ],
    )  # fmt: skip


def accept_apart(tx: Tx, taken: Iterable[Taken]) -> set[str]:
    """Record acceptances; gives the ids of the attempts whose actions had not moved on before."""
    return _each(
        tx, _ACCEPT, ActionState.CALLING,
        [
            (a.claim, a.claim.attempts + 1, a.attempt_id, {"provider": a.provider_id, "took": a.duration_ms})
            for a in taken
        ],
    )  # fmt: skip


def _each(
    tx: Tx, statement: Any, state: ActionState, rows: Sequence[tuple[Claim, int, str, dict[str, Any]]]
) -> set[str]:
    done: set[str] = set()
    with tx.apart() as run:
        for claim, attempts, attempt_id, values in rows:
            given = {**held_as(claim, state, attempts), "attempt": attempt_id, "now": tx.now, **values}
            if run(statement, given):
                done.add(attempt_id)
                tx.touch(claim.pharmacy_id)
    return done
