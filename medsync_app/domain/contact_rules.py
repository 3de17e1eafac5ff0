"""Whether, when and where a patient may be contacted (DOMAIN.md section 5): one decision per message."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from medsync_app.domain.consent import may_use
from medsync_app.domain.local_time import day_bounds, in_window, next_opening
from medsync_app.domain.states import Channel, ContactBasis

#: The law's bounds of the contact window; a pharmacy's own lies inside.
EARLIEST, LATEST = time(8, 0), time(21, 0)
#: A text to a number without express consent may have this many characters (47 CFR 64.1200(a)(9)(iv)).
SHORT_TEXT = 160
#: Why nothing goes to who sent a stop word.
ASKED_TO_STOP = "The patient asked not to be sent automated messages."
_FALLBACK = (Channel.SMS, Channel.VOICE, Channel.EMAIL)


class Purpose(StrEnum):
    """What a message is for: it decides which caps hold."""

    REMINDER = "reminder"
    READY = "ready"
    #: A direct answer to what the patient has just sent.
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Reach:
    """One way to reach the patient, with what is known of the number itself."""

    channel: Channel
    address: str
    basis: ContactBasis
    landline: bool = False
    #: A caregiver's: a stop of theirs is not the patient's.
    caregiver: bool = False
    #: A caregiver's, and the patient's authorization of that is not recorded.
    unauthorized: bool = False
    opted_out: bool = False
    unreachable: bool = False
    #: Somebody else was found at it, and nobody has confirmed since that it is the patient's.
    wrong: bool = False
    held: bool = False
    #: When the basis was given, or messages were stopped.
    asked_at: datetime | None = None
    #: Messages sent to this number, whoever they were for: this local day, and in the 7 days up to now.
    sent_today: int = 0
    sent_week: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """A pharmacy's settings."""

    opens: time = time(9, 0)
    closes: time = time(20, 0)
    per_day_express: int = 1
    per_day_given: int = 1
    per_week_given: int = 3
    #: Texts and calls cost nothing to whoever gets them: the FCC's exemption for healthcare needs that.
    free_to_end_user: bool = False
    #: A stop word ends every automated channel, not only the one it came on.
    stop_ends_all: bool = True
    #: False only where nothing can reach a real person: a demo pharmacy.
    bounded: bool = True

    @property
    def window(self) -> tuple[time, time]:
        """The window, never wider than the law's."""
        if not self.bounded:
            return self.opens, self.closes
        return max(self.opens, EARLIEST), min(self.closes, LATEST)


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """One message to one patient at one moment; `reaches` in the order in which they are tried."""

    now: datetime
    #: The patient's IANA zone.
    zone: str
    purpose: Purpose
    reaches: tuple[Reach, ...]
    useful_until: datetime | None = None
    preferred: Channel | None = None
    #: The channels in which a segment of patients is tried first (the others follow).
    segment: tuple[Channel, ...] = ()
    #: The only channels this message may take, in their order, when its step names some.
    only: tuple[Channel, ...] = ()
    deceased: bool = False
    #: Channels that have a connection, and those of them that are stopped.
    available: frozenset[Channel] = frozenset(Channel)
    stopped: frozenset[Channel] = frozenset()
    #: Ways that have refused this message already: one channel of an address (`tried_key`), or all of it.
    tried: frozenset[str] = frozenset()
    #: The household's message that goes out now, and which this one could be part of: its channel and number.
    joins: tuple[Channel, str] | None = None


@dataclass(frozen=True, slots=True)
class Send:
    channel: Channel
    address: str
    basis: ContactBasis


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now: look again at `until`; None means when a person has decided."""

    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Suppress:
    reason: str
    #: The patient asked for it: no other automated channel may be used.
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Merge:
    """Said together with the household's message that goes to the same number now."""

    reason: str


@dataclass(frozen=True, slots=True)
class StaffCall:
    """No message can reach the patient: a person calls."""

    reason: str


Decision = Send | Hold | Suppress | Merge | StaffCall


def decide(facts: ContactFacts, rules: Rules) -> Decision:
    """What to do with a message now. The reason is in plain words and holds no patient data."""
    if facts.deceased:
        return Suppress("The patient has died.")
    if facts.purpose is Purpose.REPLY:
        return _reply(facts)
    chosen = _choose(facts, rules)
    if not isinstance(chosen, Reach):
        return chosen
    if _may_join(chosen, facts, rules):
        return Merge("Said in the message that this household's number gets today.")
    wait = _window(facts, rules) or _cap(facts, rules, chosen)
    return wait or Send(chosen.channel, chosen.address, chosen.basis)


def joins(facts: ContactFacts, rules: Rules) -> bool:
    """Whether a message could be part of the household's, whatever window and caps say."""
    chosen = _choose(facts, rules)
    return isinstance(chosen, Reach) and _may_join(chosen, facts, rules)


def way(facts: ContactFacts, rules: Rules) -> Reach | None:
    """The way a message would take now, whatever window and caps say; None when there is none."""
    if facts.purpose is Purpose.REPLY:
        return next(iter(facts.reaches), None)
    chosen = _choose(facts, rules)
    return chosen if isinstance(chosen, Reach) else None


def _may_join(chosen: Reach, facts: ContactFacts, rules: Rules) -> bool:
    """Whether the patient would be reached at the number of `joins`, and may be told there by its channel.

    Also one who would be called is told in a text, if texts may go: the number has one message a day, and a basis is
    one of a channel.
    """
    if (
        facts.joins is None
        or facts.joins[1] != chosen.address
        or facts.joins[0] not in (facts.only or Channel)
    ):
        return False
    return any(
        (reach.channel, reach.address) == facts.joins
        and not _stopped(reach)
        and _obstacle(reach, facts, rules) is None
        for reach in facts.reaches
    )


