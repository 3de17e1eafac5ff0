"""What is said between patients and pharmacy in a random life: texts, calls, consents, stops and wishes."""

from typing import Any, cast

from sqlalchemy import select

from medsync_app.domain.states import Channel, ContactBasis, ExceptionKind, ExceptionState
from medsync_app.services.change_contact import ContactChange, change_contacts, decide_hold, end_messages
from medsync_app.services.contact_settings import record_basis
from medsync_app.services.enroll_contacts import Wishes
from medsync_app.services.handle_inbound import InboundText, handle_inbound_message
from medsync_app.services.record_call import CallOutcome, record_call
from medsync_app.services.unsubscribe import unsubscribe
from medsync_app.services.wrong_number import confirm_number
from medsync_app.store.tables import Attempt, ContactPoint, Cycle, ExceptionCase, Patient
from tests.support.life_batch_acts import answers_about
from tests.support.life_picks import one_of
from tests.support.lives import PHONE_LINES, Life, Person
from tests.support.store import SYSTEM

_case, _attempt, _point = cast(Any, ExceptionCase), cast(Any, Attempt), cast(Any, ContactPoint)
_WORDS = ("1", "2", "3", "STOP", "START", "I moved", "wrong number", "please stop texting me")
_CALLS = (ExceptionKind.CALL, ExceptionKind.CALL_BACK, ExceptionKind.NOT_PICKED_UP)


def text_us(life: Life, person: Person) -> str:
    body = life.luck.choices(_WORDS, (6, 1, 1, 1, 3, 1, 1, 1))[0]
    with life.database.transaction(SYSTEM, life.clock) as tx:
        said = InboundText("test", f"in-{len(life.story)}", person.phone, body, received_at=life.clock.now())
        outcome = handle_inbound_message(tx, said)
    if body == "STOP":
        life.stop(person.phone, *PHONE_LINES)
    elif body == "START":
        life.start(person.phone)
    elif body == "wrong number" and "wrong" in outcome:
        life.wrong[person.phone] = life.clock.now()
    elif body == _WORDS[-1]:
        life.hold(person.phone)
    return f"{body}: {outcome}"


def called(life: Life, person: Person) -> str:
    with life.reading() as tx:
        find = select(ExceptionCase).where(
            _case.patient_id == person.patient_id, _case.state == ExceptionState.OPEN, _case.kind.in_(_CALLS),
        )  # fmt: skip
        case = one_of(life, tx.session.scalars(find.order_by(_case.id)).all())
        cycle = tx.find(Cycle, case.cycle_id) if case.cycle_id else None
    outcome, number = life.luck.choices(list(CallOutcome), (6, 2, 2, 1))[0], ""
    spoke = outcome is CallOutcome.SPOKE and cycle is not None and life.luck.random() < 0.5
    if outcome is CallOutcome.WRONG_NUMBER:
        number = _a_point(life, person, *PHONE_LINES).address
    with life.writing(person) as tx:
        answers = answers_about(life, cycle) if spoke and cycle is not None else {}
        record_call(tx, case.id, outcome=outcome, answers=answers, number=number)
    if number:
        life.wrong[number] = life.clock.now()
    return f"{case.cause_key}: {outcome.value} {number[-2:]} {'with answers' if spoke else ''}"


def it_is_ours(life: Life, person: Person) -> str:
    """The patient says that a number which was found to be wrong is right."""
    point = _a_point(life, person, *PHONE_LINES)
    with life.writing(person) as tx:
        confirm_number(tx, point.id)
    person.confirmed[point.address] = life.clock.now()
    return point.address[-2:]


def agree_anew(life: Life, person: Person) -> str:
    """The patient says at the counter that messages may come, by text, by phone or by e-mail."""
    channel = life.luck.choice(list(Channel))
    address = person.email if channel is Channel.EMAIL else person.phone
    with life.writing(person) as tx:
        record_basis(
            tx, person.patient_id, channel, address, ContactBasis.EXPRESS, "counter", wording="I agree.",
        )  # fmt: skip
    life.agree(person, channel, address)
    return f"{channel.value} {address[-4:]}"


def wants_no_more(life: Life, person: Person) -> str:
    """The patient asks staff for no more messages to a number or address."""
    point = _a_point(life, person)
    with life.writing(person) as tx:
        end_messages(tx, point.id)
    life.stop(point.address, *(PHONE_LINES if point.channel in PHONE_LINES else (Channel.EMAIL,)))
    return f"{point.channel.value} {point.address[-4:]}"


def decide(life: Life, person: Person) -> str:
    """Somebody reads the words that let everything to a number wait."""
    point, stop = _a_point(life, person), life.luck.random() < 0.3
    with life.writing(person) as tx:
        decide_hold(tx, point.id, stop=stop)
    life.held.discard((person.shop.pharmacy_id, point.address))
    if stop:
        life.held -= {(place, point.address) for place in life.places}
        life.stop(point.address, *PHONE_LINES)
    return f"{point.address[-4:]} {'stop' if stop else 'go on'}"


def _a_point(life: Life, person: Person, *channels: Channel) -> ContactPoint:
    with life.reading() as tx:
        find = select(ContactPoint).where(
            ContactPoint.patient_id == person.patient_id, _point.channel.in_(channels or Channel)
        )
        return one_of(life, tx.session.scalars(find.order_by(_point.id)).all())


def other_wishes(life: Life, person: Person) -> str:
    """Another language, channel or way with names of medicines, while messages are queued."""
    names = life.luck.choice((True, False))
    wishes = Wishes(language=life.luck.choice(("en", "es")), drug_names_wanted=names)
    channel = life.luck.choice((None, *Channel))
    with life.writing(person) as tx:
        seen_at = tx.get(Patient, person.patient_id).updated_at
        change_contacts(tx, person.patient_id, ContactChange((), wishes, channel), seen_at=seen_at)
    person.names = names
    return f"{wishes.language} {channel.value if channel else 'any'} {'names' if names else 'numbers'}"


def click_unsubscribe(life: Life, person: Person) -> str:
    """The link of an e-mail, perhaps an old one, and perhaps twice."""
    with life.reading() as tx:
        find = select(Attempt).where(_attempt.channel == Channel.EMAIL, _attempt.address == person.email)
        attempt = one_of(life, tx.session.scalars(find.order_by(_attempt.id)).all())
    for _ in range(life.luck.choice((1, 1, 2))):
        with life.database.transaction(SYSTEM, life.clock) as tx:
            unsubscribe(tx, attempt.id)
    life.stop(person.email, Channel.EMAIL)
    return ""
