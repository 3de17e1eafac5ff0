"""What is not known of the calls to a number: those in doubt or under way, and the provider's ids that are known."""

from typing import Any, cast

from sqlalchemy import select

from medsync_app.domain.lost_answers import Lost
from medsync_app.domain.states import ActionState, Channel
from medsync_app.outbox.claim import ATTEMPT
from medsync_app.outbox.queue import ACTION
from medsync_app.store.session import Tx


def known_provider_ids(tx: Tx, provider_ids: list[str]) -> set[str]:
    """Which of these provider ids an attempt of ours holds."""
    if not provider_ids:
        return set()
    rows = tx.session.connection().execute(
        select(ATTEMPT.c.provider_id).where(ATTEMPT.c.provider_id.in_(provider_ids))
    )
    return set(rows.scalars())


def lost_at(tx: Tx, channel: Channel, address: str) -> list[Lost]:
    """The calls in doubt to an address on a channel (a call is in another list than a text), the oldest first."""
    rows = _of_newest_attempt(
        tx, channel, address, ActionState.IN_DOUBT, (ATTEMPT.c.id, ATTEMPT.c.started_at, ACTION.c.body)
    )
    return [Lost(row.id, row.started_at, row.body or "") for row in rows]


def under_way_at(tx: Tx, channel: Channel, address: str) -> bool:
    """Whether a call to an address is being made: the provider may have accepted it, and we not know its id yet."""
    return bool(_of_newest_attempt(tx, channel, address, ActionState.CALLING, (ATTEMPT.c.id,)))


def _of_newest_attempt(
    tx: Tx, channel: Channel, address: str, state: ActionState, columns: tuple[Any, ...]
) -> list[Any]:
    rows = tx.session.connection().execute(
        select(*columns)
        .join(ACTION, (ACTION.c.id == ATTEMPT.c.action_id) & (ACTION.c.attempts == ATTEMPT.c.number))
        .where(ACTION.c.address == address, ACTION.c.channel == channel, ACTION.c.state == state)
        .order_by(ATTEMPT.c.started_at, ATTEMPT.c.id)
    )
    return cast("list[Any]", rows.all())
