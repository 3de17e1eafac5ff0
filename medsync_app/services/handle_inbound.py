"""Acts on a patient's reply: stop words at once, digits as answers, everything else to a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from medsync_app.clock import local_day
from medsync_app.domain.causes import Cause
from medsync_app.domain.replies import Meaning, in_spanish, meaning, says_yes
from medsync_app.domain.states import Channel, ExceptionKind, Role, Severity
from medsync_app.outbox.attempts import read_in_call
from medsync_app.outbox.queue import ASKS_ABOUT, STOP_CONFIRMED, NewAction, queue
from medsync_app.outbox.sent import told_together
from medsync_app.services.contact_settings import ended_by_stop, hold_address, opt_in, opt_out
from medsync_app.services.exceptions import due_in, open_exception
from medsync_app.services.fill_request import confirm
from medsync_app.services.schedule_cycle import announce
from medsync_app.services.wrong_number import mark_wrong
from medsync_app.store.repositories.contact import (
    open_cycles,
    patients_by_id,
    pharmacies,
    points_at,
    statuses,
)
from medsync_app.store.repositories.messaging import asked_about, known_message, last_sent_at, last_told
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, InboundMessage, Patient, Pharmacy, ScheduledAction

#: An answer is about a pickup that is not further away, in days.
_ABOUT_DAYS = 14
_MAX_BODY = 1_600
_HELD = "held for a person"


@dataclass(frozen=True, slots=True)
class InboundText:
    """A message that came in."""

    source: str
    external_id: str
    #: E.164 number.
    sender: str
    body: str
    received_at: datetime
    channel: Channel = Channel.SMS
    #: The call in which a key was pressed; "" for a text, which may be about anything said to the number.
    attempt_id: str = ""


@dataclass(frozen=True, slots=True)
class _Conversation:
    """Who may have written, and about what."""

    pharmacy: Pharmacy
    patients: tuple[Patient, ...]
    cycles: tuple[Cycle, ...]

    @property
    def patient(self) -> Patient | None:
        """The patient when it can be only one."""
        return self.patients[0] if len(self.patients) == 1 else None

    @property
    def cycle(self) -> Cycle | None:
        """The cycle when an answer can be about only one."""
        return self.cycles[0] if len(self.cycles) == 1 else None


def handle_inbound_message(tx: Tx, text: InboundText) -> str:
    """Keep a reply and act on it; gives what was done. A message that is known already changes nothing."""
    if known_message(tx, text.source, text.external_id):
        return "known"
    said = meaning(text.body)
    talk = _conversation(tx, text)
    if talk is None:
        return "no pharmacy"
    turns = [
        tx.take_turn(key) for key in sorted(pharmacy.id for pharmacy in _concerned(tx, text, talk, said))
    ]
    if any(turns):
        talk = _conversation(tx, text) or talk  # it may have changed until it was our turn
    if said is Meaning.START and says_yes(text.body) and not _stopped(tx, talk.pharmacy, text):
        said = Meaning.FREE_TEXT  # "yes" is only a wish to start again when there was a stop
    row = _keep(tx, text, said, talk)
    row.outcome = _act(tx, text, said, talk, row)
    return row.outcome


def leave_to_person(tx: Tx, text: InboundText) -> None:
    """Let a person read a reply that could not be acted on: it may be a stop word."""
    talk = _conversation(tx, text)
    if talk is None or known_message(tx, text.source, text.external_id):
        return
    row = _keep(tx, text, meaning(text.body), talk)
    row.outcome = "to a person"
    summary = "A patient's reply could not be acted on by itself: read it, and do what it asks."
    _to_person(tx, talk, row, summary, severity=Severity.HIGH, hours=4)


def _keep(
    tx: Tx, text: InboundText, said: Meaning, talk: _Conversation, external_id: str = ""
) -> InboundMessage:
    row = tx.add(
        InboundMessage(
            pharmacy_id=talk.pharmacy.id, source=text.source, external_id=external_id or text.external_id,
            channel=text.channel, address=text.sender, body=text.body[:_MAX_BODY], meaning=said.value,
            received_at=text.received_at, patient_id=talk.patient.id if talk.patient else None,
            cycle_id=talk.cycle.id if talk.cycle else None, handled_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    return row


def _act(tx: Tx, text: InboundText, said: Meaning, talk: _Conversation, row: InboundMessage) -> str:
    if said is Meaning.STOP:
        return _stop(tx, text, talk, row)
    if said is Meaning.START:
        for pharmacy in _concerned(tx, text, talk, said):
            opt_in(
                tx, pharmacy.id, text.sender, f"reply {text.external_id}",
                channels=ended_by_stop(pharmacy, text.channel),
            )  # fmt: skip
        _answer(tx, text, talk, row, "start")
        return "opted in"
    if said is Meaning.HELP:
        _answer(tx, text, talk, row, "help")
        return "help sent"
    if said is Meaning.REFUSAL:
        return _hold(tx, text, talk, row)
    if said is Meaning.WRONG_NUMBER and talk.patients:
        groups = {pharmacy.organization_id: pharmacy.id for pharmacy in _all_at(tx, text, talk)}
        for pharmacy_id in groups.values():
            mark_wrong(tx, pharmacy_id, text.sender)
        return "wrong number, who has it is asked"
    if said in (Meaning.FREE_TEXT, Meaning.WRONG_NUMBER):
        _to_person(tx, talk, row, "A patient has written: read the message and answer.")
        return "to a person"
    return _digit(tx, text, said, talk, row)


def _stop(tx: Tx, text: InboundText, talk: _Conversation, row: InboundMessage) -> str:
    """Revoke everywhere this sending number is used, and say so once."""
    cancelled = 0
    stopped = _stopped(tx, talk.pharmacy, text)
    for pharmacy in _concerned(tx, text, talk, Meaning.STOP):
        channels = ended_by_stop(pharmacy, text.channel)
        cancelled += opt_out(tx, pharmacy.id, text.sender, f"reply {text.external_id}", channels=channels)
    if not stopped:
        _answer(tx, text, talk, row, STOP_CONFIRMED)
    return f"opted out, {cancelled} messages cancelled"


def _hold(tx: Tx, text: InboundText, talk: _Conversation, row: InboundMessage) -> str:
    """Let everything to that number wait wherever it is known; each pharmacy reads the reply and decides for itself."""
    for pharmacy in _all_at(tx, text, talk):
        here, kept = talk, row
        if pharmacy.id != talk.pharmacy.id:
            here = _talk_at(tx, text, pharmacy)
            kept = _keep(tx, text, Meaning.REFUSAL, here, f"{text.external_id}:{pharmacy.id}")
            kept.outcome = _HELD
        hold_address(tx, pharmacy.id, text.channel, text.sender, "A free-text refusal")
        _to_person(
            tx, here, kept,
            "The patient seems to want no messages, or the number is wrong. "
            "All messages to it wait: read the reply, and decide on the patient's page.",
            severity=Severity.HIGH, hours=4, held=True,
        )  # fmt: skip
    return _HELD


def _digit(tx: Tx, text: InboundText, said: Meaning, talk: _Conversation, row: InboundMessage) -> str:
    cycle = talk.cycle
    if cycle is None:
        why = "fits several pickups" if talk.cycles else "fits no coming pickup"
        words = {
            Meaning.CONFIRM: "1 (confirm)",
            Meaning.CHANGE: "2 (change the date)",
            Meaning.CALL: "3 (call)",
        }
        _to_person(tx, talk, row, f"The reply {words[said]} {why}: find out what is meant.")
        return "to a person"
    if said is Meaning.CONFIRM:
        if cycle.sync_date < local_day(tx.now, talk.pharmacy.zone):
            _to_person(tx, talk, row, "The reply 1 (confirm) came after its day: ask when the patient comes.")
            return "to a person"
        if not _was_told_its_day(tx, cycle):
            _to_person(
                tx, talk, row, "The reply 1 (confirm) is to another day: call and say which one it is now."
            )
            return "to a person"
        if cycle.confirmed_at is None:
            confirm(tx, cycle, how=text.channel.value, by="the patient")
            announce(tx, cycle.id, "replied")
        _answer(tx, text, talk, row, "answer_confirmed")
        return "confirmed"
    summary = {
        Meaning.CHANGE: "The patient wants another pickup date: call and agree on one.",
        Meaning.CALL: "The patient asks to be called: there may be a new, stopped or changed medicine.",
    }[said]
    open_exception(
        tx, pharmacy_id=cycle.pharmacy_id, kind=ExceptionKind.CALL_BACK,
        cause_key=Cause.CALL_BACK.of(cycle.id, said.value),
        summary=summary, owner_role=Role.TECHNICIAN, due_at=due_in(tx, hours=8), severity=Severity.HIGH,
        patient_id=cycle.patient_id, cycle_id=cycle.id, detail={"inbound_message": row.id},
    )  # fmt: skip
    _answer(tx, text, talk, row, "answer_call")
    return "call-back task"


def _was_told_its_day(tx: Tx, cycle: Cycle) -> bool:
    """Whether what the patient heard last is the day that stands now, and may be told."""
    told = last_told(tx, cycle.id)
    return not cycle.unapproved and (told is None or told.day == cycle.sync_date.isoformat())


def _to_person(
    tx: Tx,
    talk: _Conversation,
    row: InboundMessage,
    summary: str,
    *,
    severity: Severity = Severity.NORMAL,
    hours: int = 8,
    held: bool = False,
) -> None:
    open_exception(
        tx, pharmacy_id=talk.pharmacy.id, kind=ExceptionKind.REPLY, cause_key=Cause.REPLY.of(row.id), summary=summary,
        owner_role=Role.TECHNICIAN, due_at=due_in(tx, hours=hours), severity=severity,
        patient_id=row.patient_id, cycle_id=row.cycle_id,
        detail={
            "inbound_message": row.id, "patients": [patient.id for patient in talk.patients], "held": held,
        },
    )  # fmt: skip


def _answer(tx: Tx, text: InboundText, talk: _Conversation, row: InboundMessage, template: str) -> None:
    """Queue a direct answer to where the message came from; in a call it has been given already."""
    if text.channel is Channel.VOICE:
        return
    about_cycle = template == "answer_confirmed" and talk.cycle is not None
    queue(
        tx,
        [
            NewAction(
                pharmacy_id=talk.pharmacy.id, step=template, kind="reply", due_at=tx.now,
                idempotency_key=f"reply:{row.id}", stale_at=tx.now + timedelta(hours=2),
                patient_id=talk.patient.id if talk.patient else None,
                cycle_id=talk.cycle.id if about_cycle and talk.cycle else None,
                payload={
                    "action": {"do": "message", "template": template, "language": _language(text, talk)},
                    "to": text.sender,
                    "channel": text.channel.value, "trigger": "replied",
                },
            )
        ],
    )  # fmt: skip


def _language(text: InboundText, talk: _Conversation) -> str:
    """The language of an answer: that of the word that came, else what everybody at that number speaks; "" for ours."""
    if in_spanish(text.body):
        return "es"
    spoken = {patient.language for patient in talk.patients}
    return spoken.pop() if len(spoken) == 1 else ""


def _conversation(tx: Tx, text: InboundText) -> _Conversation | None:
    """Who may be writing: the patients with that number, where several the pharmacy that wrote last."""
    points = points_at(tx, text.sender)
    known = {pharmacy.id: pharmacy for pharmacy in pharmacies(tx)}
    if not known:
        return None
    read = read_in_call(tx, text.attempt_id) if text.attempt_id else ()
    if read:
        return _talk_about(tx, known[read[0].pharmacy_id], read)
    last = last_sent_at(tx, text.sender)
    here = {point.pharmacy_id for point in points}
    if last is not None and (last.pharmacy_id in here or not here):
        pharmacy = known[last.pharmacy_id]
    else:
        pharmacy = known[min(here)] if here else next(iter(known.values()))
    return _talk_at(tx, text, pharmacy)


def _talk_about(tx: Tx, pharmacy: Pharmacy, read: Sequence[ScheduledAction]) -> _Conversation:
    """Who was called, and about what: a key answers what that very call has read, not what else the number was told."""
    people = patients_by_id(tx, [action.patient_id for action in read if action.patient_id])
    asked = read[0].payload.get(ASKS_ABOUT)
    about = {asked} if asked else {action.cycle_id for action in read}
    cycles = tuple(cycle for cycle in open_cycles(tx, people) if cycle.id in about)
    return _Conversation(pharmacy, tuple(people.values()), cycles)


def _talk_at(tx: Tx, text: InboundText, pharmacy: Pharmacy) -> _Conversation:
    """Who of one pharmacy may be writing, and about which pickups."""
    ours = [point.patient_id for point in points_at(tx, text.sender, pharmacy.id)]
    patients = tuple(patients_by_id(tx, ours).values())
    until = local_day(tx.now, pharmacy.zone) + timedelta(days=_ABOUT_DAYS)
    cycles = [cycle for cycle in open_cycles(tx, ours) if cycle.sync_date <= until]
    asked_at = asked_about(tx, text.sender, [cycle.id for cycle in cycles])
    asked = set(asked_at)
    for told in told_together(tx, text.sender, tx.now - timedelta(days=_ABOUT_DAYS)):
        if not asked.isdisjoint(told):  # said in one message with others: it may be an answer to any of them
            asked |= told
    if asked:  # an answer is to what was asked, not to another pickup of the same patient
        cycles = [cycle for cycle in cycles if cycle.id in asked]
    if meaning(text.body) is Meaning.CONFIRM:
        cycles = _still_to_confirm(cycles, asked_at)
    return _Conversation(pharmacy, patients, tuple(cycles))


def _still_to_confirm(cycles: list[Cycle], asked_at: Mapping[str, datetime]) -> list[Cycle]:
    """The one that a 1 confirms: all others are confirmed, and it was asked about last; else all of them.

    A second 1 to an older question must not confirm what was asked about before it.
    """
    left = [cycle for cycle in cycles if cycle.confirmed_at is None]
    if len(left) == 1 and left[0].id in asked_at and asked_at[left[0].id] == max(asked_at.values()):
        return left
    return cycles


def _concerned(tx: Tx, text: InboundText, talk: _Conversation, said: Meaning) -> list[Pharmacy]:
    """The pharmacies that a reply is acted on in: a stop or start also where nobody has the number yet.

    An older consent may wait there in a form, and must not lift the stop when it becomes an enrollment.
    """
    return pharmacies(tx) if said in (Meaning.STOP, Meaning.START) else _all_at(tx, text, talk)


def _all_at(tx: Tx, text: InboundText, talk: _Conversation) -> list[Pharmacy]:
    """Every pharmacy that knows the number (they share the sending number), or the one it was said to."""
    ids = {point.pharmacy_id for point in points_at(tx, text.sender)} | {talk.pharmacy.id}
    return [pharmacy for pharmacy in pharmacies(tx) if pharmacy.id in ids]


def _stopped(tx: Tx, pharmacy: Pharmacy, text: InboundText) -> bool:
    status = statuses(tx, pharmacy.id, [text.sender]).get((text.channel, text.sender))
    return status is not None and status.opted_out_at is not None
