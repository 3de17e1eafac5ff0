"""Lets messages go out again on a channel that was stopped, once its settings have been corrected."""

from medsync_app.domain.states import Channel
from medsync_app.services.audit import audit
from medsync_app.services.exceptions import close_exception
from medsync_app.store.repositories.contact import channel_status
from medsync_app.store.session import Tx


def start_channel(tx: Tx, pharmacy_id: str, channel: Channel) -> bool:
    """Start a stopped channel; False when it was not stopped. What waited goes out by itself."""
    tx.scope.require(pharmacy_id)
    status = channel_status(tx, pharmacy_id, channel)
    if status is None or status.stopped_at is None:
        return False
    status.stopped_at, status.reason = None, ""
    close_exception(
        tx,
        pharmacy_id=pharmacy_id,
        cause_key=f"channel:{channel.value}",
        outcome="Started again by a person.",
    )
    audit(
        tx, pharmacy_id=pharmacy_id, act="channel.start", subject_kind="channel_status", subject_id=status.id,
        detail={"channel": channel.value},
    )  # fmt: skip
    return True
