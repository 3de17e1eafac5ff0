"""What the steps that cause messages and tasks are called, for people."""

from collections.abc import Mapping
from typing import Any

from medsync_app.domain.workflow_default import default_document

#: Messages that no step of a workflow causes, and the steps as they come.
_NAMES: Mapping[str, str] = {
    **{step["id"]: step["name"] for step in default_document()["steps"]},
    "date_changed": "Tells the new date",
    "opt_out_confirmation": "Confirms that messages end",
    "answer_confirmed": "Answer: confirmed",
    "answer_call": "Answer: we call you",
    "start": "Answer: messages start again",
    "help": "Answer: help",
    "test_message": "Test message",
}


def step_name(step: str, payload: Mapping[str, Any] | None = None) -> str:
    """A step's name: as the workflow called it when its action was queued, else the usual one."""
    named = (payload or {}).get("name")
    if isinstance(named, str) and named:
        return named
    return _NAMES.get(step) or step.replace("_", " ").capitalize()
