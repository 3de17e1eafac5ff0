"""How the Patient page shows what was said, measured and done: plain values for the page."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, TypedDict

from medsync_app.domain.states import ExceptionState
from medsync_app.domain.step_names import step_name
from medsync_app.reads.drug_questions import DrugQuestion
from medsync_app.reads.patient import Task
from medsync_app.reads.patient_history import Act, Utterance
from medsync_app.reads.patient_supply import Measure
from medsync_app.ui import format as say
from medsync_app.ui.states.patient_views import CHANNELS

ACTS: Final[Mapping[str, str]] = {
    "view_patient": "Looked at the patient",
    "enroll": "Enrolled",
    "mark_ready": "Marked ready",
    "undo_ready": "Took back ready",
    "confirm_pickup": "Confirmed the pickup",
    "undo_pickup": "Took back the pickup",
    "approve_plan": "Approved the plan",
    "write_note": "Wrote a note",
    "resolve_exception": "Settled a task",
    "comment_exception": "Commented on a task",
    "answer_same_drug": "Answered whether a medicine replaces another",
    "decide_new_drug": "Decided whether a medicine takes part",
    "record_care": "Recorded what adherence leaves out",
    "correct_care": "Corrected what adherence leaves out",
    "remove_care": "Removed what adherence left out",
    "postpone_exception": "Put off a task",
    "merge_patients": "Merged another record into this one",
}


class UtteranceView(TypedDict):
    """One message."""

    id: str
    inbound: bool
    at: str
    what: str
    text: str
    state: str
    reason: str


class MeasureView(TypedDict):
    """Adherence of one class or drug."""

    label: str
    pdc: str
    width: str
    tone: str
    verdict: str
    left: str
    gaps: str
    note: str


class TaskView(TypedDict):
    """One task."""

    id: str
    kind: str
    summary: str
    due: say.DueText
    state: str
    outcome: str
    open: bool


class QuestionView(TypedDict):
    """A drug that waits for a pharmacist; `newer` "" for a new one that takes no part yet."""

    therapy_id: str
    name: str
    newer: str


class NoteView(TypedDict):
    """A note, or one line of the history."""

    id: str
    head: str
    text: str


def utterance_view(one: Utterance, now: datetime, zone: str) -> UtteranceView:
    """One message of the conversation."""
    channel = CHANNELS[one.channel] if one.channel else ""
    what = channel if one.inbound else f"{step_name(one.step)}{f', {channel.lower()}' if channel else ''}"
    return {
        "id": one.id,
        "inbound": one.inbound,
        "at": say.moment(one.at, now, zone),
        "what": what,
        "text": one.text,
        "state": one.state.value if one.state else "",
        "reason": say.code_words(one.reason) if one.inbound else one.reason,
    }


def _span(first: date, last: date, today: date) -> str:
    end = "" if first == last else f" to {say.day(last, today)}"
    return f"{say.day(first, today)}{end}"


def measure_view(measure: Measure, today: date) -> MeasureView:
    """Adherence in words; below 80 % is told apart from what can still be reached."""
    result = measure.result
    tone = "good" if result.pdc >= 0.8 else "bad" if measure.lost else "warn"
    verdict = {"good": "On track", "warn": "Below 80 %", "bad": "Cannot reach 80 % this year"}[tone]
    gaps = [
        f"{_span(gap.first, gap.last, today)} ({say.plural(gap.days, 'day')})" for gap in measure.gaps[-4:]
    ]
    left = f"{say.plural(measure.left, 'day')} left" if measure.left >= 0 else "none left"
    return {
        "label": measure.label,
        "pdc": say.percent(result.pdc),
        "width": f"{result.pdc * 100:.1f}%",
        "tone": tone,
        "verdict": verdict,
        "left": left,
        "gaps": "; ".join(gaps) or "No days without supply",
        "note": "" if result.in_denominator else "Not in the measure yet",
    }


def question_view(question: DrugQuestion) -> QuestionView:
    """One drug that waits."""
    return {"therapy_id": question.therapy_id, "name": question.name, "newer": question.newer}


def task_view(task: Task, now: datetime, zone: str) -> TaskView:
    """One task of the patient."""
    is_open = task.state is ExceptionState.OPEN
    outcome = f"{task.outcome} ({task.closed_by})" if task.closed_by else task.outcome
    return {
        "id": task.id,
        "kind": say.code_words(task.kind.value),
        "summary": task.summary,
        "due": say.due_instant(task.due_at, now, zone) if is_open else say.NO_DATE,
        "state": task.state.value,
        "outcome": "" if is_open else outcome,
        "open": is_open,
    }


def act_view(act: Act, now: datetime, zone: str) -> NoteView:
    """One line of the history."""
    return {
        "id": str(act.id),
        "head": f"{say.moment(act.at, now, zone)}, {act.by}",
        "text": ACTS.get(act.act, say.code_words(act.act)),
    }
