"""A stop that one pharmacy enters goes over the whole group: the number belongs to no pharmacy, the data does.

Two parts. At once, in the transaction of who enters it, the number is marked as stopped in every pharmacy of the group:
from that commit on no message to it goes out. What that means for each of the other pharmacies' patients (consent
revoked, queued messages cancelled, a task to agree on another way) the loop does under its own scope, moments later.
"""

from collections.abc import Mapping
from typing import Any

from medsync_app.domain.causes import Cause
from medsync_app.domain.states import Channel, ExceptionKind, Role, Severity
from medsync_app.outbox.settle import lock_address, release_held
from medsync_app.services.audit import audit, record
from medsync_app.services.contact_settings import opt_out, same_line
from medsync_app.services.exceptions import close_row, due_in, open_exception
from medsync_app.services.keep_event import STOP, keep_event
from medsync_app.store.audit import Act
from medsync_app.store.ids import new_id
from medsync_app.store.repositories.contact import (
    elsewhere_in_group,
    points_at,
    status_of,
    statuses,
    stop_elsewhere,
)
from medsync_app.store.repositories.exceptions import open_of_kind
from medsync_app.store.session import Tx
from medsync_app.store.tables import InboundMessage

#: How a stop is explained in the other pharmacies: nothing of the one that entered it is told there.
ELSEWHERE = "stop recorded by another pharmacy of the group"
_GROUP_ACT = "contact.stop_of_group"


def stop_number(
    tx: Tx, pharmacy_id: str, channel: Channel, address: str, how: str, *, decided: bool = False
) -> int:
    """End automated messages to a number (texts and calls) or e-mail address in the whole group.

    `decided`: by a person who has read a reply that let everything to it wait; that is settled everywhere then.
    Gives how many queued messages of this pharmacy were cancelled.
    """
    tx.scope.require(pharmacy_id)
    lock_address(tx, address)  # a loop that is deciding about this number elsewhere comes first, or after
    channels = same_line(channel)
    cancelled = opt_out(tx, pharmacy_id, address, how, channels=channels)
    if decided:
        settle_hold(tx, pharmacy_id, channel, address)
    over_group = stop_elsewhere(tx, pharmacy_id, channels, address, ELSEWHERE)
    if over_group:
        keep_event(
            tx, STOP, new_id(),
            {"pharmacy": pharmacy_id, "channel": channel.value, "address": address, "decided": decided},
        )  # fmt: skip
    audit(
        tx, pharmacy_id=pharmacy_id, act="contact.stop", subject_kind="address_status",
        subject_id=status_of(tx, pharmacy_id, channel, address).id,
        detail={"channel": channel.value, "over_group": over_group},
    )  # fmt: skip
    return cancelled


def carry_over(tx: Tx, stop: Mapping[str, Any]) -> str:
    """Do in the other pharmacies what follows from a stop that was marked there; gives what was done.

    Where the patient has agreed anew since, nothing. In the scope of the loop.
    """
    channel, address = Channel(stop["channel"]), str(stop["address"])
    channels, carried = same_line(channel), 0
    for place in elsewhere_in_group(tx, str(stop["pharmacy"]), channels, address):
        tx.take_turn(place)
        known = statuses(tx, place, [address])
        stopped = [
            one
            for one in channels
            if (status := known.get((one, address))) and status.opted_out_at is not None
        ]
        if not stopped:
            continue
        said_at = known[stopped[0], address].opted_out_at
        opt_out(tx, place, address, ELSEWHERE, channels=stopped, at=said_at)
        if stop.get("decided"):
            said = "Another pharmacy of the group has decided: no messages."
            settle_hold_by(tx, place, channel, address, said)
        note_of_group(tx, place, _GROUP_ACT, stopped[0], address, channels=[one.value for one in stopped])
        carried += 1
    return f"stopped in {carried} more"


def leave_errand(tx: Tx, errand_id: str, errand: Mapping[str, Any]) -> None:
    """Tell the pharmacy that marked a number that what follows in the others could not be done."""
    place = str(errand["pharmacy"])
    people = {point.patient_id for point in points_at(tx, str(errand["address"]), place)}
    open_exception(
        tx, pharmacy_id=place, kind=ExceptionKind.CONTACT, cause_key=Cause.GROUP.of(errand_id),
        summary="A stop or a wrong number was entered here, and nothing automated goes to that number in any pharmacy "
        "of the group. Their lists and tasks could not be changed: tell them, and report the error.",
        owner_role=Role.OWNER, due_at=due_in(tx, hours=4), severity=Severity.HIGH,
        patient_id=people.pop() if len(people) == 1 else None,
    )  # fmt: skip


def note_of_group(tx: Tx, pharmacy_id: str, act: str, channel: Channel, address: str, **detail: Any) -> None:
    """Write into a pharmacy's audit log what followed there from an act of another one, not which nor who it was."""
    record(
        tx,
        Act(
            chain=pharmacy_id, actor_id=tx.scope.actor_id, actor_name=tx.scope.actor_name, act=act,
            subject_kind="address_status", subject_id=status_of(tx, pharmacy_id, channel, address).id, detail=detail,
        ),
    )  # fmt: skip


def release_address(tx: Tx, pharmacy_id: str, channel: Channel, address: str, *, opted_out: bool) -> int:
    """A person decided about a refusal: messages go on (their number is returned), or the patient is opted out."""
    tx.scope.require(pharmacy_id)
    audit(
        tx, pharmacy_id=pharmacy_id, act="contact.release", subject_kind="address_status",
        subject_id=status_of(tx, pharmacy_id, channel, address).id,
        detail={"channel": channel.value, "opted_out": opted_out},
    )  # fmt: skip
    if opted_out:
        stop_number(tx, pharmacy_id, channel, address, "staff", decided=True)
        return 0
    return settle_hold(tx, pharmacy_id, channel, address)


def settle_hold(tx: Tx, pharmacy_id: str, channel: Channel, address: str) -> int:
    """Let nothing wait any more for a decision about a number: what was not cancelled goes on; gives how many."""
    for each in same_line(channel):
        lifted = status_of(tx, pharmacy_id, each, address)
        lifted.held_at, lifted.held_reason = None, ""
    return release_held(tx, pharmacy_id, [point.patient_id for point in points_at(tx, address, pharmacy_id)])


def settle_hold_by(tx: Tx, pharmacy_id: str, channel: Channel, address: str, outcome: str) -> None:
    """Settle a hold together with the tasks to read what has caused it."""
    settle_hold(tx, pharmacy_id, channel, address)
    close_held_replies(tx, pharmacy_id, address, outcome)


def close_held_replies(tx: Tx, pharmacy_id: str, address: str, outcome: str) -> None:
    """Close the tasks to read what came from a number and let everything to it wait, whoever may have written."""
    for case in open_of_kind(tx, pharmacy_id, ExceptionKind.REPLY):
        reply = tx.find(InboundMessage, case.detail.get("inbound_message"))
        if case.detail.get("held") and reply is not None and reply.address == address:
            close_row(tx, case, outcome=outcome)
