"""Wordings: ours fit and say what they must; a pharmacy's own are bounded; names of drugs need a wish."""

import time
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.message_fields import FIELDS
from medsync_app.domain.sms_text import measure
from medsync_app.domain.states import Channel, ContactBasis, ItemState
from medsync_app.domain.wordings import DEFAULTS, NAMES, WAYS, written_day, written_phone, written_time
from medsync_app.errors import Invalid
from medsync_app.services.message_text import SHORT_NAME, Topic, compose
from medsync_app.services.render_message import Text, check_template, render_text
from medsync_app.store.session import Database
from medsync_app.store.tables import ClosedDay, Cycle, CycleItem, Patient, Pharmacy, Template
from tests.support.cycles import MadeCycle, make_cycle
from tests.support.store import NOW, SYSTEM, Shop

TYPICAL = {
    "pharmacy": "Peachtree Pharmacy", "phone": "404-555-0100", "place": "12 Peachtree St NE, Atlanta",
    "medicines": "12 medicines", "count": 12, "missing": "2 medicines", "day": "Wed Sep 30", "people": 3,
    "days": "Mon Nov 23, Tue Nov 24", "hours": "9:30am-6:30pm", "since": "Wed Sep 30", "until": "Wed Nov 25",
    "way": "pickup", "fulfilment": "pickup", "age": 45, "language": "en", "channel": "sms",
    "question": "Wed Sep 30: reply 1 to confirm, 2 to change, 3 to be called.",
}  # fmt: skip


@pytest.fixture
def made(database: Database, shop: Shop, patient: str) -> MadeCycle:
    return make_cycle(database, shop, patient, ready_at=None, claimed_on=date(2026, 12, 9))


def text(
    database: Database, clock: VirtualClock, made: MadeCycle, template: str, *, channel: Channel = Channel.SMS,
    basis: ContactBasis = ContactBasis.EXPRESS, **change: Any,
) -> Text:  # fmt: skip
    with database.transaction(SYSTEM, clock) as tx:
        patient, cycle = tx.get(Patient, made.patient_id), tx.get(Cycle, made.cycle_id)
        for name, value in change.items():
            setattr(patient, name, value)
        pharmacy = tx.get(Pharmacy, patient.pharmacy_id)
        topic = Topic(template, cycle, [cycle.sync_date], 2)
        return compose(tx, pharmacy, patient, topic, channel, basis)


@pytest.mark.parametrize(("name", "language", "channel"), sorted(DEFAULTS))
def test_each_wording_of_ours_can_be_filled_in(name: str, language: str, channel: str) -> None:
    wording = DEFAULTS[name, language, channel]
    body = render_text(wording.body, TYPICAL)
    assert "{" not in body + render_text(wording.subject, TYPICAL)
    if channel == "voice":  # the greeting before it names the pharmacy, the farewell its number
        assert len(body) < 400  # half a minute
        return
    assert TYPICAL["pharmacy"] in body
    assert TYPICAL["phone"] in body
    if channel == "email":
        assert wording.subject
        assert "STOP" in body
    else:
        assert measure(body).encoding == "GSM-7", measure(body).outside


@pytest.mark.parametrize(
    "name", [n for n in NAMES if not n.startswith(("answer", "opt_out")) and f"{n}_short" not in NAMES]
)
@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("fulfilment", ["pickup", "delivery", "mail"])
def test_a_text_fits_one_message_and_tells_how_to_stop(name: str, language: str, fulfilment: str) -> None:
    values = {**TYPICAL, "fulfilment": fulfilment, "way": WAYS[fulfilment][language]}
    body = render_text(DEFAULTS[name, language, "sms"].body, values)
    assert len(body) <= 160, len(body)
    assert "STOP" in body
    named = name in ("reminder_t7", "confirm_t3", "confirm_t1", "trip_t1", "date_changed")
    if fulfilment != "pickup" and named:
        mail = DEFAULTS[name, language, "email"]
        for said in (body, render_text(mail.subject, values) + render_text(mail.body, values)):
            assert "pickup" not in said.replace("next pickup", "")
            assert "recogida" not in said
        assert WAYS[fulfilment][language] in body


