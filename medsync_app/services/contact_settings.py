"""Records on what basis a patient may be contacted, and every stop, start and hold of a number."""

from collections.abc import Collection, Iterable
from datetime import datetime

from medsync_app.domain.causes import Cause
from medsync_app.domain.consent import USABLE
from medsync_app.domain.contact_rules import ASKED_TO_STOP
from medsync_app.domain.states import Channel, ContactBasis, ExceptionKind, Role, Severity
from medsync_app.errors import Conflict, Invalid
from medsync_app.outbox.queue import cancel_for_address, queue_again
from medsync_app.services.audit import audit
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.patient_problems import check_patient, check_patients
from medsync_app.services.rules import rules_of
from medsync_app.store.repositories.contact import (
    basis_before_stop,
    contact_points,
    elsewhere_in_group,
    find_point,
    lift_unreachable,
    points_at,
    status_of,
    stop_elsewhere,
)
from medsync_app.store.session import Tx
from medsync_app.store.tables import ConsentEvent, ContactPoint, Patient, Pharmacy

#: A stop word ends both automated channels of a telephone number.
PHONE_CHANNELS = (Channel.SMS, Channel.VOICE)
_WHAT = {Channel.SMS: "Texts to this number", Channel.VOICE: "Calls to this number", Channel.EMAIL: "E-mails"}


def record_basis(
    tx: Tx,
    patient_id: str,
    channel: Channel,
    address: str,
    basis: ContactBasis,
    how: str,
    *,
    wording: str = "",
    rank: int | None = None,
    kind: str = "mobile",
    agreed_at: datetime | None = None,
) -> str:
    """Record the basis for using an address (the contact point is added when it is new); gives its id.

    `how` says where it was given (form, counter, phone), `wording` what the patient agreed to, `agreed_at` when (None:
    now). Who gives a number for refills says that it is theirs. An express consent lifts an earlier stop of that
    number for this pharmacy, and what the stop cancelled is queued again while it is of use; whether the number is
    reachable is looked at anew in the whole group. Conflict for one that is older than the stop.
    """
    patient = tx.get(Patient, patient_id)
    if not address.strip() or not how.strip():
        raise Invalid("Give the number or e-mail address, and how the patient gave it.", "address")
    point = find_point(tx, patient_id, channel, address)
    if point is None:
        point = tx.add(
            ContactPoint(
                pharmacy_id=patient.pharmacy_id, patient_id=patient_id, channel=channel, address=address, kind=kind,
                rank=rank or 0, created_at=tx.now,
            )
        )  # fmt: skip
    status = status_of(tx, patient.pharmacy_id, channel, address)
    if basis is ContactBasis.EXPRESS and is_older_than_stop(agreed_at, status.opted_out_at):
        raise Conflict(
            f"{_WHAT[channel]} were stopped after this consent was given. "
            "Ask the patient again, or choose another answer."
        )
    _set_basis(tx, point, basis, how, wording, at=agreed_at)
    if basis in USABLE:
        confirm_use(tx, patient_id, address, agreed_at or tx.now)
    if rank is not None:
        point.rank = rank
    if basis is ContactBasis.EXPRESS:
        status.opted_out_at, status.opted_out_how = None, ""
        status.unreachable_at, status.unreachable_reason = None, ""
        lift_unreachable(tx, patient.pharmacy_id, channel, address)
        close_exception(
            tx,
            pharmacy_id=patient.pharmacy_id,
            cause_key=Cause.OPTED_OUT.of(patient_id),
            outcome="Consent was given anew.",
        )
        queue_again(tx, patient.pharmacy_id, [patient_id], ASKED_TO_STOP)
    audit(
        tx, pharmacy_id=patient.pharmacy_id, act="contact.basis", subject_kind="patient", subject_id=patient_id,
        detail={"channel": channel.value, "basis": basis.value},
    )  # fmt: skip
    check_patient(tx, patient_id)
    return point.id