def _reply(facts: ContactFacts) -> Decision:
    """An answer goes back to where the question came from, at once."""
    for reach in facts.reaches:
        if reach.channel in facts.available and not _tried(reach, facts):
            if reach.channel in facts.stopped:
                return Hold(facts.now + timedelta(minutes=15), "The channel is stopped.")
            return Send(reach.channel, reach.address, reach.basis)
    return Suppress("There is no way to answer on the channel the message came from.")


def in_order(facts: ContactFacts) -> Iterator[Reach]:
    """The ways to reach a patient: the patient's choice, then the step's order, the segment's or the usual one."""
    order = facts.only or (*facts.segment, *_FALLBACK)
    if facts.preferred in order:
        order = (facts.preferred, *order)
    for channel in dict.fromkeys(order):
        yield from (reach for reach in facts.reaches if reach.channel is channel)


def _choose(facts: ContactFacts, rules: Rules) -> Reach | Decision:
    """The first way that may be used; what stands in its way when there is none."""
    why: list[str] = []
    waiting: Hold | None = None
    held = any(reach.held for reach in facts.reaches)
    # A step that leaves out the channel of a stop word must not get round it.
    narrowed = facts.only and facts.preferred not in facts.only
    stopped_at = _stopped_at(facts, rules) if narrowed else None
    for reach in in_order(facts):
        if _stopped(reach):
            stopped_at = stopped_at or _stopped_at(facts, rules)
            why.append("opted out")
        elif stopped_at is not None and not _agreed_since(reach, stopped_at):
            continue
        elif held:  # what was said about one way to reach the patient holds all of them
            return Hold(None, "Held until somebody decides about the patient's answer.")
        elif (obstacle := _obstacle(reach, facts, rules)) is not None:
            why.append(obstacle)
        elif reach.channel in facts.stopped:
            waiting = Hold(
                facts.now + timedelta(minutes=15), "The channel is stopped: its settings need correcting."
            )
        else:
            return reach
    if waiting is not None:
        return waiting
    if stopped_at is not None:
        return Suppress(ASKED_TO_STOP, opted_out=True)
    return StaffCall(
        "No message can reach the patient: " + (", ".join(dict.fromkeys(why)) or "no number") + "."
    )


def is_wrong(found_at: datetime | None, confirmed_at: datetime | None) -> bool:
    """Whether a number was found to be wrong, and nobody has said since that it is the patient's."""
    return found_at is not None and (confirmed_at is None or confirmed_at <= found_at)


def tried_key(channel: Channel, address: str) -> str:
    """How one channel of an address is named among the ways that were tried."""
    return f"{channel.value}:{address}"


def _tried(reach: Reach, facts: ContactFacts) -> bool:
    return not facts.tried.isdisjoint({reach.address, tried_key(reach.channel, reach.address)})


def _stopped(reach: Reach) -> bool:
    return reach.opted_out or reach.basis is ContactBasis.REVOKED


def _stopped_at(facts: ContactFacts, rules: Rules) -> datetime | None:
    """When the patient stopped all automated channels; None when they did not, or a stop ends its own only."""
    own = [reach for reach in facts.reaches if not reach.caregiver]
    stops = [reach.asked_at or facts.now for reach in own if _stopped(reach)]
    return max(stops, default=None) if rules.stop_ends_all else None


def _agreed_since(reach: Reach, stopped_at: datetime) -> bool:
    """Whether the patient agreed to this way after the stop: then it is no fall-back from what was stopped."""
    express = reach.basis is ContactBasis.EXPRESS
    return express and reach.asked_at is not None and reach.asked_at > stopped_at


def _obstacle(reach: Reach, facts: ContactFacts, rules: Rules) -> str | None:
    if not may_use(reach.channel, reach.basis, free_to_end_user=rules.free_to_end_user):
        return "no consent"
    if reach.unauthorized:
        return "a caregiver without the patient's authorization"
    if _tried(reach, facts):
        return "refused by the provider"
    if reach.wrong:
        return "a wrong number"
    if reach.unreachable:
        return "unreachable"
    if reach.channel is Channel.SMS and reach.landline:
        return "a landline"
    if reach.channel not in facts.available:
        return f"no connection or wording for {reach.channel.value}"
    return None


def _window(facts: ContactFacts, rules: Rules) -> Decision | None:
    opens, closes = rules.window
    if in_window(facts.now, facts.zone, opens, closes):
        return None
    opening = next_opening(facts.now, facts.zone, opens, closes)
    return _until(opening, facts, "Outside the contact window.")


def _cap(facts: ContactFacts, rules: Rules, reach: Reach) -> Decision | None:
    """The caps belong to the number: families share phones."""
    express = reach.basis is ContactBasis.EXPRESS
    if express and facts.purpose is Purpose.READY:
        return None
    opens, closes = rules.window
    if not express and reach.sent_week >= rules.per_week_given:
        tomorrow = next_opening(day_bounds(facts.now, facts.zone)[1], facts.zone, opens, closes)
        return _until(tomorrow, facts, f"This number had {reach.sent_week} messages in 7 days.")
    if reach.sent_today >= (rules.per_day_express if express else rules.per_day_given):
        tomorrow = next_opening(day_bounds(facts.now, facts.zone)[1], facts.zone, opens, closes)
        return _until(tomorrow, facts, "This number had its message of today.")
    return None


def _until(instant: datetime, facts: ContactFacts, reason: str) -> Decision:
    """Hold, but never past the usefulness of the message."""
    if facts.useful_until is not None and instant >= facts.useful_until:
        return Suppress(f"{reason} Later it is of no use.")
    return Hold(instant, reason)
