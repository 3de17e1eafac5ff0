"""Renders the wording of a message: a pharmacy's own template or ours, by python-liquid with limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError

from medsync_app.domain.sms_text import measure
from medsync_app.domain.states import Channel
from medsync_app.domain.wordings import DEFAULTS, LANGUAGES
from medsync_app.errors import Invalid
from medsync_app.store.repositories.messaging import template_bodies
from medsync_app.store.session import Tx

#: What a template may name.
VARIABLES = frozenset({
    "pharmacy", "phone", "place", "medicines", "count", "missing", "day", "days", "people", "hours", "since", "until",
})  # fmt: skip
MAX_BODY = 1_600


class _Limited(Environment):
    loop_iteration_limit = 200
    output_stream_limit = 10_000
    local_namespace_limit = 10_000
    context_depth_limit = 5
    block_nesting_limit = 10


@dataclass(frozen=True, slots=True)
class Text:
    """A rendered message."""

    body: str
    subject: str = ""


@lru_cache
def _environment() -> Environment:
    environment = _Limited(undefined=StrictUndefined, strict_filters=True, autoescape=False)
    for tag in ("include", "render"):
        environment.tags.pop(tag, None)
    return environment


@lru_cache(maxsize=512)
def _compiled(source: str) -> BoundTemplate:
    return _environment().from_string(source)


def render_text(source: str, variables: Mapping[str, object]) -> str:
    """Fill in one template. Raises Invalid when it is malformed, names something unknown or grows too large."""
    try:
        return _compiled(source).render(**variables).strip()
    except LiquidError as error:
        raise Invalid(
            f"This template cannot be used: {type(error).__name__}. Correct its wording.", "body"
        ) from error


def check_template(source: str) -> None:
    """Raise Invalid unless a template can be rendered with the variables there are."""
    render_text(source, dict.fromkeys(VARIABLES, "x"))


def render(
    tx: Tx,
    pharmacy_id: str,
    name: str,
    language: str,
    channel: Channel,
    variables: Mapping[str, object],
    *,
    most: int | None = None,
) -> Text:
    """The text of a message in the patient's language (English when we have no wording in it).

    `most` bounds the characters of a text message in one segment: a wording that is longer gives way to a
    shorter one of ours. Invalid when even that does not fit, or when the pharmacy's own wording is broken.
    """
    names = (name, f"{name}_short")
    own = template_bodies(tx, pharmacy_id, names)
    choices: list[tuple[str, str]] = []
    for tried in (language if language in LANGUAGES else "en", "en"):
        for which in names:
            wording = DEFAULTS.get((which, tried, channel.value))
            body = own.get((which, tried, channel.value))
            if body is not None:
                choices.append((body, wording.subject if wording else ""))
            if wording is not None:
                choices.append((wording.body, wording.subject))
        if choices:
            break
    if not choices:
        raise Invalid(f"There is no wording {name} for {channel.value}.", "template")
    for body, subject in choices:
        text = Text(render_text(body, variables)[:MAX_BODY], render_text(subject, variables))
        if most is None or channel is not Channel.SMS or _fits(text.body, most):
            return text
    raise Invalid(f"Every wording of {name} is longer than {most} characters: shorten it.", "body")


def _fits(body: str, most: int) -> bool:
    return len(body) <= most and measure(body).segments == 1
