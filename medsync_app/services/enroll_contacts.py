"""Records, at enrollment, how a patient may be reached: contact points with their basis, and the wishes."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.errors import Invalid
from medsync_app.services.contact_settings import record_basis
from medsync_app.store.repositories.contact import find_point
from medsync_app.store.session import Tx
from medsync_app.store.tables import ContactPoint, Patient

_NUMBER = re.compile(r"\+[1-9]\d{7,14}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LANGUAGES = frozenset({"en", "es"})
_FULFILMENTS = frozenset({"pickup", "delivery", "mail"})


@dataclass(frozen=True, slots=True)
class ContactChoice:
    """One way to reach the patient, as agreed: E.164 number or e-mail address, and the basis for using it.

    A caregiver's number carries the caregiver's name and relation. `wording` is what the patient was read or shown.
    """

    channel: Channel
    address: str
    basis: ContactBasis
    wording: str = ""
    how: str = "enrollment"
    caregiver_name: str = ""
    caregiver_relation: str = ""
    #: The patient has authorized it.
    caregiver_allowed: bool = False
    #: When the patient agreed; None: now, or not kept by whoever asked.
    agreed_at: datetime | None = None

    @property
    def key(self) -> tuple[Channel, str]:
        """Channel and address as they are kept: an e-mail address in lower case."""
        return self.channel, self.address.lower() if self.channel is Channel.EMAIL else self.address


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the patient prefers; None leaves what is recorded."""

    preferred_channel: Channel | None = None
    language: str | None = None
    drug_names_wanted: bool | None = None
    fulfilment: str | None = None


def check_contacts(contacts: Sequence[ContactChoice], wishes: Wishes) -> None:
    """Raise Invalid, naming the field, when a contact or a wish cannot be recorded."""
    seen: set[tuple[Channel, str]] = set()
    for index, contact in enumerate(contacts):
        field = f"contacts[{index}]"
        if contact.channel is Channel.EMAIL:
            if not _EMAIL.fullmatch(contact.address):
                raise Invalid("Enter an e-mail address such as name@example.com.", f"{field}.address")
        elif not _NUMBER.fullmatch(contact.address):
            raise Invalid("Enter a phone number with its area code.", f"{field}.address")
        if contact.key in seen:
            raise Invalid("This number or address is there twice.", f"{field}.address")
        seen.add(contact.key)
        if contact.basis is ContactBasis.EXPRESS and not contact.wording.strip():
            raise Invalid("Record the wording the patient agreed to.", f"{field}.wording")
        if contact.caregiver_relation and not contact.caregiver_name:
            raise Invalid("Enter the caregiver's name.", f"{field}.caregiver_name")
        if contact.caregiver_name and not contact.caregiver_allowed:
            raise Invalid(
                "Ask the patient whether the caregiver may be told, and record the yes.",
                f"{field}.caregiver_allowed",
            )
    if wishes.language is not None and wishes.language not in _LANGUAGES:
        raise Invalid("Choose English (en) or Spanish (es).", "language")
    if wishes.fulfilment is not None and wishes.fulfilment not in _FULFILMENTS:
        raise Invalid("Choose pickup, delivery or mail.", "fulfilment")


def record_contacts(
    tx: Tx,
    patient: Patient,
    contacts: Sequence[ContactChoice],
    wishes: Wishes,
    *,
    unchanged: Collection[int] = (),
) -> None:
    """Write contacts in order of preference, each with its consent event, and the wishes. Checked before.

    Those at the positions `unchanged` keep their basis: nobody agrees anew because a form was saved. So does a number
    that was stopped: nobody has stopped it anew, and a START may have come since.
    """
    for rank, contact in enumerate(contacts):
        known = find_point(tx, patient.id, *contact.key)
        if rank in unchanged or (known is not None and contact.basis is ContactBasis.REVOKED):
            if known is not None:
                known.rank = rank
            continue
        point_id = record_basis(
            tx, patient.id, *contact.key, contact.basis, contact.how,
            wording=contact.wording.strip(), rank=rank, agreed_at=contact.agreed_at,
        )  # fmt: skip
        point = tx.get(ContactPoint, point_id)
        another = contact.caregiver_name != point.caregiver_name
        if contact.caregiver_name and (another or point.caregiver_allowed_at is None):
            point.caregiver_allowed_at, point.caregiver_allowed_by = tx.now, tx.scope.actor_id
        point.caregiver_name = contact.caregiver_name
        point.caregiver_relation = contact.caregiver_relation
    if wishes.preferred_channel is not None:
        patient.preferred_channel = wishes.preferred_channel
    if wishes.language is not None:
        patient.language = wishes.language
    if wishes.drug_names_wanted is not None:
        patient.drug_names_wanted = wishes.drug_names_wanted
    if wishes.fulfilment is not None:
        patient.fulfilment = wishes.fulfilment
    patient.updated_at = tx.now
