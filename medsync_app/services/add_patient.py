"""Adds a patient by hand, with the drugs the patient takes, when no export has brought them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from medsync_app.clock import local_day
from medsync_app.domain.drug_schedules import schedule_of_name
from medsync_app.domain.drug_traits import is_acute
from medsync_app.domain.names import folded
from medsync_app.domain.states import Channel, ContactBasis, FillStatus
from medsync_app.domain.supply import MAX_DAYS_SUPPLY
from medsync_app.domain.therapy_key import drug_data
from medsync_app.errors import Invalid
from medsync_app.services.audit import audit
from medsync_app.services.contact_input import person_name, phone_number
from medsync_app.store.ids import new_id
from medsync_app.store.repositories.merging import BY_HAND
from medsync_app.store.session import Tx
from medsync_app.store.tables import ContactPoint, Fill, Patient, Pharmacy, Prescription, Therapy

MAX_DRUG = 120
MAX_DRUGS = 40
_OLDEST = date(1900, 1, 1)
#: A fill further back than this says nothing about what is taken today.
_OLDEST_FILL = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class NewDrug:
    """A drug as told at the counter: days and units of its last fill, and the refills left (None: unknown)."""

    name: str
    days_supply: int
    last_filled_on: date
    quantity: Decimal
    refills_left: int | None = None


@dataclass(frozen=True, slots=True)
class NewPatient:
    """A patient as told at the counter; `phone` as typed, "" when there is none."""

    pharmacy_id: str
    first_name: str
    last_name: str
    birth_date: date
    phone: str = ""
    drugs: tuple[NewDrug, ...] = field(default_factory=tuple)


def add_patient(tx: Tx, new: NewPatient) -> str:
    """Add the patient with drugs, prescriptions and last fills; gives the id. Invalid names the field.

    Nobody has been asked about messages yet: the number is kept without a basis for using it.
    """
    pharmacy = tx.get(Pharmacy, new.pharmacy_id)
    today = local_day(tx.now, pharmacy.zone)
    first, last = person_name(new.first_name, "first_name"), person_name(new.last_name, "last_name")
    if not _OLDEST <= new.birth_date <= today:
        raise Invalid("Check the year: the date of birth must lie between 1900 and today.", "birth_date")
    phone = phone_number(new.phone, "phone")
    if len(new.drugs) > MAX_DRUGS:
        raise Invalid(f"Add at most {MAX_DRUGS} medicines at once.", "drugs")
    for index, drug in enumerate(new.drugs):
        check_drug(drug, f"drugs[{index}]", today)
    patient = tx.add(
        Patient(
            pharmacy_id=pharmacy.id, first_name=first, last_name=last, search_name=folded(f"{last} {first}"),
            birth_date=new.birth_date, created_at=tx.now, updated_at=tx.now,
        )
    )  # fmt: skip
    tx.session.flush()
    if phone:
        tx.add(
            ContactPoint(
                pharmacy_id=pharmacy.id, patient_id=patient.id, channel=Channel.SMS, address=phone,
                basis=ContactBasis.NOT_ASKED, basis_how="counter", basis_by=tx.scope.actor_id, created_at=tx.now,
            )
        )  # fmt: skip
    add_drugs_by_hand(tx, patient, new.drugs)
    audit(
        tx, pharmacy_id=pharmacy.id, act="add_patient", subject_kind="patient", subject_id=patient.id,
        detail={"drugs": len(new.drugs)},
    )  # fmt: skip
    return patient.id


def add_drugs_by_hand(
    tx: Tx, patient: Patient, drugs: tuple[NewDrug, ...], *, known: Collection[str] = ()
) -> list[str]:
    """Write drugs with one Rx and their last fill each; gives their ids.

    Invalid when one is there twice, or among the `known` drug keys of the patient.
    """
    seen, made = set[str](), list[str]()
    for index, drug in enumerate(drugs):
        data = drug_data(drug.name.strip(), schedule=schedule_of_name(drug.name))
        if data.key in seen:
            raise Invalid("This medicine is there twice.", f"drugs[{index}].name")
        if data.key in known:
            raise Invalid(
                "The patient has this medicine already: change its dose instead.", f"drugs[{index}].name"
            )
        seen.add(data.key)
        units = (drug.quantity / drug.days_supply).quantize(Decimal("0.001"))
        therapy = tx.add(
            Therapy(
                pharmacy_id=patient.pharmacy_id, patient_id=patient.id, drug_key=data.key, drug_name=data.name,
                ingredients=list(data.ingredients), form=data.form, schedule=data.schedule,
                unbreakable=data.unbreakable, specialty=data.specialty, usual_days=drug.days_supply,
                # Told at the counter for the programme: taken on and on, unless it is a course by its nature.
                maintenance=None if is_acute(data.ingredients, drug.days_supply) else True, units_per_day=units,
                created_at=tx.now, updated_at=tx.now,
            )
        )  # fmt: skip
        tx.session.flush()
        rx = tx.add(
            Prescription(
                pharmacy_id=patient.pharmacy_id, patient_id=patient.id, therapy_id=therapy.id,
                rx_number=f"{BY_HAND}-{new_id()[-12:]}", drug_name=data.name, units_per_day=units,
                quantity=drug.quantity, days_supply=drug.days_supply, refills_left=drug.refills_left,
                created_at=tx.now, updated_at=tx.now,
            )
        )  # fmt: skip
        tx.session.flush()
        therapy.current_prescription_id = rx.id
        tx.add(
            Fill(
                pharmacy_id=patient.pharmacy_id, patient_id=patient.id, therapy_id=therapy.id,
                prescription_id=rx.id, fill_number=0, filled_on=drug.last_filled_on,
                picked_up_on=drug.last_filled_on, days_supply=drug.days_supply, quantity=drug.quantity,
                status=FillStatus.SOLD,
            )
        )  # fmt: skip
        made.append(therapy.id)
    return made


def check_drug(drug: NewDrug, field: str, today: date) -> None:
    """Invalid, naming `field` and its part, when a drug told at the counter cannot be so."""
    if not 0 < len(drug.name.strip()) <= MAX_DRUG or not drug.name.isprintable():
        raise Invalid(
            "Enter the medicine's name and strength, such as lisinopril 10 mg tablet.", f"{field}.name"
        )
    if not 1 <= drug.days_supply <= MAX_DAYS_SUPPLY:
        raise Invalid(
            f"Enter the days supply as a number from 1 to {MAX_DAYS_SUPPLY}.", f"{field}.days_supply"
        )
    if not today - _OLDEST_FILL <= drug.last_filled_on <= today:
        raise Invalid("Enter a day of the last two years, not ahead.", f"{field}.last_filled_on")
    if not 0 < drug.quantity <= 100_000:
        raise Invalid("Enter the quantity as a number above 0.", f"{field}.quantity")
    if drug.refills_left is not None and not 0 <= drug.refills_left <= 99:
        raise Invalid("Enter the refills left as a number from 0 to 99.", f"{field}.refills_left")
