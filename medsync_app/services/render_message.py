"""Renders the wording of a message: the step's own, the pharmacy's template or ours, by python-liquid within bounds.

Liquid's own limits count loops and output, but not the time of one filter or comparison: `replace` in a row grows
tenfold each time, and `(1..10000000000) contains "x"` walks for minutes. So only what cannot grow is allowed at all.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from liquid import BoundTemplate, Environment, StrictUndefined
from liquid.exceptions import LiquidError

from medsync_app.domain.document_fields import STORABLE
from medsync_app.domain.message_fields import FIELDS, sample_values
from medsync_app.domain.sms_text import in_gsm, measure
from medsync_app.domain.states import Channel
from medsync_app.domain.wordings import DEFAULTS, LANGUAGES
from medsync_app.domain.workflow_fields import MAX_WORDING
from medsync_app.errors import Invalid
from medsync_app.logs import get_logger
from medsync_app.store.repositories.messaging import template_bodies
from medsync_app.store.session import Tx

MAX_BODY = 1_600
#: Conditions, and filters whose result is no longer than what they are given.
_TAGS = frozenset({"if", "unless", "case"})
_FILTERS = frozenset({"upcase", "downcase", "capitalize", "strip", "size", "default", "truncate"})
#: Parts of the grammar that are no tags people write: text, `{{ }}`, comments, and what marks a stray tag.
_GRAMMAR = frozenset({"content", "output", "comment", "#", "illegal"})
_MARKUP = re.compile(r"{[{%].*?[%}]}", re.DOTALL)
NO_WORDINGS: Mapping[str, Mapping[str, str]] = {}


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
    for tag in set(environment.tags) - _TAGS - _GRAMMAR:
        del environment.tags[tag]
    for name in set(environment.filters) - _FILTERS:
        del environment.filters[name]
    return environment


@lru_cache(maxsize=512)
def _compiled(source: str) -> BoundTemplate:
    if len(source) > MAX_WORDING:
        raise Invalid(f"Keep a wording to {MAX_WORDING} characters.", "body")
    if any(".." in markup for markup in _MARKUP.findall(source)):
        raise Invalid("A wording cannot use ranges such as (1..5): remove them.", "body")
    return _environment().from_string(source)


@lru_cache(maxsize=512)
def _rendered(source: str, variables: tuple[tuple[str, object], ...]) -> str:
    """Kept: most messages of a morning say the same to all."""
    return _compiled(source).render(**dict(variables)).strip()


def render_text(source: str, variables: Mapping[str, object]) -> str:
    """Fill in one template. Raises Invalid when it is malformed, names something unknown or grows too large."""
    try:
        return _rendered(source, tuple(variables.items()))
    except (LiquidError, RecursionError) as error:
        raise Invalid(
            f"This template cannot be used: {type(error).__name__}. Correct its wording.", "body"
        ) from error


def check_template(source: str) -> None:
    """Raise Invalid (field "body") unless a wording works for every patient it may meet.

    Fields are looked for in every branch, also in one that no sample takes; no patient may get an empty message.
    """
    if not re.fullmatch(f"{STORABLE}*", source):
        raise Invalid("This wording holds a character that cannot be kept: write it anew.", "body")
    try:
        used = _compiled(source).analyze()
    except (LiquidError, RecursionError) as error:
        raise Invalid(
            f"This wording cannot be read: {error.args[0] if error.args else ''}.", "body"
        ) from error
    for name, places in used.variables.items():
        if name not in FIELDS or any(len(place.segments) > 1 for place in places):
            raise Invalid(f"There is no field {name}. Fields are: {', '.join(sorted(FIELDS))}.", "body")
    for name in used.filters:
        if name not in _FILTERS:
            raise Invalid(f"There is no filter {name}. Filters are: {', '.join(sorted(_FILTERS))}.", "body")
    for values in sample_values():
        body = render_text(source, values)
        if not body:
            case = ", ".join(
                f"{name} {values[name]}" for name in ("language", "channel", "age", "fulfilment")
            )
            raise Invalid(f"This wording would be an empty message ({case}): write a text for all.", "body")
        if len(body) > MAX_BODY:
            raise Invalid(f"This wording can exceed {MAX_BODY} characters: shorten it.", "body")


@dataclass(frozen=True, slots=True)
class _Choice:
    """One wording that could be used; ours are known to hold what the law asks for."""

    body: str
    subject: str = ""
    ours: bool = False


def render(
    tx: Tx,
    pharmacy_id: str,
    name: str,
    language: str,
    channel: Channel,
    variables: Mapping[str, object],
    *,
    most: int | None = None,
    wordings: Mapping[str, Mapping[str, str]] = NO_WORDINGS,
) -> Text:
    """The text of a message in the patient's language (English when we have no wording in it).

    `wordings` are the step's own by language: they come before the pharmacy's template of that name, and that
    before ours. `most` bounds the characters of a text message in one segment without express consent: a wording
    that is longer, or that a pharmacy wrote without its name, number or STOP, gives way to ours; accents are left out
    where they would make it longer (a name such as "Farmacia Núñez" would take all words from it). A wording that
    turns out to be broken gives way too, so that the patient hears of the pickup. Invalid when none can be used.
    """
    tried: Invalid | None = None
    own = template_bodies(tx, pharmacy_id, _names(name))
    for choice in _choices(name, language if language in LANGUAGES else "en", channel, own, wordings):
        try:
            body = render_text(choice.body, variables)[:MAX_BODY]
            text = Text(body, " ".join(render_text(choice.subject, variables).split()))
        except Invalid as error:
            get_logger().warning("wording_broken", pharmacy_id=pharmacy_id, template=name)
            tried = error
            continue
        if not body:
            continue
        if most is None or channel is not Channel.SMS:
            return text
        plain = in_gsm(body)
        if _fits(plain, most) and (choice.ours or _complete(plain, variables)):
            return Text(plain)
        tried = Invalid(f"Every wording of {name} is longer than {most} characters: shorten it.", "body")
    raise tried or Invalid(f"There is no wording {name} for {channel.value}.", "template")


def _names(name: str) -> tuple[str, str]:
    return name, f"{name}_short"


def _choices(
    name: str,
    language: str,
    channel: Channel,
    own: Mapping[tuple[str, str, str], str],
    wordings: Mapping[str, Mapping[str, str]],
) -> Iterator[_Choice]:
    """Every wording of a message, the one to be preferred first."""
    for spoken in dict.fromkeys((language, "en")):
        usual = DEFAULTS.get((name, spoken, channel.value))
        subject = usual.subject if usual else ""
        step = wordings.get(spoken, {})
        if channel.value in step:
            yield _Choice(step[channel.value], step.get("email_subject", subject))
        for which in _names(name):
            ours = DEFAULTS.get((which, spoken, channel.value))
            body = own.get((which, spoken, channel.value))
            if body is not None:
                yield _Choice(body, ours.subject if ours else subject)
            if ours is not None:
                yield _Choice(ours.body, ours.subject, ours=True)


def _fits(body: str, most: int) -> bool:
    return len(body) <= most and measure(body).segments == 1


def _complete(body: str, variables: Mapping[str, object]) -> bool:
    """It says who writes, a number to call and how to end it (47 CFR 64.1200(a)(9)(iv))."""
    named = (in_gsm(str(variables.get("pharmacy", ""))), str(variables.get("phone", "")))
    return "STOP" in body.upper() and all(part in body for part in named)
