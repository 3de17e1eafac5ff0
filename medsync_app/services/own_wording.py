"""A wording that a person wrote for one message: what it must hold, and whether it may go as it is."""

from medsync_app.domain.contact_rules import SHORT_TEXT
from medsync_app.domain.sms_text import in_gsm, measure
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.domain.wordings import written_phone
from medsync_app.errors import Invalid
from medsync_app.services.message_text import Topic
from medsync_app.services.render_message import MAX_BODY, Text
from medsync_app.store.tables import Pharmacy, ScheduledAction

#: Where an action keeps it.
KEY = "own_wording"


def check_own_wording(text: str, pharmacy: Pharmacy, *, express: bool) -> str:
    """The text as it will be kept; Invalid (field "wording") says what it lacks.

    Patients must be able to tell who writes, and how to end it; without express consent there must also be a
    number to call, within one text message.
    """
    clean = text.strip() if express else in_gsm(text.strip())
    if not clean:
        raise Invalid("Write the message first.", "wording")
    if len(clean) > MAX_BODY:
        raise Invalid(f"Keep it to {MAX_BODY} characters.", "wording")
    for missing, what in _parts(clean, pharmacy, express=express):
        if missing:
            raise Invalid(f"The message must hold {what}.", "wording")
    if not express and (len(clean) > SHORT_TEXT or measure(clean).segments > 1):
        raise Invalid(
            f"The patient has given no express consent: keep it to {SHORT_TEXT} plain characters, one text message.",
            "wording",
        )
    return clean


def own_text(
    action: ScheduledAction,
    pharmacy: Pharmacy,
    topic: Topic,
    channel: Channel,
    basis: ContactBasis,
    usual: Text,
) -> Text:
    """What goes out: the wording written for this message while it still fits, else the usual one.

    It does not fit when the message speaks for a whole household by now, or when the consent has changed.
    """
    text = action.payload.get(KEY)
    if not isinstance(text, str) or topic.template != action.payload.get("action", {}).get("template"):
        return usual
    try:
        body = check_own_wording(
            text, pharmacy, express=basis is ContactBasis.EXPRESS or channel is Channel.EMAIL
        )
    except Invalid:
        return usual
    return Text(body, usual.subject)


def _parts(text: str, pharmacy: Pharmacy, *, express: bool) -> list[tuple[bool, str]]:
    digits = "".join(c for c in text if c.isdigit())
    number = "".join(c for c in pharmacy.phone if c.isdigit())[-10:]
    return [
        (
            in_gsm(pharmacy.name[:40]).casefold() not in in_gsm(text).casefold(),
            f"the name of the pharmacy ({pharmacy.name[:40]})",
        ),
        ("STOP" not in text.upper(), "how to end the messages (the word STOP)"),
        (
            not express and bool(number) and number not in digits,
            f"the pharmacy's telephone number ({written_phone(pharmacy.phone)})",
        ),
    ]
