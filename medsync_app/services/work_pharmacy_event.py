"""Works an event of the pharmacy system: stored as an export's row would be, with the same mid-cycle rules.

All of it is one transaction with the event's row. What cannot be used stays, with the reason, and is tried again when
what it lacks has come.
"""

from dataclasses import replace

from medsync_app.domain.pharmacy_events import EventKind, PharmacyEvent, in_days
from medsync_app.domain.states import JoinOrigin
from medsync_app.errors import Conflict, Invalid, NotFound, Unreadable
from medsync_app.services.event_mappings import event_mapping
from medsync_app.services.event_problem import Unusable, Worked, patient_key, rx_key
from medsync_app.services.event_row import day_of, known_rx, only_news, patient_of, row_of, said_of
from medsync_app.services.import_changes import changes_of
from medsync_app.services.import_chunk import ChunkResult, store_chunk, store_patient
from medsync_app.services.import_reactions import react_to_changes
from medsync_app.services.import_tally import ImportTallies
from medsync_app.services.react_to_dispensing import react
from medsync_app.services.ready_by_event import ready_by_event
from medsync_app.services.renewals import record_renewal_answer
from medsync_app.services.rx_ended import as_stop, end_rx
from medsync_app.services.take_submission import note_received
from medsync_app.store.repositories import inbound, renewals
from medsync_app.store.session import Tx
from medsync_app.store.tables import InboundEvent, Pharmacy, RenewalRequest

_ENDS = (EventKind.CANCELLED, EventKind.TRANSFERRED)
_SALES = (EventKind.SOLD, EventKind.DELIVERED)


def work_pharmacy_event(tx: Tx, event: InboundEvent, pharmacy_id: str) -> None:
    """Do what an event says; the caller holds the pharmacy's turn and the event's row."""
    origin = JoinOrigin(event.source)
    mapping = event_mapping(tx, pharmacy_id, origin)
    told = mapping.read(event.payload).happened_at(event.received_at)
    told = in_days(told, mapping.instants, tx.get(Pharmacy, pharmacy_id).zone)
    event_id = event.id
    try:
        with tx.session.begin_nested():
            worked = _work(tx, pharmacy_id, told)
    except Unusable as problem:
        worked = Worked("", problem.message, problem.waits_for)
    except (Invalid, Conflict, NotFound, Unreadable) as error:
        worked = Worked("", error.message)
    row = tx.get(InboundEvent, event_id)
    row.outcome, row.problem, row.waits_for = worked.outcome, worked.problem, worked.waits_for
    row.processed_at = tx.now
    note_received(tx, pharmacy_id, origin, row.received_at)
    tx.touch(pharmacy_id)


def _work(tx: Tx, pharmacy_id: str, told: PharmacyEvent) -> Worked:
    if told.ignored:
        return Worked("Nothing to do: it is not filled yet.")
    if told.kind is None:
        raise Unusable("MedSync knows no event of this name.")
    if told.kind is EventKind.RENEWAL:
        return _renewal(tx, pharmacy_id, told)
    if told.kind is EventKind.PATIENT:
        return _patient(tx, pharmacy_id, told)
    if told.kind in (EventKind.ENROLLED, EventKind.OPTED_OUT):
        raise Unusable("Send this to the address for events of MedSync's own form.")
    if told.kind in _ENDS:
        return _ended(tx, pharmacy_id, told)
    return _dispensing(tx, pharmacy_id, told)


def _dispensing(tx: Tx, pharmacy_id: str, told: PharmacyEvent) -> Worked:
    known = known_rx(tx, pharmacy_id, told.said("rx_number"))
    told = only_news(tx, pharmacy_id, told, known)
    row = row_of(tx, pharmacy_id, told, known)
    result = store_chunk(tx, pharmacy_id, said_of(told), [row], ImportTallies())
    if result.problems:
        raise Unusable(result.problems[0].reason)
    _follow(tx, pharmacy_id, result, [patient_key(row.patient.key), rx_key(row.rx_number)])
    if told.kind in _SALES:
        # What is held without fresh data are messages to who may have come already: sales tell that.
        tx.get(Pharmacy, pharmacy_id).data_as_of = tx.now
    return ready_by_event(tx, pharmacy_id, row) if told.kind is EventKind.READY else Worked("Stored.")


def _follow(tx: Tx, pharmacy_id: str, result: ChunkResult, arrived: list[str]) -> None:
    """Run the mid-cycle rules, and let events be tried again that waited for this one."""
    tx.session.expire_all()  # what was read before has been written past the session
    react_to_changes(tx, pharmacy_id, changes_of(tx, pharmacy_id, result), react)
    inbound.wake(tx, pharmacy_id, arrived)


def _patient(tx: Tx, pharmacy_id: str, told: PharmacyEvent) -> Worked:
    data = patient_of(tx, pharmacy_id, told)
    # Before what an export says of that day, which is made at its end; by the instant among themselves.
    rank = f"{day_of(tx, pharmacy_id, told).isoformat()}T{told.said('occurred_at')}"
    result = store_patient(tx, pharmacy_id, said_of(told), data, rank)
    _follow(tx, pharmacy_id, result, [patient_key(data.key)])
    return Worked("Stored.")


def _ended(tx: Tx, pharmacy_id: str, told: PharmacyEvent) -> Worked:
    assert told.kind is not None  # noqa: S101 - one of _ENDS
    number, day = told.said("rx_number"), day_of(tx, pharmacy_id, told)
    known = known_rx(tx, pharmacy_id, number)
    if known is None:
        raise Unusable("This Rx number is not known yet: it is tried again when it arrives.", rx_key(number))
    if any(fill.filled_on > day for fill in known.fills):
        return Worked("Nothing new: it was filled after that.")
    ended = end_rx(tx, known, told.kind, day)
    if ended is not None:
        return ended
    bare = replace(told, values={"rx_number": number, "occurred_at": told.said("occurred_at")})
    row = as_stop(row_of(tx, pharmacy_id, bare, known), day)
    result = store_chunk(tx, pharmacy_id, said_of(bare), [row], ImportTallies())
    _follow(tx, pharmacy_id, result, [])
    return Worked("The medicine is stopped.")


def _renewal(tx: Tx, pharmacy_id: str, told: PharmacyEvent) -> Worked:
    renewal_id, number = told.said("renewal_id"), told.said("rx_number")
    if renewal_id:
        request = tx.get(RenewalRequest, renewal_id)
    else:
        known = known_rx(tx, pharmacy_id, number)
        if known is None:
            raise Unusable(
                "This Rx number is not known yet: it is tried again when it arrives.", rx_key(number)
            )
        rows = renewals.of_therapy(tx, known.therapy.id)
        waiting = renewals.unanswered_of_therapy(tx, known.therapy.id)
        if waiting is None and not rows:
            raise Unusable("No renewal of this medicine was asked for.")
        request = waiting or rows[-1]
    new = record_renewal_answer(tx, request.id, told.said("answer"), note=told.said("note"))
    return Worked("The answer is recorded." if new else "Nothing new: the answer is known.")
