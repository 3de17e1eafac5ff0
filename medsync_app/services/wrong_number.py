"""Somebody else was found at a number: nothing automated goes to it any more, for anybody and in the whole group.

The mark stands on the number and goes over the group as a stop does (`number_stops`). No consent changes by it: the
next way to reach each patient is used. Whether the number is theirs all the same only they can say, so each of
them is asked, and their use of it is confirmed one by one: what is right for one is not for who has moved out.
"""

from collections.abc import Mapping
from typing import Any

from medsync_app.domain.causes import Cause
from medsync_app.domain.contact_rules import is_wrong
from medsync_app.domain.states import Channel, ExceptionKind, Role
from medsync_app.errors import Conflict
from medsync_app.outbox.settle import lock_address
from medsync_app.services.audit import audit
from medsync_app.services.contact_settings import PHONE_CHANNELS, check_all, confirm_use
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.keep_event import WRONG, keep_event
from medsync_app.services.number_stops import note_of_group, settle_hold_by
from medsync_app.store.ids import new_id
from medsync_app.store.repositories.contact import elsewhere_in_group, points_at, status_of, wrong_elsewhere
from medsync_app.store.session import Tx
from medsync_app.store.tables import ContactPoint

_ASK = (
    "This patient's phone number seems to be somebody else's, and nothing automated goes to it any more. Ask which "
    "number is right, and record it on the patient's page: another one, or that this one is theirs."
)


def mark_wrong(tx: Tx, pharmacy_id: str, address: str, *, decided: bool = False) -> None:
    """Let nothing automated go to a phone number any more, in the whole group, and ask everybody who has it.

    `decided`: by a person who has read a reply that let everything to it wait; that is settled everywhere then.
    """
    tx.scope.require(pharmacy_id)
    lock_address(tx, address)  # a loop that is deciding about this number elsewhere comes first, or after
    for channel in PHONE_CHANNELS:
        status_of(tx, pharmacy_id, channel, address).wrong_at = tx.now
    over_group = wrong_elsewhere(tx, pharmacy_id, PHONE_CHANNELS, address)
    if over_group:
        payload = {"pharmacy": pharmacy_id, "address": address, "decided": decided}
        keep_event(tx, WRONG, new_id(), payload)
    _ask_everybody(tx, pharmacy_id, address)
    if decided:
        settle_hold_by(tx, pharmacy_id, Channel.SMS, address, "The number is wrong.")
    audit(
        tx, pharmacy_id=pharmacy_id, act="contact.wrong_number", subject_kind="address_status",
        subject_id=status_of(tx, pharmacy_id, Channel.SMS, address).id, detail={"over_group": over_group},
    )  # fmt: skip


def carry_over_wrong(tx: Tx, errand: Mapping[str, Any]) -> str:
    """Ask in the other pharmacies who has a number that was marked there; gives what was done. In the loop's scope."""
    address = str(errand["address"])
    places = elsewhere_in_group(tx, str(errand["pharmacy"]), PHONE_CHANNELS, address)
    for place in places:
        tx.take_turn(place)
        _ask_everybody(tx, place, address)
        if errand.get("decided"):
            settle_hold_by(
                tx, place, Channel.SMS, address, "Another pharmacy of the group has decided: a wrong number."
            )
        note_of_group(tx, place, "contact.wrong_number_of_group", Channel.SMS, address)
    return f"asked in {len(places)} more"


def ask_for_number(tx: Tx, pharmacy_id: str, patient_id: str | None, about: str, summary: str = _ASK) -> None:
    """Open the task to ask a patient for the right number; `about` names its cause where the patient is unknown."""
    open_exception(
        tx, pharmacy_id=pharmacy_id, kind=ExceptionKind.CONTACT, cause_key=Cause.WRONG_NUMBER.of(patient_id or about),
        summary=summary, owner_role=Role.TECHNICIAN, due_at=due_in(tx, days=1), patient_id=patient_id,
    )  # fmt: skip


def confirm_number(tx: Tx, point_id: str) -> None:
    """A person says that a number which was found to be wrong is this patient's: messages for them go to it again.

    For others who have it nothing changes. Conflict when it stands so already.
    """
    point = tx.get(ContactPoint, point_id)
    status = status_of(tx, point.pharmacy_id, point.channel, point.address)
    if not is_wrong(status.wrong_at, point.confirmed_at):
        raise Conflict("Somebody has said already that this number is right. Look at the contact again.")
    confirm_use(tx, point.patient_id, point.address, tx.now)
    close_exception(
        tx, pharmacy_id=point.pharmacy_id, cause_key=Cause.WRONG_NUMBER.of(point.patient_id),
        outcome="The number is the patient's.",
    )  # fmt: skip
    check_all(tx, point.pharmacy_id, point.address)
    audit(
        tx, pharmacy_id=point.pharmacy_id, act="contact.confirm_number", subject_kind="patient",
        subject_id=point.patient_id, detail={"channel": point.channel.value},
    )  # fmt: skip


def call_it_wrong(tx: Tx, point_id: str) -> None:
    """A person has learned from a reply that a number is not the patient's: what waited for that word goes elsewhere.

    Conflict when it was decided already.
    """
    point = tx.get(ContactPoint, point_id)
    if status_of(tx, point.pharmacy_id, point.channel, point.address).held_at is None:
        raise Conflict("Somebody has decided this already. Look at the contact again.")
    mark_wrong(tx, point.pharmacy_id, point.address, decided=True)


def _ask_everybody(tx: Tx, pharmacy_id: str, address: str) -> None:
    """A task for each patient of a pharmacy for whom the number is still to be confirmed."""
    found_at = status_of(tx, pharmacy_id, Channel.SMS, address).wrong_at
    asked = {
        point.patient_id for point in points_at(tx, address, pharmacy_id)
        if point.channel in PHONE_CHANNELS and is_wrong(found_at, point.confirmed_at)
    }  # fmt: skip
    for patient_id in sorted(asked):
        ask_for_number(tx, pharmacy_id, patient_id, patient_id)
    check_all(tx, pharmacy_id, address)
