"""The wordings that a step of the workflow would use where it has none of its own."""

from dataclasses import dataclass

from medsync_app.domain.message_fields import sample_values
from medsync_app.domain.wordings import DEFAULTS
from medsync_app.errors import Invalid
from medsync_app.services.render_message import render_text
from medsync_app.store.repositories.messaging import template_bodies
from medsync_app.store.session import Tx


@dataclass(frozen=True, slots=True)
class Usual:
    """A wording with its subject (e-mails); "" when there is none of that name."""

    body: str = ""
    subject: str = ""


def usual_wording(tx: Tx, pharmacy_id: str, name: str, language: str, channel: str) -> Usual:
    """The pharmacy's own wording of that name, else ours."""
    own = template_bodies(tx, pharmacy_id, [name]).get((name, language, channel))
    ours = DEFAULTS.get((name, language, channel))
    return Usual(own or (ours.body if ours else ""), ours.subject if ours else "")


def with_samples(text: str, language: str, channel: str) -> str:
    """The text with invented values in it; "" when it cannot be read."""
    values = {**next(iter(sample_values())), "language": language, "channel": channel}
    try:
        return render_text(text, values)
    except Invalid:
        return ""
