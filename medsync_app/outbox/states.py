"""Which states of a scheduled action may follow which: the outbox never moves one backwards."""

from medsync_app.domain.states import ActionState

#: Not yet on its way to anybody: a change of plan may withdraw these.
PENDING = frozenset({ActionState.QUEUED, ActionState.HELD, ActionState.CLAIMED})
#: An outside party was, or may have been, called.
CALLED = frozenset(
    {
        ActionState.CALLING,
        ActionState.IN_DOUBT,
        ActionState.SENT,
        ActionState.DELIVERED,
        ActionState.UNDELIVERED,
    }
)
#: Nothing more happens to these by themselves.
FINAL = frozenset(
    {
        ActionState.DELIVERED,
        ActionState.UNDELIVERED,
        ActionState.FAILED,
        ActionState.SKIPPED,
        ActionState.SUPPRESSED,
        ActionState.MERGED,
        ActionState.SUPERSEDED,
    }
)

_RANK = {
    ActionState.QUEUED: 0,
    ActionState.HELD: 0,
    ActionState.CLAIMED: 1,
    ActionState.CALLING: 2,
    ActionState.IN_DOUBT: 3,
    ActionState.SENT: 4,
    ActionState.DELIVERED: 5,
    ActionState.UNDELIVERED: 5,
}


def moves_forward(current: ActionState, wanted: ActionState) -> bool:
    """True when news may take an action from `current` to `wanted`; a final state never changes."""
    if current in FINAL:
        return False
    return _RANK.get(wanted, 5) > _RANK[current]
