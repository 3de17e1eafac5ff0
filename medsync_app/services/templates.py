"""A pharmacy's own wordings: checked and kept, taken back, and tried on a real patient beforehand."""

from dataclasses import dataclass

from medsync_app.domain.consent import USABLE
from medsync_app.domain.sms_text import SmsSize, measure
from medsync_app.domain.states import Channel, ContactBasis, Role
from medsync_app.domain.wordings import LANGUAGES, NAMES
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.message_text import Topic, compose
from medsync_app.services.render_message import Text, check_template
from medsync_app.store.repositories import contact, workflows
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, Pharmacy, Template


@dataclass(frozen=True, slots=True)
class Preview:
    """What one patient would read; `size` is of a text message, None on other channels."""

    text: Text
    size: SmsSize | None
    #: The text is not the wording that was tried: it breaks a rule for this patient, and ours goes out.
    replaced: bool


def save_template(tx: Tx, pharmacy_id: str, name: str, language: str, channel: Channel, body: str) -> str:
    """Keep a wording for all messages of that name; an empty one goes back to ours. Gives the template's id.

    Owners and pharmacists only. Invalid (field "body", "name" or "language") names what cannot be used: a field
    that does not exist is refused here, so that it never reaches a patient.
    """
    tx.scope.require(pharmacy_id, Role.OWNER, Role.PHARMACIST)
    _check_names(name, language)
    known = workflows.template(tx, pharmacy_id, name, language, channel.value)
    if not body.strip():
        if known is not None:
            tx.session.delete(known)
    else:
        check_template(body)
        known = known or tx.add(
            Template(
                pharmacy_id=pharmacy_id, name=name, language=language, channel=channel.value, body="",
                updated_at=tx.now,
            )
        )  # fmt: skip
        known.body, known.updated_at, known.updated_by = body.strip(), tx.now, tx.scope.actor_name
    audit(
        tx, pharmacy_id=pharmacy_id, act="save_template", subject_kind="template",
        subject_id=known.id if known else "",
        detail={"name": name, "language": language, "channel": channel.value, "own": bool(body.strip())},
    )  # fmt: skip
    return known.id if known else ""


def preview_wording(
    tx: Tx, patient_id: str, name: str, language: str, channel: Channel, body: str, *, subject: str = ""
) -> Preview:
    """The wording as this patient would get it about the next pickup, with its size; nothing is kept.

    Invalid when the wording cannot be used, Conflict when the patient has no coming pickup. Names of medicines
    may be in it, so it is audited like the patient's page.
    """
    _check_names(name, language)
    for text in filter(None, (body, subject)):
        check_template(text)
    patient = tx.get(Patient, patient_id)
    pharmacy = tx.get(Pharmacy, patient.pharmacy_id)
    cycle = next(iter(contact.open_cycles(tx, [patient.id])), None)
    if cycle is None:
        raise Conflict("This patient has no coming pickup: choose one who has.")
    points = (p for p in contact.contact_points(tx, patient.id) if p.channel is channel and p.basis in USABLE)
    basis = next((point.basis for point in points), ContactBasis.NUMBER_GIVEN)
    texts = {channel.value: body, "email_subject": subject} if subject else {channel.value: body}

    def said(wordings: dict[str, dict[str, str]]) -> Text:
        topic = Topic(name, cycle, [cycle.sync_date], wordings=wordings, language=language)
        return compose(tx, pharmacy, patient, topic, channel, basis)

    text = said({language: texts})
    audit(
        tx, pharmacy_id=pharmacy.id, act="preview_wording", subject_kind="patient", subject_id=patient.id,
        detail={"name": name},
    )  # fmt: skip
    return Preview(text, measure(text.body) if channel is Channel.SMS else None, text.body == said({}).body)


def _check_names(name: str, language: str) -> None:
    if name not in NAMES:
        raise Invalid(f"Choose one of: {', '.join(NAMES)}.", "name")
    if language not in LANGUAGES:
        raise Invalid(f"Choose one of: {', '.join(LANGUAGES)}.", "language")
