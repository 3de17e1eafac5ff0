"""Takes what forms of others and the pharmacy system deliver: kept once, then put before a person."""

from datetime import datetime, timedelta
from typing import Any, Final

from medsync_app.domain.form_mapping import Submission, mapping_of
from medsync_app.domain.states import Channel, JoinOrigin
from medsync_app.errors import Unreadable
from medsync_app.services.form_answers import read_answers
from medsync_app.services.join_requests import HOW, Asked, keep_request
from medsync_app.services.keep_pharmacy_event import refuse_elsewhere
from medsync_app.services.number_stops import stop_number
from medsync_app.store.repositories import enrollments, joining
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.repositories.pharmacies import pharmacy_today
from medsync_app.store.session import Tx
from medsync_app.store.tables import FormSource, InboundEvent

#: A refusal is noted once in this time: who sends rubbish without end does not write without end.
NOTED_EVERY: Final = timedelta(minutes=1)


def take_enrollment(
    tx: Tx, pharmacy_id: str, origin: JoinOrigin, told: Submission, raw: dict[str, Any]
) -> str:
    """Keep what was delivered and put it into the queue; gives what became of it. Again it changes nothing.

    Who takes part already gets no row. TooMany when more came within an hour than patients can have sent.
    Conflict for a delivery that was taken at another location.
    """
    source = _source(tx, pharmacy_id, origin)
    if _is_known(tx, pharmacy_id, origin, told):
        return "known"
    refuse_elsewhere(tx, pharmacy_id, told.signed or None)
    asked = _asked(tx, source, told)
    patient = joining.known_patient(tx, pharmacy_id, asked)
    if patient is not None and enrollments.open_of_patient(tx, patient.id) is not None:
        return _keep(tx, source, told, raw, "enrolled already")
    keep_request(tx, pharmacy_id, asked)
    return _keep(tx, source, told, raw, "join request")


def take_opt_out(tx: Tx, pharmacy_id: str, told: Submission, raw: dict[str, Any]) -> str:
    """End automated messages to the number and address that the pharmacy system names, else to all of the patient's.

    In the whole group: a number belongs to no pharmacy.

    It counts however late it comes: who has agreed anew since is asked by a person. Unreadable when nobody is named.
    """
    source = _source(tx, pharmacy_id, JoinOrigin.PHARMACY_SYSTEM)
    if _is_known(tx, pharmacy_id, JoinOrigin.PHARMACY_SYSTEM, told):
        return "known"
    refuse_elsewhere(tx, pharmacy_id, told.signed or None)
    asked = _asked(tx, source, told)
    lines, mails = {asked.phone} - {""}, {asked.email} - {""}
    patient = joining.known_patient(tx, pharmacy_id, asked)
    if not lines | mails and patient is not None:
        points = contact_points(tx, patient.id)
        lines = {point.address for point in points if point.channel is not Channel.EMAIL}
        mails = {point.address for point in points if point.channel is Channel.EMAIL}
    if not lines | mails and patient is None:
        raise Unreadable(
            "Name the patient's phone number or e-mail address, or the id of a patient who is known."
        )
    for address in sorted(lines):
        stop_number(tx, pharmacy_id, Channel.SMS, address, HOW[source.origin])
    for address in sorted(mails):
        stop_number(tx, pharmacy_id, Channel.EMAIL, address, HOW[source.origin])
    return _keep(tx, source, told, raw, "opted out")


def refusal_is_due(tx: Tx, pharmacy_id: str, origin: JoinOrigin) -> bool:
    """Whether a refusal would be noted now: the last one is old enough."""
    row = joining.source_of(tx, pharmacy_id, origin)
    return row is None or row.refused_at is None or tx.now - row.refused_at >= NOTED_EVERY


def note_received(tx: Tx, pharmacy_id: str, origin: JoinOrigin, at: datetime) -> None:
    """Say in Settings when something came last."""
    row = _source(tx, pharmacy_id, origin)
    row.received_at = max(at, row.received_at or at)


def note_refusal(tx: Tx, pharmacy_id: str, origin: JoinOrigin, why: str) -> None:
    """Say in Settings that a delivery was refused; `why` holds nothing of a patient."""
    if refusal_is_due(tx, pharmacy_id, origin):
        row = _source(tx, pharmacy_id, origin)
        row.refused_at, row.refusal = tx.now, why


def _source(tx: Tx, pharmacy_id: str, origin: JoinOrigin) -> FormSource:
    tx.take_turn(pharmacy_id)
    found = joining.source_of(tx, pharmacy_id, origin)
    return found or tx.add(FormSource(pharmacy_id=pharmacy_id, origin=origin))


def _is_known(tx: Tx, pharmacy_id: str, origin: JoinOrigin, told: Submission) -> bool:
    return joining.has_event(tx, origin.value, _ids(pharmacy_id, told))


def _ids(pharmacy_id: str, told: Submission) -> list[str]:
    return [f"{pharmacy_id}:{key}" for key in told.keys]


def _asked(tx: Tx, source: FormSource, told: Submission) -> Asked:
    today = pharmacy_today(tx, source.pharmacy_id)
    return read_answers(
        told, mapping_of(source.mapping, source.origin), source.origin, today=today, now=tx.now
    )


def _keep(tx: Tx, source: FormSource, told: Submission, raw: dict[str, Any], outcome: str) -> str:
    """One row for each id by which it is known, the first with what came."""
    source.received_at = tx.now
    signed = told.signed or None
    for key in _ids(source.pharmacy_id, told):
        tx.add(
            InboundEvent(
                pharmacy_id=source.pharmacy_id, source=source.origin.value, external_id=key, payload=raw,
                received_at=tx.now, processed_at=tx.now, outcome=outcome, signed=signed,
            )
        )  # fmt: skip
        raw, signed = {}, None
    return outcome