@pytest.mark.parametrize("fulfilment", ["pickup", "delivery", "mail"])
def test_what_is_shortened_of_a_long_pharmacy_name_makes_every_text_fit(fulfilment: str) -> None:
    longest = {
        "en": {"missing": "12 medicines"},
        "es": {
            "medicines": "12 medicamentos", "missing": "12 medicamentos", "day": "mié 30 sep", "since": "mié 30 sep",
            "until": "mié 25 nov", "days": "lun 23 nov, mar 24 nov",
        },
    }  # fmt: skip
    for (name, language, channel), wording in DEFAULTS.items():
        if channel != "sms" or name.startswith(("answer", "opt_out")) or f"{name}_short" in NAMES:
            continue
        way = {"fulfilment": fulfilment, "way": WAYS[fulfilment][language], "language": language}
        body = render_text(
            wording.body, {**TYPICAL, **longest[language], **way, "pharmacy": "P" * SHORT_NAME}
        )
        assert len(body) <= 160, (name, language, len(body))


@pytest.mark.parametrize(("name", "digits"), [("reminder_t7", "3"), ("confirm_t3", "123")])
@pytest.mark.parametrize("language", ["en", "es"])
def test_a_reminder_names_the_digits_that_answer_it(name: str, digits: str, language: str) -> None:
    body = render_text(
        DEFAULTS[name, language, "sms"].body, {**TYPICAL, "medicines": "", "day": "", "phone": ""}
    )
    assert "".join(c for c in body if c.isdigit()) == digits


def test_no_wording_asks_for_a_word_as_an_answer() -> None:
    for wording in DEFAULTS.values():
        assert "YES" not in wording.body
        assert "CANCEL" not in wording.body


def test_drugs_are_named_only_with_the_patients_wish_and_consent(
    database: Database, clock: VirtualClock, made: MadeCycle
) -> None:
    assert "2 medicines" in text(database, clock, made, "confirm_t3").body
    assert (
        "Drug0 10 mg, Drug1 10 mg" in text(database, clock, made, "confirm_t3", drug_names_wanted=True).body
    )
    short = text(database, clock, made, "confirm_t3", basis=ContactBasis.NUMBER_GIVEN)
    assert "Drug0" not in short.body
    assert (
        "Drug0"
        not in text(database, clock, made, "confirm_t3", channel=Channel.EMAIL, drug_names_wanted=False).body
    )


def test_the_patients_language_is_used_and_english_where_we_have_none(
    database: Database, clock: VirtualClock, made: MadeCycle
) -> None:
    assert "jue 10 dic" in text(database, clock, made, "confirm_t3", language="es").body
    assert "Thu Dec 10" in text(database, clock, made, "confirm_t3", language="fr").body


def test_a_ready_notice_says_where_since_when_until_when_and_the_hours(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).address = "12 Peachtree St NE, Atlanta GA 30303"
    body = text(database, clock, made, "ready").body
    for part in ("Mon Nov 23", "12 Peachtree St", "Sat Dec 19", "9am-6pm", "404-555-0100"):
        assert part in body