def confirm_use(tx: Tx, patient_id: str, address: str, at: datetime) -> None:
    """A number or address is the patient's, as somebody said at `at`: on each channel that it serves."""
    for point in contact_points(tx, patient_id):
        if point.address == address:
            point.confirmed_at = max(point.confirmed_at or at, at)


def ended_by_stop(pharmacy: Pharmacy, channel: Channel) -> tuple[Channel, ...]:
    """The channels that a stop ends: texts and calls of a number, or (a setting) only texts when it came by text.

    What is said in a call offers an end to both; what an e-mail offers ends the e-mails.
    """
    if channel not in PHONE_CHANNELS:
        return (channel,)
    one = channel is Channel.SMS and not rules_of(pharmacy).stop_ends_all
    return (Channel.SMS,) if one else PHONE_CHANNELS


def opt_out(
    tx: Tx,
    pharmacy_id: str,
    address: str,
    how: str,
    *,
    channels: Iterable[Channel] = PHONE_CHANNELS,
    at: datetime | None = None,
) -> int:
    """Revoke at once for everybody at that address, and cancel what is queued to it; returns how many messages were.

    `at`: when it was said (None: now). Said again, the last time counts: no consent of before that lifts it.
    Who had not agreed stays so: a START from a shared phone gives nobody a consent that was never given.
    """
    channels = tuple(channels)
    for channel in channels:
        status = status_of(tx, pharmacy_id, channel, address)
        status.opted_out_at, status.opted_out_how = at or tx.now, how
    cancelled = cancel_for_address(tx, pharmacy_id, address, ASKED_TO_STOP, channels)
    for point in points_at(tx, address, pharmacy_id):
        if point.channel in channels and point.basis in USABLE | {ContactBasis.REVOKED}:
            _set_basis(tx, point, ContactBasis.REVOKED, how, "")
            who = "A caregiver" if point.caregiver_name else "The patient"
            open_exception(
                tx, pharmacy_id=pharmacy_id, kind=ExceptionKind.CONTACT, cause_key=Cause.OPTED_OUT.of(point.patient_id),
                summary=f"{who} wants no automated messages: agree on another way to be told of pickups.",
                owner_role=Role.TECHNICIAN, due_at=due_in(tx, days=3), severity=Severity.LOW,
                patient_id=point.patient_id,
            )  # fmt: skip
    check_all(tx, pharmacy_id, address)
    return cancelled


def opt_out_in_group(tx: Tx, pharmacy_id: str, channel: Channel, address: str, how: str) -> None:
    """Revoke in every pharmacy of the group that knows the address, each by its own setting of what a stop ends.

    In the others it is noted of the address. In the scope of the system: for a stop that reached us by the provider or
    by a link, not by a reply.
    """
    stop_elsewhere(tx, pharmacy_id, (channel,), address, how)
    for place in _group_at(tx, pharmacy_id, same_line(channel), address):
        opt_out(tx, place, address, how, channels=ended_by_stop(tx.get(Pharmacy, place), channel))


def opt_in(
    tx: Tx, pharmacy_id: str, address: str, how: str, *, channels: Iterable[Channel] = PHONE_CHANNELS
) -> bool:
    """Undo a stop for that address; False when there was none. Only those who had agreed before get messages again.

    Each on the basis that the stop has ended: a word sent from a shared phone is nobody's express consent to a wording.
    What the stop cancelled is queued again while it is of use.
    """
    channels, any_stop = tuple(channels), False
    for channel in channels:
        status = status_of(tx, pharmacy_id, channel, address)
        any_stop = any_stop or status.opted_out_at is not None
        status.opted_out_at, status.opted_out_how = None, ""
    if not any_stop:
        return False
    for point in points_at(tx, address, pharmacy_id):
        if point.channel in channels and point.basis is ContactBasis.REVOKED:
            _set_basis(tx, point, basis_before_stop(tx, point), how, "Sent START.")
            close_exception(
                tx,
                pharmacy_id=pharmacy_id,
                cause_key=Cause.OPTED_OUT.of(point.patient_id),
                outcome="Sent START.",
            )
            queue_again(tx, pharmacy_id, [point.patient_id], ASKED_TO_STOP)
    check_all(tx, pharmacy_id, address)
    return True


