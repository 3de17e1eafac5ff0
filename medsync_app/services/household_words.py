"""The words of a message that is said for several: what is ready, which days are to come, and one question."""

from collections.abc import Sequence
from dataclasses import dataclass

from medsync_app.domain.contact_rules import Send
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.domain.wordings import QUESTIONS
from medsync_app.outbox.queue import READY
from medsync_app.services.contact_decision import template_of
from medsync_app.services.message_text import Share, Topic, can_ask, topic_of
from medsync_app.store.repositories.contact import contact_points
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Patient, Pharmacy, ScheduledAction

#: Wordings that several pickups of one number can share; of two about the same one, the first here is said.
MERGEABLE = ("confirm_t3", "confirm_t1", "reminder_t7", "trip_t1")
#: That a batch was not fetched: said once of the batches of several people.
FOLLOW_UP = "not_picked_up"
_FETCHED_NOW = READY | {FOLLOW_UP}
Said = Sequence[tuple[ScheduledAction, Cycle]]


@dataclass(frozen=True, slots=True)
class Question:
    """What a message asks of one batch: its digits can mean nothing else."""

    template: str
    cycle: Cycle


def is_ready(action: ScheduledAction) -> bool:
    """Whether a message tells that a batch can be fetched."""
    return template_of(action.payload) in READY


def with_its_question(tx: Tx, said: Said, pharmacy: Pharmacy, send: Send) -> tuple[Said, Question | None]:
    """What is said as one, and the question in it: only one batch is asked about, by a day that is nobody else's.

    A question that finds no room beside what is ready goes by itself, so that it can be answered. Several are told
    without digits: who wants to answer calls.
    """
    asking = [pair for pair in said if _asks(pair, said)]
    if len({about.id for _, about in asking}) != 1:
        return said, None
    first, about = min(asking, key=lambda pair: MERGEABLE.index(template_of(pair[0].payload)))
    question = Question(template_of(first.payload), about)
    if _can_be_asked(tx, said, question, pharmacy, send):
        return said, question
    if is_ready(said[0][0]):
        return [pair for pair in said if pair not in asking], None
    return said, None


def together(tx: Tx, said: Said, send: Send, question: Question | None) -> Topic:
    """The wording of several messages that are said as one."""
    (first, cycle), *_ = said
    patients = {about.patient_id for _, about in said}
    days = [about.sync_date for _, about in _to_come(said)]
    asked = (question.template, question.cycle.sync_date) if question is not None else None
    agreed = not _bounded(tx, said, send)
    if is_ready(first):
        shares = _shares(tx, said, send)
        others = [day for day in days if asked is None or day != asked[1]]
        if len(shares) == 1 and not days:
            return topic_of(first.payload, cycle)
        people = len({share.cycle.patient_id for share in shares})
        return Topic(
            "household_ready", days=others, people=people, shares=shares, question=asked, others_agreed=agreed
        )
    wording = template_of(first.payload)
    if wording == "welcome":
        return topic_of(first.payload, cycle)
    if wording == FOLLOW_UP:
        return Topic("household_waiting", cycle, people=len(patients), others_agreed=agreed)
    if wording == "date_changed":
        return Topic("household_changed", days=days, people=len(patients), others_agreed=agreed)
    if len({(about.patient_id, about.sync_date) for _, about in said}) == 1:
        one, about = min(said, key=lambda pair: MERGEABLE.index(template_of(pair[0].payload)))
        return topic_of(one.payload, about)
    name = "household" if len(patients) > 1 else "several"
    return Topic(name, cycle, days, len(patients), question=asked, others_agreed=agreed)


def _asks(pair: tuple[ScheduledAction, Cycle], said: Said) -> bool:
    return template_of(pair[0].payload) in QUESTIONS and pair in _to_come(said)


def _to_come(said: Said) -> Said:
    """Those about batches that the message does not tell of as ready to be fetched."""
    now = {about.id for one, about in said if template_of(one.payload) in _FETCHED_NOW}
    return [pair for pair in said if pair[1].id not in now]


def _can_be_asked(tx: Tx, said: Said, question: Question, pharmacy: Pharmacy, send: Send) -> bool:
    others = {about.sync_date for _, about in _to_come(said) if about.id != question.cycle.id}
    if question.cycle.sync_date in others or not can_ask(tx, pharmacy.id):
        return False
    if send.channel is not Channel.SMS or not _bounded(tx, said, send):
        return True
    if is_ready(said[0][0]):  # one short text has no room for other days, or for what is missing
        return not others and all(template_of(one.payload) != "partly_ready" for one, _ in said)
    return len(others) <= 1


def _bounded(tx: Tx, said: Said, send: Send) -> bool:
    """Whether somebody of whom a message tells has not agreed to more than one short text."""
    return any(_basis(tx, about, send) is not ContactBasis.EXPRESS for _, about in said)


def _basis(tx: Tx, cycle: Cycle, send: Send) -> ContactBasis:
    """On what a patient is written to in the way that a message takes."""
    points = contact_points(tx, cycle.patient_id)
    way = (send.channel, send.address)
    return next((point.basis for point in points if (point.channel, point.address) == way), send.basis)


def _shares(tx: Tx, said: Said, send: Send) -> list[Share]:
    """The batches that can be fetched, each with the patient's own basis at that number."""
    shares: dict[str, Share] = {}
    for one, about in said:
        wording = template_of(one.payload)
        if wording in _FETCHED_NOW and about.id not in shares:
            patient = tx.get(Patient, about.patient_id)
            shares[about.id] = Share(about, patient, _basis(tx, about, send), part=wording != "ready")
    return list(shares.values())
