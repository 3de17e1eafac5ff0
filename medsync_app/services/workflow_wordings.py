"""Checks what the messages of a workflow say, before anybody may publish it."""

from collections.abc import Collection, Mapping
from typing import Any

from medsync_app.domain.states import Channel
from medsync_app.domain.wordings import NAMES
from medsync_app.domain.workflow import Action, Workflow
from medsync_app.errors import Invalid
from medsync_app.services.render_message import check_template

#: What a message without channels of its own may go out on today.
_USUAL = (Channel.SMS.value, Channel.EMAIL.value)


def check_wordings(workflow: Workflow, own_templates: Collection[str]) -> None:
    """Raise Invalid, naming step and field, for a wording that cannot be used or is missing."""
    for index, step in enumerate(workflow.steps):
        for number, action in enumerate(step.actions):
            if action.do == "message":
                _check(action, f"steps[{index}].actions[{number}]", step.id, own_templates)


def _check(action: Action, where: str, step_id: str, own_templates: Collection[str]) -> None:
    wordings: Mapping[str, Mapping[str, str]] = action.options.get("wordings", {})
    for language, texts in wordings.items():
        for name, text in texts.items():
            try:
                check_template(text)
            except Invalid as error:
                raise Invalid(f"{step_id}: {error.message}", f"{where}.wordings.{language}.{name}") from error
    template = str(action.options["template"])
    if template in NAMES or template in own_templates:
        return
    language = str(action.options.get("language", "en"))
    for name in _needed(action.options):
        if name not in wordings.get(language, {}):
            raise Invalid(
                f"{step_id}: there is no wording named {template}, so write one here.",
                f"{where}.wordings.{language}.{name}",
            )


def _needed(options: Mapping[str, Any]) -> list[str]:
    channels = list(options.get("channels", _USUAL))
    return [*channels, "email_subject"] if Channel.EMAIL in channels else channels
