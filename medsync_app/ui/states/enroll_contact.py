"""The contact step of the wizard: what its form starts with, and how the answers read in the review."""

from collections.abc import Sequence
from typing import Final, TypedDict

from medsync_app.domain.consent import USABLE, consent_wording
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.reads.enroll import Draft, KnownContact
from medsync_app.services.draft_answers import Answers
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.ui import format as say
from medsync_app.ui.states.enroll_view import BASIS_WORDS

_WAYS: Final = {Channel.SMS: "Texts to", Channel.VOICE: "Calls to", Channel.EMAIL: "E-mail to"}


class WayView(TypedDict):
    """One channel of the form."""

    address: str
    basis: str
    revoked: bool


class ContactView(TypedDict):
    """What the form starts with; `key` changes with the draft so that inputs start anew."""

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


def contact_view(draft: Draft, known: Sequence[KnownContact]) -> ContactView:
    """The form with what was answered before, else with what is known of the patient."""
    answers = draft.answers
    language = answers.language or (draft.language if draft.language in ("en", "es") else "en")
    preferred = answers.preferred_channel or (
        None if answers.contacts is not None else draft.preferred_channel
    )
    wanted = answers.drug_names_wanted
    caregiver = _caregiver(answers.contacts, known)
    return {
        "key": f"{draft.draft_id}-{draft.version}",
        "language": language,
        "preferred": preferred.value if preferred else "",
        "drug_names": draft.drug_names_wanted if wanted is None else wanted,
        "sms": _way(Channel.SMS, answers.contacts, known),
        "voice": _way(Channel.VOICE, answers.contacts, known),
        "email": _way(Channel.EMAIL, answers.contacts, known),
        "wordings": {
            channel.value: consent_wording(language, channel, draft.place.name) for channel in Channel
        },
        "caregiver_name": caregiver.caregiver_name if caregiver else "",
        "caregiver_relation": caregiver.caregiver_relation if caregiver else "",
        "caregiver_phone": say.phone(caregiver.address) if caregiver else "",
        "caregiver_agreed": caregiver is not None and caregiver.basis is ContactBasis.EXPRESS,
    }


def _way(
    channel: Channel, answered: Sequence[ContactChoice] | None, known: Sequence[KnownContact]
) -> WayView:
    found: ContactChoice | KnownContact | None = next(
        (
            one
            for one in (known if answered is None else answered)
            if one.channel is channel and not one.caregiver_name
        ),
        None,
    )
    if found is None:
        return _NO_WAY
    revoked = found.basis is ContactBasis.REVOKED
    basis = ContactBasis.DECLINED if revoked else found.basis
    return {"address": say.phone(found.address), "basis": basis.value, "revoked": revoked}


def _caregiver(
    answered: Sequence[ContactChoice] | None, known: Sequence[KnownContact]
) -> ContactChoice | KnownContact | None:
    return next((one for one in (known if answered is None else answered) if one.caregiver_name), None)


def contact_lines(answers: Answers) -> tuple[list[str], bool]:
    """How the patient is reached, line by line; and True when nobody may be messaged automatically."""
    contacts = answers.contacts or ()
    lines = [
        f"{_WAYS[one.channel]} {say.phone(one.address)}"
        f"{f' ({one.caregiver_name}, caregiver)' if one.caregiver_name else ''}: {BASIS_WORDS[one.basis]}"
        for one in contacts
    ]
    return lines, not any(one.basis in USABLE for one in contacts)
