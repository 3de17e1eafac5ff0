"""The wizard's review: what enrolling will do, message by message with the way, the time and the wording."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypedDict
from zoneinfo import ZoneInfo

from medsync_app.domain.plan_model import Option
from medsync_app.reads import enroll as reads
from medsync_app.reads.enroll_messages import PlannedMessage, planned_messages
from medsync_app.services.draft_answers import command_of
from medsync_app.services.enroll import chosen_option
from medsync_app.services.preview_enrollment import Expected, expected_steps
from medsync_app.services.propose import Proposal
from medsync_app.store.session import Tx
from medsync_app.ui import format as say
from medsync_app.ui.states import enroll_view as view
from medsync_app.ui.states.enroll_contact import contact_lines
from medsync_app.ui.states.messages_view import CHANNELS


class MessageView(TypedDict):
    """One message: when, which way, and what it says; `how` tells why when none goes."""

    id: str
    when: str
    title: str
    name: str
    batch: str
    note: str
    channel: str
    how: str
    subject: str
    body: str


class ReviewView(TypedDict):
    """Everything that the review shows."""

    summary: str
    pickup: str
    explanation: str
    reach: list[str]
    unreachable: bool
    messages: list[MessageView]
    chores: list[view.StepView]
    when_ready: str
    needs_approval: bool


NO_REVIEW: Final[ReviewView] = {
    "summary": "", "pickup": "", "explanation": "", "reach": [], "unreachable": False, "messages": [],
    "chores": [], "when_ready": "", "needs_approval": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The chosen option as it stands now, and what enrolling on it would queue."""

    proposal: Proposal
    option: Option
    expected: Expected
    messages: Sequence[PlannedMessage]


def foreseen(tx: Tx, draft: reads.Draft) -> Foreseen:
    """Work out the end of the wizard; Conflict when the chosen date is not offered any more."""
    command = command_of(draft.draft_id, draft.person.patient_id, draft.answers)
    proposal = reads.proposal_of(tx, draft)
    option = chosen_option(proposal, command.strategy, command.sync_date)
    expected = expected_steps(
        tx, draft.person.patient_id, option, cycle_days=proposal.policy.cycle_days,
        override=bool(option.breaks),
    )  # fmt: skip
    return Foreseen(proposal, option, expected, planned_messages(tx, draft, expected))


def review_view(draft: reads.Draft, found: Foreseen, now: datetime) -> ReviewView:
    """The review in words."""
    zone, option = draft.place.zone, found.option
    reach, unreachable = contact_lines(draft.answers)
    steps = view.step_views(found.expected, now, zone)
    return {
        "summary": view.summary_of(draft, [found.proposal.names[plan.id] for plan in option.medications]),
        "pickup": view.pickup_words(option, found.proposal.today, draft.answers),
        "explanation": option.explanation,
        "reach": reach,
        "unreachable": unreachable,
        "messages": [
            _message_view(number, message, now, zone) for number, message in enumerate(found.messages)
        ],
        "chores": [step for step in steps if step["kind"] != "message"],
        "when_ready": view.ready_words(found.expected),
        "needs_approval": found.expected.needs_approval,
    }


def _message_view(number: int, message: PlannedMessage, now: datetime, zone: str) -> MessageView:
    local, today = message.send_at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    at_once = message.send_at <= now
    step, channel = message.step, message.channel
    how = message.why
    if channel is not None and not how:
        size = f", {say.plural(message.segments, 'text')}" if message.segments > 1 else ""
        how = f"{CHANNELS[channel.value]} to {say.phone(message.address)}{size}"
    if message.shared:
        how = f"{how.removesuffix('.')}. {message.shared}"
    return {
        "id": f"{number}",
        "when": "At once" if at_once else f"{say.day(local.date(), today)}, {say.clock_time(local)}",
        "title": say.full_day(local.date()),
        "name": step.name,
        "batch": view.batch_words(step, today),
        "note": "After approval" if step.after_approval else "",
        "channel": channel.value if channel is not None else "",
        "how": how,
        "subject": message.subject,
        "body": message.body,
    }
