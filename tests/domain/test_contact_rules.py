"""Whether, when and where a patient may be contacted."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.contact_rules import (
    ContactFacts,
    Hold,
    Merge,
    Purpose,
    Reach,
    Rules,
    Send,
    StaffCall,
    Suppress,
    decide,
    is_wrong,
    joins,
    tried_key,
)
from medsync_app.domain.local_time import in_window, local
from medsync_app.domain.states import Channel, ContactBasis

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
ZONE = "America/New_York"
SMS = Reach(Channel.SMS, "+14045550123", ContactBasis.EXPRESS)
MAIL = Reach(Channel.EMAIL, "ada@example.org", ContactBasis.EXPRESS)
VOICE = Reach(Channel.VOICE, "+14045550123", ContactBasis.EXPRESS)
RULES = Rules()


def facts(*reaches: Reach, **more: object) -> ContactFacts:
    values: dict[str, object] = {"now": NOON, "zone": ZONE, "purpose": Purpose.REMINDER, **more}
    return ContactFacts(reaches=reaches, **values)  # type: ignore[arg-type]


def chosen(decision: object) -> Channel:
    assert isinstance(decision, Send), decision
    return decision.channel


def test_sms_comes_before_voice_and_email() -> None:
    assert chosen(decide(facts(MAIL, VOICE, SMS), RULES)) is Channel.SMS
    assert chosen(decide(facts(MAIL, VOICE), RULES)) is Channel.VOICE


def test_the_patients_preference_comes_first() -> None:
    assert chosen(decide(facts(SMS, MAIL, preferred=Channel.EMAIL), RULES)) is Channel.EMAIL


def test_a_segment_is_tried_in_its_order_unless_the_patient_chose() -> None:
    phone_first = (Channel.VOICE,)
    assert chosen(decide(facts(SMS, VOICE, segment=phone_first), RULES)) is Channel.VOICE
    assert chosen(decide(facts(SMS, segment=phone_first), RULES)) is Channel.SMS
    assert chosen(decide(facts(SMS, VOICE, segment=phone_first, preferred=Channel.SMS), RULES)) is Channel.SMS


def test_a_step_may_name_the_only_channels_it_takes() -> None:
    only = (Channel.EMAIL, Channel.VOICE)
    assert chosen(decide(facts(SMS, VOICE, MAIL, only=only), RULES)) is Channel.EMAIL
    assert chosen(decide(facts(SMS, VOICE, MAIL, only=only, preferred=Channel.VOICE), RULES)) is Channel.VOICE
    assert chosen(decide(facts(SMS, VOICE, MAIL, only=only, preferred=Channel.SMS), RULES)) is Channel.EMAIL
    assert isinstance(decide(facts(SMS, only=only), RULES), StaffCall)


def test_a_step_without_texts_does_not_get_round_a_stop_word() -> None:
    stopped = replace(SMS, opted_out=True)
    assert isinstance(decide(facts(stopped, MAIL, only=(Channel.EMAIL,)), RULES), Suppress)
    chose = facts(stopped, MAIL, only=(Channel.EMAIL,), preferred=Channel.EMAIL)
    assert chosen(decide(chose, RULES)) is Channel.EMAIL


def test_a_landline_gets_no_text() -> None:
    assert chosen(decide(facts(replace(SMS, landline=True), VOICE), RULES)) is Channel.VOICE


@pytest.mark.parametrize("basis", [ContactBasis.NOT_ASKED, ContactBasis.DECLINED])
def test_no_basis_no_automated_message(basis: ContactBasis) -> None:
    decision = decide(facts(replace(SMS, basis=basis)), RULES)
    assert isinstance(decision, StaffCall)
    assert "no consent" in decision.reason


def test_after_a_stop_nothing_falls_back_to_another_automated_channel() -> None:
    for stopped in (replace(SMS, opted_out=True), replace(SMS, basis=ContactBasis.REVOKED)):
        decision = decide(facts(stopped, MAIL), RULES)
        assert isinstance(decision, Suppress)
        assert decision.opted_out
        assert chosen(decide(facts(stopped, MAIL), Rules(stop_ends_all=False))) is Channel.EMAIL


def test_a_caregivers_stop_is_theirs_and_the_patients_is_everybodys() -> None:
    theirs = replace(SMS, address="+14045550144", caregiver=True)
    ended = {"opted_out": True, "basis": ContactBasis.REVOKED}
    assert decide(facts(replace(theirs, **ended), SMS), RULES) == Send(Channel.SMS, SMS.address, SMS.basis)
    assert isinstance(decide(facts(replace(theirs, **ended)), RULES), StaffCall)
    assert isinstance(decide(facts(theirs, replace(SMS, **ended)), RULES), Send)
    assert isinstance(decide(facts(replace(SMS, **ended), theirs), RULES), Suppress)


def test_what_was_agreed_after_a_stop_is_no_fall_back() -> None:
    stopped = replace(SMS, opted_out=True, asked_at=NOON)
    before, same, after = (replace(MAIL, asked_at=NOON + timedelta(days=days)) for days in (-1, 0, 1))
    assert isinstance(decide(facts(stopped, before), RULES), Suppress)
    assert isinstance(decide(facts(stopped, same), RULES), Suppress)
    assert chosen(decide(facts(stopped, after), RULES)) is Channel.EMAIL
    assert chosen(decide(facts(stopped, after, only=(Channel.EMAIL,)), RULES)) is Channel.EMAIL
    number = replace(after, basis=ContactBasis.NUMBER_GIVEN)
    assert isinstance(decide(facts(stopped, number), RULES), Suppress)


def test_an_unreachable_number_gives_way_to_the_next_channel_and_last_to_a_person() -> None:
    dead = replace(SMS, unreachable=True)
    assert chosen(decide(facts(dead, MAIL), RULES)) is Channel.EMAIL
    assert isinstance(decide(facts(dead), RULES), StaffCall)
    assert isinstance(decide(facts(SMS, tried=frozenset({SMS.address})), RULES), StaffCall)
    assert isinstance(decide(facts(), RULES), StaffCall)


def test_a_wrong_number_gives_way_to_the_next_channel_until_it_is_confirmed_after_that() -> None:
    stranger = {"wrong": True}
    assert (
        chosen(decide(facts(replace(SMS, **stranger), replace(VOICE, **stranger), MAIL), RULES))
        is Channel.EMAIL
    )
    assert isinstance(decide(facts(replace(SMS, **stranger)), RULES), StaffCall)
    assert [is_wrong(NOON, at) for at in (None, NOON, NOON + timedelta(seconds=1))] == [True, True, False]
    assert not is_wrong(None, None)


def test_a_refusal_in_words_holds_until_a_person_decides() -> None:
    assert decide(facts(replace(SMS, held=True), MAIL), RULES) == Hold(
        None, "Held until somebody decides about the patient's answer."
    )


def test_a_stopped_channel_gives_way_or_waits() -> None:
    stopped = frozenset({Channel.SMS})
    assert chosen(decide(facts(SMS, MAIL, stopped=stopped), RULES)) is Channel.EMAIL
    assert isinstance(decide(facts(SMS, stopped=stopped), RULES), Hold)


def test_a_channel_without_a_connection_is_passed_over() -> None:
    available = frozenset({Channel.SMS, Channel.EMAIL})
    assert (
        chosen(decide(facts(VOICE, SMS, segment=(Channel.VOICE,), available=available), RULES)) is Channel.SMS
    )


def test_nobody_dead_is_messaged() -> None:
    assert isinstance(decide(facts(SMS, deceased=True), RULES), Suppress)


@pytest.mark.parametrize(
    ("hour", "minute", "opens_on"),
    [(8, 59, 23), (20, 0, 24), (23, 30, 24), (3, 0, 23)],
)
def test_outside_the_window_it_waits_for_the_next_opening(hour: int, minute: int, opens_on: int) -> None:
    now = datetime(2026, 11, 23, hour, minute, tzinfo=UTC) + timedelta(hours=5)
    decision = decide(facts(SMS, now=now), RULES)
    assert isinstance(decision, Hold)
    assert decision.until == datetime(2026, 11, opens_on, 14, 0, tzinfo=UTC)


def test_the_window_is_the_patients_and_never_wider_than_the_law() -> None:
    wide = Rules(opens=time(0), closes=time(23, 59))
    early = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)  # 07:30 in New York, 08:30 in Puerto Rico
    assert isinstance(decide(facts(SMS, now=early), wide), Hold)
    assert isinstance(decide(facts(SMS, now=early, zone="America/Puerto_Rico"), wide), Send)
    for hour, at_the_hour in ((13, Send), (26, Hold)):  # 08:00 and 21:00 in New York, to the second
        sharp = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(hours=hour)
        before = Hold if at_the_hour is Send else Send
        assert isinstance(decide(facts(SMS, now=sharp), wide), at_the_hour)
        assert isinstance(decide(facts(SMS, now=sharp - timedelta(seconds=1)), wide), before)


def test_it_never_waits_past_its_usefulness() -> None:
    night = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
    decision = decide(facts(SMS, now=night, useful_until=night + timedelta(hours=12)), RULES)
    assert isinstance(decision, Suppress)
    assert isinstance(decide(facts(SMS, now=night, useful_until=night + timedelta(hours=13)), RULES), Hold)


def test_one_message_a_day_with_consent_and_ready_notices_beside_it() -> None:
    had = replace(SMS, sent_today=1, sent_week=9)
    wait = decide(facts(had), RULES)
    assert isinstance(wait, Hold)
    assert wait.until == datetime(2026, 11, 24, 14, 0, tzinfo=UTC), "when the window of the next day opens"
    assert isinstance(decide(facts(had, purpose=Purpose.READY), RULES), Send)


def test_without_consent_one_a_day_and_three_in_seven_days_whatever_they_are() -> None:
    given_number = replace(SMS, basis=ContactBasis.NUMBER_GIVEN)
    for purpose in (Purpose.REMINDER, Purpose.READY):
        assert isinstance(decide(facts(given_number, purpose=purpose), RULES), Send)
        assert isinstance(decide(facts(replace(given_number, sent_today=1), purpose=purpose), RULES), Hold)
        assert isinstance(decide(facts(replace(given_number, sent_week=3), purpose=purpose), RULES), Hold)


def test_a_direct_answer_goes_back_at_once_also_after_a_stop() -> None:
    night = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
    stopped = replace(SMS, opted_out=True, sent_today=5)
    assert isinstance(decide(facts(stopped, now=night, purpose=Purpose.REPLY), RULES), Send)
    spent = facts(SMS, purpose=Purpose.REPLY, tried=frozenset({tried_key(SMS.channel, SMS.address)}))
    assert isinstance(decide(spent, RULES), Suppress)


def test_a_households_message_takes_others_to_the_same_number_along() -> None:
    text = (Channel.SMS, SMS.address)
    assert isinstance(decide(facts(SMS, joins=text), RULES), Merge)
    assert isinstance(decide(facts(SMS, joins=(Channel.SMS, "+14045550199")), RULES), Send)
    assert isinstance(decide(facts(replace(SMS, opted_out=True), joins=text), RULES), Suppress)


def test_who_is_called_at_a_number_is_told_in_its_text_only_where_texts_may_go() -> None:
    text, call = (Channel.SMS, SMS.address), replace(SMS, channel=Channel.VOICE)
    declined, landline = replace(SMS, basis=ContactBasis.DECLINED), replace(SMS, landline=True)
    for other, merged in ((SMS, True), (declined, False), (landline, False), (None, False)):
        ways = (call,) if other is None else (call, other)
        known = facts(*ways, joins=text, preferred=Channel.VOICE)
        assert isinstance(decide(known, RULES), Merge if merged else Send), other
        assert joins(known, RULES) is merged
    assert isinstance(decide(facts(call, SMS, joins=text, only=(Channel.VOICE,)), RULES), Send)


US_ZONES = [
    "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage",
    "America/Phoenix", "Pacific/Honolulu", "America/Puerto_Rico", "America/Detroit", "America/Boise",
]  # fmt: skip


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2036, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(US_ZONES),
    st.integers(6, 12),
    st.integers(13, 22),
)
def test_in_every_zone_and_season_a_message_goes_inside_the_window_or_waits_for_it(
    now: datetime, zone: str, opens: int, closes: int
) -> None:
    rules = Rules(opens=time(opens), closes=time(closes))
    decision = decide(facts(SMS, now=now, zone=zone), rules)
    if isinstance(decision, Hold):
        assert decision.until is not None
        assert now < decision.until <= now + timedelta(hours=25)
        now = decision.until
        assert isinstance(decide(facts(SMS, now=now, zone=zone), rules), Send)
    assert in_window(now, zone, time(8), time(21))
    assert local(now, zone).date() >= date(2025, 12, 31)


def test_a_refusal_on_one_channel_holds_every_channel() -> None:
    held = replace(SMS, held=True)
    for preferred in (Channel.EMAIL, Channel.VOICE, None):
        assert isinstance(decide(facts(held, VOICE, MAIL, preferred=preferred), RULES), Hold)


def test_a_number_that_takes_no_texts_is_called() -> None:
    no_text = frozenset({tried_key(Channel.SMS, SMS.address)})
    assert chosen(decide(facts(SMS, VOICE, MAIL, tried=no_text), RULES)) is Channel.VOICE
    assert chosen(decide(facts(SMS, VOICE, MAIL, tried=frozenset({SMS.address})), RULES)) is Channel.EMAIL


def test_a_caregiver_is_told_only_with_the_patients_authorization() -> None:
    caregiver = replace(SMS, address="+14045550144", unauthorized=True)
    refused = decide(facts(caregiver), RULES)
    assert isinstance(refused, StaffCall)
    assert "authorization" in refused.reason
    assert chosen(decide(facts(replace(caregiver, unauthorized=False)), RULES)) is Channel.SMS


def test_a_number_nobody_was_asked_about_is_messaged_only_where_that_is_free_to_its_owner() -> None:
    assert not Rules().free_to_end_user, "off unless a pharmacy says so"
    unasked = replace(SMS, basis=ContactBasis.NOT_ASKED)
    free = Rules(free_to_end_user=True)
    assert isinstance(decide(facts(unasked), RULES), StaffCall)
    assert chosen(decide(facts(unasked), free)) is Channel.SMS
    assert isinstance(decide(facts(replace(MAIL, basis=ContactBasis.NOT_ASKED)), free), StaffCall)
    for said_no in (ContactBasis.DECLINED, ContactBasis.REVOKED):
        assert not isinstance(decide(facts(replace(SMS, basis=said_no)), free), Send)
    # The exemption's own limits: one a day, three in seven days, ready notices too.
    for sent in ({"sent_today": 1}, {"sent_week": 3}):
        assert isinstance(decide(facts(replace(unasked, **sent), purpose=Purpose.READY), free), Hold)