def test_the_hours_are_those_of_the_day_on_which_the_patient_comes(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        pharmacy = tx.get(Pharmacy, shop.pharmacy_id)
        pharmacy.hours = {
            "0": ["09:00", "19:00"],
            "3": ["10:00", "14:00"],
        }  # today a Monday, the pickup a Thursday
    assert "Open 10am-2pm" in text(database, clock, made, "confirm_t1").body
    assert "Today 9am-7pm" in text(database, clock, made, "ready").body
    with database.transaction(SYSTEM, clock) as tx:
        tx.add(ClosedDay(pharmacy_id=shop.pharmacy_id, day=NOW.date(), name="Inventory"))
    assert "Today" not in text(database, clock, made, "ready").body


def test_without_consent_a_long_notice_gives_way_to_a_short_one(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).address = "12 Peachtree Street Northeast, Building C, Atlanta"
        tx.get(Pharmacy, shop.pharmacy_id).name = "Peachtree Community Pharmacy"
    assert len(text(database, clock, made, "ready").body) > 160
    body = text(database, clock, made, "ready", basis=ContactBasis.NUMBER_GIVEN).body
    assert len(body) <= 160
    for part in ("Peachtree Community Pharmacy", "404-555-0100", "STOP"):
        assert part in body


def test_a_partly_ready_notice_says_what_is_there_and_what_is_missing(
    database: Database, clock: VirtualClock, made: MadeCycle
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        first, second = tx.session.scalars(select(CycleItem)).all()
        first.state, second.state = ItemState.READY, ItemState.WAITING
    assert (
        "1 medicine ready for pickup, 1 medicine not yet" in text(database, clock, made, "partly_ready").body
    )


def test_a_pharmacys_own_wording_is_used(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    own(database, shop, clock, "Hi! {{ medicines }} on {{ day }}. {{ phone }}")
    assert text(database, clock, made, "confirm_t3").body == "Hi! 2 medicines on Thu Dec 10. 404-555-0100"


def test_an_own_wording_that_is_too_long_without_consent_gives_way_to_ours(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    own(database, shop, clock, "Hello " * 40)
    assert text(database, clock, made, "confirm_t3").body.startswith("Hello")
    short = text(database, clock, made, "confirm_t3", basis=ContactBasis.NUMBER_GIVEN).body
    assert "Reply 1 to confirm" in short


def test_a_wording_that_has_become_broken_gives_way_to_ours(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    own(database, shop, clock, "{{ medicines }} {{ price }}")
    assert "Reply 1 to confirm" in text(database, clock, made, "confirm_t3").body


def test_without_consent_an_own_wording_must_say_who_writes_and_how_to_stop(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    own(database, shop, clock, "Come on {{ day }}.")
    assert "STOP" in text(database, clock, made, "confirm_t3", basis=ContactBasis.NUMBER_GIVEN).body
    own(database, shop, clock, "{{ pharmacy }}: come on {{ day }}. {{ phone }} STOP")
    body = text(database, clock, made, "confirm_t3", basis=ContactBasis.NUMBER_GIVEN).body
    assert body == "main pharmacy: come on Thu Dec 10. 404-555-0100 STOP"


def test_the_wording_follows_how_the_patient_gets_the_batch(
    database: Database, clock: VirtualClock, made: MadeCycle
) -> None:
    assert "for delivery Thu Dec 10" in text(database, clock, made, "confirm_t3", fulfilment="delivery").body
    ready = text(database, clock, made, "ready", fulfilment="mail").body
    assert "ready for mailing" in ready
    assert "until" not in ready


def own(database: Database, shop: Shop, clock: VirtualClock, body: str) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        for row in tx.session.scalars(select(Template)):
            tx.session.delete(row)
        tx.session.flush()
        tx.add(
            Template(
                pharmacy_id=shop.pharmacy_id, name="confirm_t3", language="en", channel="sms", body=body,
                updated_at=tx.now,
            )
        )  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        "{{ nobody }}", "{{ day", "{% if day %}", "{{ day | shout }}", "{% include 'x' %}", "{% render 'x' %}",
        "{% for i in (1..100000000) %}x{% endfor %}",
        "{% for i in (1..150) %}{% for j in (1..150) %}x{% endfor %}{% endfor %}",
        "{% assign a = 'aaaaaaaaaaaaaaaa' %}" + "{% assign a = a | append: a %}" * 25 + "{{ a }}",
        "{{ day.__class__.__mro__ }}", "{{ day.size }}", "{{ day['x'] }}", "{{ day | replace: 'a', 'aaaaaaaaaa' }}",
        "{% if (1..10000000000) contains 'x' %}x{% endif %}", "{% if (1 ..10000000000) contains 'x' %}x{% endif %}",
        "{{ 'x' | append: day }}", "{{ 9999999999 | times: 9999999999 }}", "{% capture a %}x{% endcapture %}",
        "{% liquid echo day %}", "{% tablerow i in (1..9) %}x{% endtablerow %}", "{% cycle 'a' %}", "{% doc %}",
        "{% raw %}{{ day }}{% endraw %}{% endraw %}", "{% if day %}" * 30 + "x" + "{% endif %}" * 30,
        "x" * 2001, "{{ day }}" * 210, "{{ " + "day | upcase | " * 500 + "upcase }}",
        "{% if age > 200 %}{{ nobody }}{% endif %}Hello", "{% if age > 200 %}{{ day | shout }}{% endif %}Hello",
        "{% case age %}{% when 300 %}{{ nobody }}{% else %}Hello{% endcase %}", "   ",
        "{% if language == 'en' %}Hello{% endif %}", "{% if age >= 65 %}Hello{% endif %}",
        "{% unless fulfilment == 'mail' %}Hello{% endunless %}",
    ],
)  # fmt: skip
def test_a_wording_that_is_broken_or_grows_is_refused_at_once(source: str) -> None:
    started = time.monotonic()
    with pytest.raises(Invalid) as caught:
        check_template(source)
    assert time.monotonic() - started < 1
    assert caught.value.field == "body"


ATTACKS = st.lists(
    st.sampled_from([
        "{{", "}}", "{%", "%}", "if", "unless", "case", "when", "else", "endif", "for i in", "(1..9999999999)", "..",
        "contains", "day", "age", "count", "|", "upcase", "truncate:", "default:", "replace:", "9999999999", "'x'",
        "==", ">", "and", "or", "assign a =", "-", "\n", "{# x #}", "{{ day }}", "{% if age > 3 %}", "{% endif %}",
    ]),
    max_size=40,
)  # fmt: skip


@settings(max_examples=300)
@given(ATTACKS)
def test_whatever_is_written_ends_soon_and_stays_small(parts: list[str]) -> None:
    source, started = " ".join(parts), time.monotonic()
    with suppress(Invalid):
        check_template(source)
        assert len(render_text(source, TYPICAL)) <= 1600
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(("name", "language", "channel"), sorted(DEFAULTS))
def test_each_wording_of_ours_works_for_every_patient(name: str, language: str, channel: str) -> None:
    check_template(DEFAULTS[name, language, channel].body)


def test_a_wording_may_depend_on_age_language_channel_and_number() -> None:
    source = (
        "{% if age >= 65 %}Dear patient, {% endif %}{% case count %}{% when 1 %}one{% else %}{{ count }}{% endcase %} "
        "{% if channel == 'email' %}by mail{% endif %}{% if language == 'es' %}listo{% else %}ready{% endif %}"
    )
    check_template(source)
    said = render_text(source, {**TYPICAL, "age": 70, "count": 1, "channel": "email", "language": "es"})
    assert said == "Dear patient, one by maillisto"
    assert render_text(source, TYPICAL) == "12 ready"


def test_a_checked_template_knows_every_variable() -> None:
    check_template(" ".join("{{ " + name + " }}" for name in FIELDS))


def test_days_times_and_phones_are_written_as_people_do() -> None:
    from datetime import time as at

    assert written_day(date(2026, 10, 20), "en") == "Tue Oct 20"
    assert written_day(date(2026, 10, 20), "es") == "mar 20 oct"
    assert [written_time(at(9), "en"), written_time(at(12, 30), "en")] == ["9am", "12:30pm"]
    assert [written_time(at(0), "en"), written_time(at(9, 5), "es")] == ["12am", "9:05"]
    assert written_phone("+14045550100") == "404-555-0100"
    assert written_phone("+34600123456") == "+34600123456"


def test_a_long_name_of_the_pharmacy_is_shortened_rather_than_the_rest(
    database: Database, shop: Shop, clock: VirtualClock, made: MadeCycle
) -> None:
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Pharmacy, shop.pharmacy_id).name = "The Original Peachtree Family Pharmacy of Georgia"
    body = text(database, clock, made, "reminder_t7", basis=ContactBasis.NUMBER_GIVEN).body
    assert body.startswith("The Original Peachtr")
    assert len(body) <= 160
    assert body.endswith("STOP to end.")
