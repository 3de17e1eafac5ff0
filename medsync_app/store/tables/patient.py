"""Patients, how each may be contacted, and what is known of the numbers themselves."""

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from medsync_app.domain.care import CareKind
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.store.tables.base import PharmacyScoped, choice, id_field, instant, optional_ref, ref


class Patient(PharmacyScoped, table=True):
    """A person who gets medicines at one pharmacy."""

    __table_args__ = (
        UniqueConstraint("pharmacy_id", "external_id"),
        Index(None, "pharmacy_id", "last_name", "first_name"),
        Index(None, "pharmacy_id", "dispensing_revision"),
    )

    id: str = id_field()
    external_id: str | None = None
    first_name: str
    last_name: str
    #: Lower-case letters and digits of the name without accents: what search compares.
    search_name: str = Field(default="", index=True)
    birth_date: date | None = None
    language: str = "en"
    #: IANA zone; None means the pharmacy's.
    zone: str | None = None
    address: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    preferred_channel: Channel | None = Field(default=None, sa_type=choice(Channel))
    #: The patient's recorded wish to see drug names in messages.
    drug_names_wanted: bool = False
    fulfilment: str = "pickup"
    deceased_on: date | None = None
    #: How new the imported data is that the row holds, and its digest: older data never overwrites it.
    source_rank: str = ""
    #: The pharmacy's revision at the last change of the patient's drugs, Rx numbers or fills (`Tx.dispensed`).
    dispensing_revision: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    created_at: datetime = instant()
    updated_at: datetime = instant()


class ContactPoint(PharmacyScoped, table=True):
    """One way to reach one patient, with the basis for using it."""

    __table_args__ = (UniqueConstraint("patient_id", "channel", "address"),)

    id: str = id_field()
    patient_id: str = ref("patient")
    channel: Channel = Field(sa_type=choice(Channel))
    #: E.164 number or e-mail address in lower case.
    address: str = Field(index=True)
    kind: str = "mobile"
    basis: ContactBasis = Field(default=ContactBasis.NOT_ASKED, sa_type=choice(ContactBasis))
    basis_at: datetime | None = instant(optional=True)
    basis_how: str = ""
    basis_by: str = ""
    #: Smaller is tried first.
    rank: int = 0
    #: Set when the address is a caregiver's.
    caregiver_name: str = ""
    caregiver_relation: str = ""
    #: When the patient authorized the caregiver's being told, and who recorded it.
    caregiver_allowed_at: datetime | None = instant(optional=True)
    caregiver_allowed_by: str = ""
    #: When it was last said to be this patient's: a number found to be wrong before that may be used for them.
    confirmed_at: datetime | None = instant(optional=True)
    created_at: datetime = instant()


class AddressStatus(PharmacyScoped, table=True):
    """What belongs to a number or e-mail address and not to a patient: stops, reachability (families share phones)."""

    __table_args__ = (UniqueConstraint("pharmacy_id", "channel", "address"),)

    id: str = id_field()
    channel: Channel = Field(sa_type=choice(Channel))
    address: str
    opted_out_at: datetime | None = instant(optional=True)
    opted_out_how: str = ""
    unreachable_at: datetime | None = instant(optional=True)
    unreachable_reason: str = ""
    #: When somebody else was last found at it.
    wrong_at: datetime | None = instant(optional=True)
    #: A free-text refusal holds everything for this address until a person decides.
    held_at: datetime | None = instant(optional=True)
    held_reason: str = ""


class ConsentEvent(PharmacyScoped, table=True):
    """History of a contact basis: who recorded what, when and how; rows are only added."""

    id: str = id_field()
    patient_id: str = ref("patient")
    channel: Channel = Field(sa_type=choice(Channel))
    address: str
    basis: ContactBasis = Field(sa_type=choice(ContactBasis))
    how: str
    by: str
    wording: str = ""
    at: datetime = instant()


class PatientCare(PharmacyScoped, table=True):
    """Hospice, kidney failure, a stay or disenrolment: what adherence leaves out (domain/care.py)."""

    id: str = id_field()
    patient_id: str = ref("patient")
    kind: CareKind = Field(sa_type=choice(CareKind))
    starts_on: date
    ends_on: date | None = None
    recorded_by: str
    recorded_at: datetime = instant()


class PatientNote(PharmacyScoped, table=True):
    """A note a staff member wrote about a patient."""

    id: str = id_field()
    patient_id: str = ref("patient")
    staff_id: str | None = optional_ref("staff")
    text: str
    at: datetime = instant()