def hold_address(tx: Tx, pharmacy_id: str, channel: Channel, address: str, reason: str) -> None:
    """Let everything to that address wait until a person decides: texts and calls of a number alike."""
    for each in same_line(channel):
        status = status_of(tx, pharmacy_id, each, address)
        if status.held_at is None:
            status.held_at, status.held_reason = tx.now, reason


def same_line(channel: Channel) -> tuple[Channel, ...]:
    """The channels that reach the same phone."""
    return PHONE_CHANNELS if channel in PHONE_CHANNELS else (channel,)


def mark_unreachable(tx: Tx, pharmacy_id: str, channel: Channel, address: str, reason: str) -> None:
    """Note in the whole group that a number takes no messages, with one exception for each patient who has it.

    In the scope of the system: the other pharmacies wait their turn like this one.
    """
    for place in _group_at(tx, pharmacy_id, (channel,), address):
        _mark_at(tx, place, channel, address, reason)


def _group_at(tx: Tx, pharmacy_id: str, channels: Collection[Channel], address: str) -> list[str]:
    """This pharmacy and the others of its group that know an address; each of them waits its turn."""
    others = elsewhere_in_group(tx, pharmacy_id, channels, address)
    for place in others:
        tx.take_turn(place)
    return [pharmacy_id, *others]


def _mark_at(tx: Tx, pharmacy_id: str, channel: Channel, address: str, reason: str) -> None:
    status = status_of(tx, pharmacy_id, channel, address)
    if status.unreachable_at is None:
        status.unreachable_at, status.unreachable_reason = tx.now, reason
    for point in points_at(tx, address, pharmacy_id):
        if point.channel is channel:
            open_exception(
                tx, pharmacy_id=pharmacy_id, kind=ExceptionKind.CONTACT,
                cause_key=Cause.UNREACHABLE.of(point.patient_id, channel.value),
                summary="Messages do not reach this patient's number or address: ask for the right one.",
                owner_role=Role.PHARMACIST, due_at=due_in(tx, days=2), patient_id=point.patient_id,
                detail={"channel": channel.value, "reason": reason},
            )  # fmt: skip
    check_all(tx, pharmacy_id, address)


def check_all(tx: Tx, pharmacy_id: str, address: str) -> None:
    """Who has that number may have become unreachable, or reachable again."""
    check_patients(tx, [point.patient_id for point in points_at(tx, address, pharmacy_id)])


def is_older_than_stop(agreed_at: datetime | None, stopped_at: datetime | None) -> bool:
    """Whether a consent was given before the last stop of its number: it lifts nothing. None: given now, or no stop."""
    return agreed_at is not None and stopped_at is not None and stopped_at > agreed_at


def _set_basis(
    tx: Tx,
    point: ContactPoint,
    basis: ContactBasis,
    how: str,
    wording: str,
    *,
    at: datetime | None = None,
) -> None:
    if point.basis is basis and point.basis_at is not None and not wording:
        return
    at = at or tx.now
    point.basis, point.basis_at, point.basis_how, point.basis_by = basis, at, how, tx.scope.actor_id
    # Who has the patient's form open is told: what it began with holds no more.
    tx.get(Patient, point.patient_id).updated_at = tx.now
    tx.add(
        ConsentEvent(
            pharmacy_id=point.pharmacy_id, patient_id=point.patient_id, channel=point.channel, address=point.address,
            basis=basis, how=how, by=tx.scope.actor_id, wording=wording, at=at,
        )
    )  # fmt: skip
