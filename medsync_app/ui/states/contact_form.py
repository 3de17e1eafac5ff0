"""The form about how a patient may be reached, in the wizard and on the patient's page: its start and its answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypedDict

from medsync_app.domain.consent import USABLE, consent_wording
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.errors import Invalid
from medsync_app.reads.enroll import KnownContact
from medsync_app.services.contact_input import email_address, phone_number
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.ui import format as say
from medsync_app.ui.states.form_fields import Form, text_of

Point = ContactChoice | KnownContact
CHANNELS: Final = (Channel.SMS, Channel.VOICE, Channel.EMAIL)
LANGUAGES: Final = ("en", "es")


class WayView(TypedDict):
    """One channel of the form."""

    address: str
    basis: str
    revoked: bool


class ContactView(TypedDict):
    """What the form starts with; another `key` makes inputs start anew."""

    key: str
    language: str
    preferred: str
    drug_names: bool
    sms: WayView
    voice: WayView
    email: WayView
    wordings: dict[str, str]
    caregiver_name: str
    caregiver_relation: str
    caregiver_phone: str
    caregiver_agreed: bool


_NO_WAY: Final[WayView] = {"address": "", "basis": "not_asked", "revoked": False}
NO_CONTACT: Final[ContactView] = {
    "key": "", "language": "en", "preferred": "", "drug_names": False, "sms": _NO_WAY, "voice": _NO_WAY,
    "email": _NO_WAY, "wordings": {"sms": "", "voice": "", "email": ""}, "caregiver_name": "",
    "caregiver_relation": "", "caregiver_phone": "", "caregiver_agreed": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Start:
    """What is known before the form is filled in; `pharmacy` is the name that the consent speaks of."""

    key: str
    pharmacy: str
    language: str
    preferred: Channel | None
    drug_names: bool
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Filled:
    """What the form says."""

    contacts: tuple[ContactChoice, ...]
    preferred: Channel | None
    language: str
    drug_names: bool


def spoken(language: str) -> str:
    """The language of the form for a patient's: English when there are no wordings in theirs."""
    return language if language in LANGUAGES else LANGUAGES[0]


def contact_view(start: Start) -> ContactView:
    """The form as it starts."""
    caregiver = caregiver_of(start.points)
    return {
        "key": start.key,
        "language": start.language,
        "preferred": start.preferred.value if start.preferred else "",
        "drug_names": start.drug_names,
        "sms": _way(Channel.SMS, start.points),
        "voice": _way(Channel.VOICE, start.points),
        "email": _way(Channel.EMAIL, start.points),
        "wordings": wordings(start.language, start.pharmacy),
        "caregiver_name": caregiver.caregiver_name if caregiver else "",
        "caregiver_relation": caregiver.caregiver_relation if caregiver else "",
        "caregiver_phone": say.phone(caregiver.address) if caregiver else "",
        "caregiver_agreed": caregiver is not None and caregiver.basis is ContactBasis.EXPRESS,
    }


def wordings(language: str, pharmacy: str) -> dict[str, str]:
    """The consent that is read out, by channel."""
    return {channel.value: consent_wording(spoken(language), channel, pharmacy) for channel in Channel}


def own_point(channel: Channel, points: Sequence[Point]) -> Point | None:
    """The patient's own number or address that the form shows for a channel."""
    return next((one for one in points if one.channel is channel and not one.caregiver_name), None)


def caregiver_of(points: Sequence[Point]) -> Point | None:
    """The caregiver's number that the form shows."""
    return next((one for one in points if one.caregiver_name), None)


def read_contacts(
    form: Form, pharmacy: str, known: Sequence[KnownContact], *, how: str = "enrollment"
) -> Filled:
    """The numbers and addresses with their basis, and the wishes; Invalid names the field to correct.

    `how` says where the patient was asked.
    """
    language = text_of(form, "language")
    if language not in LANGUAGES:
        raise Invalid("Choose a language.", "language")
    given = [_contact(form, channel, language, pharmacy, known) for channel in CHANNELS]
    given.append(_caregiver(form, language, pharmacy))
    chosen = tuple(replace(contact, how=how) for contact in given if contact is not None)
    preferred = text_of(form, "preferred")
    if preferred and not any(contact.channel.value == preferred for contact in chosen):
        raise Invalid("There is no number or address for this channel.", "preferred")
    return Filled(
        contacts=chosen,
        preferred=Channel(preferred) if preferred in list(Channel) else None,
        language=language,
        drug_names="drug_names" in form,
    )


def _way(channel: Channel, points: Sequence[Point]) -> WayView:
    found = own_point(channel, points)
    if found is None:
        return _NO_WAY
    revoked = found.basis is ContactBasis.REVOKED
    basis = ContactBasis.DECLINED if revoked else found.basis
    return {"address": say.phone(found.address), "basis": basis.value, "revoked": revoked}


def _contact(
    form: Form, channel: Channel, language: str, pharmacy: str, known: Sequence[KnownContact]
) -> ContactChoice | None:
    name = channel.value
    address = _address(form, channel, f"{name}_address")
    basis = _basis(form, f"{name}_basis")
    if not address:
        if basis in USABLE:
            word = "address" if channel is Channel.EMAIL else "number"
            raise Invalid(f"Enter the {word}, or choose another answer.", f"{name}_address")
        return None
    before = next((one for one in known if one.channel is channel and one.address == address), None)
    # A stop stays what it was until the patient agrees anew.
    if basis is ContactBasis.DECLINED and before is not None and before.basis is ContactBasis.REVOKED:
        basis = ContactBasis.REVOKED
    return ContactChoice(
        channel=channel, address=address, basis=basis, wording=_wording(basis, language, channel, pharmacy)
    )


def _caregiver(form: Form, language: str, pharmacy: str) -> ContactChoice | None:
    name, number = text_of(form, "caregiver_name"), text_of(form, "caregiver_phone")
    if not name and not number:
        return None
    if not name:
        raise Invalid("Enter the caregiver's name.", "caregiver_name")
    address = phone_number(number, "caregiver_phone")
    if not address:
        raise Invalid("Enter the caregiver's own number.", "caregiver_phone")
    if "caregiver_allowed" not in form:
        raise Invalid("The patient must have allowed it: ask, then tick this.", "caregiver_allowed")
    basis = ContactBasis.EXPRESS if "caregiver_agreed" in form else ContactBasis.NOT_ASKED
    return ContactChoice(
        channel=Channel.SMS, address=address, basis=basis,
        wording=_wording(basis, language, Channel.SMS, pharmacy), caregiver_name=name[:80],
        caregiver_relation=text_of(form, "caregiver_relation")[:80], caregiver_allowed=True,
    )  # fmt: skip


def _wording(basis: ContactBasis, language: str, channel: Channel, pharmacy: str) -> str:
    return consent_wording(language, channel, pharmacy) if basis is ContactBasis.EXPRESS else ""


def _address(form: Form, channel: Channel, field: str) -> str:
    text = text_of(form, field)
    return email_address(text, field) if channel is Channel.EMAIL else phone_number(text, field)


def _basis(form: Form, field: str) -> ContactBasis:
    value = text_of(form, field) or ContactBasis.NOT_ASKED.value
    if value not in list(ContactBasis):
        raise Invalid("Choose one of the answers.", field)
    return ContactBasis(value)
