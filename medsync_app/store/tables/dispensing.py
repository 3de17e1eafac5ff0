"""Prescribers, therapies, prescriptions and fills: what the pharmacy system tells us."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from medsync_app.domain.states import FillKind, FillStatus
from medsync_app.store.tables.base import (
    BigId,
    Money,
    PharmacyScoped,
    Quantity,
    choice,
    document,
    id_field,
    instant,
    optional_ref,
    ref,
)


class Prescriber(PharmacyScoped, table=True):
    """Who writes prescriptions, and how renewal requests reach them."""

    __table_args__ = (UniqueConstraint("pharmacy_id", "external_key"),)

    id: str = id_field()
    #: The NPI, or the folded name where none is known.
    external_key: str
    name: str
    npi: str = ""
    phone: str = ""
    fax: str = ""
    email: str = ""
    #: How renewal requests go out: task, fax, email_to_fax, email, portal; "" for the pharmacy's usual path.
    renewal_path: str = ""
    #: How new the imported data is that the row holds, and its digest: older data never overwrites it.
    source_rank: str = ""


class Therapy(PharmacyScoped, table=True):
    """One drug a patient takes, across successive Rx numbers: a medication of the sync plan."""

    __table_args__ = (UniqueConstraint("patient_id", "drug_key"),)

    id: str = id_field()
    patient_id: str = ref("patient")
    #: Folded ingredient, strength and form: successive prescriptions of one therapy share it.
    drug_key: str
    drug_name: str
    #: Lower-case ingredients; empty when the name is not recognised.
    ingredients: list[str] = document(list)
    form: str = ""
    #: DEA schedule 2-5.
    schedule: int | None = None
    unbreakable: bool = False
    specialty: bool = False
    as_needed: bool = False
    #: None: decided by the rule of DOMAIN.md section 2.
    maintenance: bool | None = None
    #: A person's word that the drug takes part (True) or not (False).
    include: bool | None = None
    #: Days supply as prescribed, when a person has set it.
    usual_days: int | None = None
    units_per_day: Decimal | None = Field(default=None, sa_type=Quantity)
    #: The dose before `dose_changed_on`: supply in hand on that day is counted anew at the new dose.
    units_before: Decimal | None = Field(default=None, sa_type=Quantity)
    dose_changed_on: date | None = None
    threshold: Decimal | None = Field(default=None, sa_type=Quantity)
    status: str = "active"
    stopped_on: date | None = None
    stop_reason: str = ""
    #: None: in stock; else when the drug is expected.
    out_of_stock: bool = False
    expected_on: date | None = None
    plan_name: str = ""
    #: commercial, part_d, medicaid, cash or empty.
    payer: str = ""
    copay: Decimal | None = Field(default=None, sa_type=Money)
    pa_ends_on: date | None = None
    #: Why a drug that arrived during the programme waits for a pharmacist's word (`include`); None: nothing.
    clinical_flag: str | None = None
    current_prescription_id: str | None = Field(default=None)
    #: How new the imported data is that the row holds, and its digest: older data never overwrites it.
    source_rank: str = ""
    created_at: datetime = instant()
    updated_at: datetime = instant()


class DuplicateAnswer(PharmacyScoped, table=True):
    """A pharmacist's answer about two drugs of one patient that share an ingredient: the first id is the smaller."""

    __table_args__ = (UniqueConstraint("first_id", "second_id"),)

    id: str = id_field()
    patient_id: str = ref("patient")
    first_id: str = ref("therapy", index=False)
    second_id: str = ref("therapy", index=False)
    #: The one that the other replaces; None: both are taken.
    replaced_id: str | None = optional_ref("therapy")
    answered_by: str
    answered_at: datetime = instant()


class Prescription(PharmacyScoped, table=True):
    """One Rx number."""

    __table_args__ = (UniqueConstraint("pharmacy_id", "rx_number"),)

    id: str = id_field()
    patient_id: str = ref("patient")
    therapy_id: str = ref("therapy")
    prescriber_id: str | None = optional_ref("prescriber", index=True)
    rx_number: str
    drug_name: str
    ndc: str = ""
    sig: str = ""
    units_per_day: Decimal | None = Field(default=None, sa_type=Quantity)
    quantity: Decimal | None = Field(default=None, sa_type=Quantity)
    days_supply: int | None = None
    refills_left: int | None = None
    quantity_left: Decimal | None = Field(default=None, sa_type=Quantity)
    written_on: date | None = None
    expires_on: date | None = None
    pa_ends_on: date | None = None
    status: str = "active"
    #: How new the imported data is that the row holds, and its digest: older data never overwrites it.
    source_rank: str = ""
    created_at: datetime = instant()
    updated_at: datetime = instant()


class Fill(PharmacyScoped, table=True):
    """One dispensing of one Rx number."""

    __table_args__ = (
        UniqueConstraint("prescription_id", "fill_number", "filled_on"),
        Index(None, "pharmacy_id", "filled_on"),
        Index(None, "patient_id", "filled_on"),
        # Figures over a whole pharmacy read nothing but this index, drug by drug.
        Index(
            "ix_fill_figures",
            "pharmacy_id",
            "therapy_id",
            "filled_on",
            "status",
            "days_supply",
            "picked_up_on",
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    patient_id: str = ref("patient", index=False)
    therapy_id: str = ref("therapy")
    prescription_id: str = ref("prescription", index=False)
    fill_number: int
    filled_on: date
    picked_up_on: date | None = None
    #: None: the source did not say; such a fill counts for history, never for supply.
    days_supply: int | None = None
    quantity: Decimal = Field(sa_type=Quantity)
    kind: FillKind = Field(default=FillKind.FULL, sa_type=choice(FillKind))
    status: FillStatus = Field(sa_type=choice(FillStatus))
    copay: Decimal | None = Field(default=None, sa_type=Money)
