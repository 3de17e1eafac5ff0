"""How the messages page shows a message, a reply and what can be done with them: plain values."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypedDict

from medsync_app.domain.sms_text import measure
from medsync_app.domain.states import ActionState, Channel
from medsync_app.domain.step_names import step_name
from medsync_app.reads.messages import Message, MessageDetail, Reply, Try
from medsync_app.reads.places import Here
from medsync_app.services.edit_message import AGAIN, OPEN
from medsync_app.ui import format as say

CHANNELS: Final[Mapping[str, str]] = {"sms": "Text", "voice": "Call", "email": "E-mail"}
MEANINGS: Final[Mapping[str, tuple[str, str]]] = {
    "confirm": ("Confirmed", "good"), "change": ("Wants another date", "warn"),
    "call": ("Asks for a call", "warn"), "stop": ("Wants no messages", "bad"),
    "start": ("Wants messages again", "good"), "help": ("Asked for help", "info"),
    "wrong_number": ("Wrong number", "bad"),
    "refusal": ("Seems to refuse", "bad"), "free_text": ("Wrote freely", "info"),
}  # fmt: skip
_OUTCOMES: Final[Mapping[str, str]] = {
    "calling": "call began", "sent": "accepted", "permanent": "refused for good",
    "configuration": "refused: settings", "transient": "try again later", "in_doubt": "not known",
    "not_sent": "did not go out", "not_called": "not begun",
}  # fmt: skip


class MessageView(TypedDict):
    """One line of the list."""

    id: str
    href: str
    step: str
    name: str
    patient_id: str
    place: str
    channel: str
    when: say.DueText
    state: str
    reason: str


class ReplyView(TypedDict):
    """One line of the replies."""

    id: str
    name: str
    patient_id: str
    place: str
    phone: str
    body: str
    meaning: str
    tone: str
    outcome: str
    when: say.DueText
    task_id: str


class TryView(TypedDict):
    """One call."""

    head: str
    detail: str


class DetailView(TypedDict):
    """The open message."""

    id: str
    step: str
    name: str
    patient_id: str
    state: str
    reason: str
    body: str
    preview: bool
    no_preview: str
    size: str
    own: bool
    channel: str
    address: str
    when: str
    until: str
    pickup: str
    tries: list[TryView]
    can_cancel: bool
    can_edit: bool
    can_again: bool
    can_settle: bool


NO_DETAIL: Final[DetailView] = {
    "id": "", "step": "", "name": "", "patient_id": "", "state": "", "reason": "", "body": "", "preview": False,
    "no_preview": "", "size": "", "own": False, "channel": "", "address": "", "when": "", "until": "", "pickup": "",
    "tries": [], "can_cancel": False, "can_edit": False, "can_again": False, "can_settle": False,
}  # fmt: skip


def message_view(row: Message, place: Here, now: datetime, *, href: str, several: bool) -> MessageView:
    """One line; times that have passed are no lateness here."""
    at = row.sent_at or row.due_at
    when = say.due_instant(at, now, place.zone)
    late = row.sent_at is None and row.state is ActionState.QUEUED and row.due_at < now
    return {
        "id": row.id,
        "href": href,
        "step": row.name or step_name(row.step),
        "name": say.patient_name(row.last_name, row.first_name) if row.last_name else "",
        "patient_id": row.patient_id,
        "place": place.name if several else "",
        "channel": CHANNELS.get(row.channel.value, "") if row.channel else "",
        "when": {**when, "tone": "warn" if late else "neutral", "relative": _relative(when["relative"])},
        "state": _shown_state(row),
        "reason": row.reason,
    }


def _shown_state(row: Message) -> str:
    """A message that waits for a time with a reason is held, like one that waits for a person."""
    waits = row.state is ActionState.QUEUED and row.reason
    return ActionState.HELD.value if waits else row.state.value


def _relative(text: str) -> str:
    return "today" if text == "today, overdue" else text


def reply_view(row: Reply, place: Here, now: datetime, *, several: bool) -> ReplyView:
    """One reply."""
    meaning, tone = MEANINGS.get(row.meaning, (say.code_words(row.meaning), "neutral"))
    when = say.due_instant(row.received_at, now, place.zone)
    return {
        "id": row.id,
        "name": say.patient_name(row.last_name, row.first_name) if row.last_name else "",
        "patient_id": row.patient_id,
        "place": place.name if several else "",
        "phone": say.phone(row.address),
        "body": row.body,
        "meaning": meaning,
        "tone": tone,
        "outcome": say.code_words(row.outcome),
        "when": {**when, "tone": "neutral", "relative": _relative(when["relative"])},
        "task_id": row.task_id,
    }


def detail_view(found: MessageDetail, now: datetime, *, may_change: bool) -> DetailView:
    """The open message, with what this person may do with it."""
    row, zone = found.message, found.place.zone
    real = row.kind == "message"
    waits = row.state in OPEN
    went = say.moment(row.sent_at, now, zone)
    channel = found.likely if found.preview else row.channel
    return {
        "id": row.id,
        "step": row.name or step_name(row.step),
        "name": say.patient_name(row.last_name, row.first_name) if row.last_name else "",
        "patient_id": row.patient_id,
        "state": _shown_state(row),
        "reason": row.reason,
        "body": found.body,
        "preview": found.preview,
        "no_preview": found.no_preview,
        "size": _size(found.body) if channel in (None, Channel.SMS) and found.body else "",
        "own": bool(found.own_wording),
        "channel": _channel_words(None if found.preview else row.channel, found.likely),
        "address": say.phone(found.address) or "Chosen when it goes",
        "when": went or say.moment(row.due_at, now, zone),
        "until": say.moment(found.stale_at, now, zone),
        "pickup": say.day(found.pickup_on, found.place.today),
        "tries": [_try_view(one, now, zone) for one in found.tries],
        "can_cancel": may_change and waits,
        "can_edit": may_change and waits and real and not found.no_preview,
        "can_again": may_change and real and row.state in AGAIN,
        "can_settle": may_change and row.state is ActionState.IN_DOUBT,
    }


def _channel_words(used: Channel | None, likely: Channel | None) -> str:
    if used is not None:
        return CHANNELS[used.value]
    return f"{CHANNELS[likely.value]}, as things are now" if likely else "Chosen when it goes"


def _size(body: str) -> str:
    size = measure(body)
    return f"{say.plural(len(body), 'character')}, {say.plural(size.segments, 'text message')}"


def _try_view(one: Try, now: datetime, zone: str) -> TryView:
    error = f"{one.error} ({one.error_code})" if one.error_code else one.error
    settled = {"": "", "list": "Settled by asking the provider.", "person": "Left to a person."}.get(
        one.settled_by, "Settled by a person."
    )
    return {
        "head": f"{say.moment(one.started_at, now, zone)}, {CHANNELS[one.channel.value].lower()}: "
        f"{_OUTCOMES.get(one.outcome, say.code_words(one.outcome).lower())}",
        "detail": " ".join(part for part in (error, settled) if part),
    }
