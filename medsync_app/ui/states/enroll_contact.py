"""The contact step of the wizard: what its form starts with, its answers, and how they read in the review."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from medsync_app.domain.consent import USABLE
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.reads.enroll import Draft, KnownContact
from medsync_app.services.draft_answers import Answers
from medsync_app.services.enroll_contacts import ContactChoice
from medsync_app.services.save_draft import LAST_STEP
from medsync_app.ui import format as say
from medsync_app.ui.states.contact_form import Start, read_contacts, spoken
from medsync_app.ui.states.enroll_view import BASIS_WORDS
from medsync_app.ui.states.form_fields import Form

_WAYS: Final = {Channel.SMS: "Texts to", Channel.VOICE: "Calls to", Channel.EMAIL: "E-mail to"}


def contact_start(draft: Draft, known: Sequence[KnownContact]) -> Start:
    """What was answered before, else what is known of the patient."""
    answers = draft.answers
    asked = answers.contacts is not None
    given = answers.contacts or ()
    if draft.step < LAST_STEP:
        # What a form told stands beside what is known until somebody has been through this step.
        told = {one.key for one in given}
        given = (*given, *(one for one in known if (one.channel, one.address) not in told))
    wanted = answers.drug_names_wanted
    return Start(
        key=draft.draft_id,
        pharmacy=draft.place.name,
        language=answers.language or spoken(draft.language),
        preferred=answers.preferred_channel or (None if asked else draft.preferred_channel),
        drug_names=draft.drug_names_wanted if wanted is None else wanted,
        points=given,
    )


def contact_answers(form: Form, draft: Draft, known: Sequence[KnownContact]) -> Answers:
    """The answers with the numbers and addresses, their basis, and the wishes."""
    filled = read_contacts(form, draft.place.name, known)
    before = {one.key: one for one in draft.answers.contacts or ()}
    return replace(
        draft.answers,
        contacts=tuple(_as_given(one, before.get(one.key)) for one in filled.contacts),
        preferred_channel=filled.preferred,
        language=filled.language,
        drug_names_wanted=filled.drug_names,
    )


def _as_given(contact: ContactChoice, before: ContactChoice | None) -> ContactChoice:
    """A consent keeps its words, where and when it was given: what stands on a form of others is not read out here."""
    same = before is not None and before.basis is contact.basis is ContactBasis.EXPRESS
    if not before or not same:
        return contact
    return replace(contact, wording=before.wording, how=before.how, agreed_at=before.agreed_at)


def contact_lines(answers: Answers) -> tuple[list[str], bool]:
    """How the patient is reached, line by line; and True when nobody may be messaged automatically."""
    contacts = answers.contacts or ()
    lines = [
        f"{_WAYS[one.channel]} {say.phone(one.address)}"
        f"{f' ({one.caregiver_name}, caregiver)' if one.caregiver_name else ''}: {BASIS_WORDS[one.basis]}"
        for one in contacts
    ]
    return lines, not any(one.basis in USABLE for one in contacts)
