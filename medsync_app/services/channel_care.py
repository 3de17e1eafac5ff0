"""Looks after a pharmacy's channels: a test message in the sandbox, and a stopped channel started again."""

from datetime import timedelta

from medsync_app.domain.causes import Cause
from medsync_app.domain.states import Channel
from medsync_app.errors import Conflict, Invalid
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.services.audit import audit
from medsync_app.services.contact_input import phone_number
from medsync_app.services.exceptions import close_exception
from medsync_app.store.ids import new_id
from medsync_app.store.repositories.contact import channel_status
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

TEST_STEP = "test_message"


def send_test_message(
    tx: Tx, pharmacy_id: str, number: str, channel: Channel = Channel.SMS, *, live: bool
) -> None:
    """Queue a message to a number of the staff, through everything a patient's message goes through.

    Only in the sandbox: live, a number typed here would have given no consent. Invalid (field "number").
    """
    if live:
        raise Conflict("Test messages are for the sandbox. Live, enroll yourself as a patient to try it.")
    tx.get(Pharmacy, pharmacy_id)
    if channel is Channel.EMAIL:
        raise Invalid("Try e-mail with the test of E-mail to prescribers.", "number")
    to = phone_number(number, "number")
    if not to:
        raise Invalid("Enter the number for the test message.", "number")
    test_id = new_id()
    queue(
        tx,
        [
            NewAction(
                pharmacy_id=pharmacy_id, step=TEST_STEP, kind="reply", idempotency_key=f"test:{test_id}",
                due_at=tx.now, stale_at=tx.now + timedelta(hours=1),
                payload={
                    "action": {"do": "message", "template": "help"}, "to": to, "channel": channel.value,
                    "trigger": "replied",
                },
            )
        ],
    )  # fmt: skip
    audit(
        tx, pharmacy_id=pharmacy_id, act="send_test_message", subject_kind="pharmacy", subject_id=pharmacy_id
    )


def start_channel(tx: Tx, pharmacy_id: str, channel: Channel) -> None:
    """Send on a channel again that its provider's refusal had stopped; Conflict when it is not stopped."""
    status = channel_status(tx, pharmacy_id, channel)
    if status is None or status.stopped_at is None:
        raise Conflict("This channel is not stopped.")
    status.stopped_at, status.reason = None, ""
    close_exception(
        tx,
        pharmacy_id=pharmacy_id,
        cause_key=Cause.CHANNEL.of(channel.value),
        outcome="The channel was started again.",
    )
    audit(
        tx, pharmacy_id=pharmacy_id, act="start_channel", subject_kind="pharmacy", subject_id=pharmacy_id,
        detail={"channel": channel.value},
    )  # fmt: skip
