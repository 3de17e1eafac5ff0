"""What a renewal request says to the prescriber (the wording of NCPDP SCRIPT RxRenewal)."""

from datetime import date
from decimal import Decimal
from typing import Any

from medsync_app.clock import local_day
from medsync_app.connections.outside import Letter
from medsync_app.domain.states import OutsideKind
from medsync_app.domain.wordings import written_phone
from medsync_app.errors import Invalid
from medsync_app.services.pdf_text import pdf_of
from medsync_app.services.plan_inputs import current_prescription
from medsync_app.store.repositories import therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, Pharmacy, Prescriber, Prescription, RenewalRequest, Therapy

_ANSWERS = ("Approved", "Approved with changes:", "Denied, because:", "Replace with:", "Pending until:")


def letter_of(tx: Tx, row: RenewalRequest) -> Letter:
    """The request as a letter; Invalid when the prescriber has no number or address for its path."""
    prescriber = tx.find(Prescriber, row.prescriber_id) if row.prescriber_id else None
    to = ""
    if prescriber is not None:
        to = prescriber.email if row.path == OutsideKind.EMAIL else prescriber.fax
    if not to:
        raise Invalid("The prescriber has no number or address for this path.", "path")
    pharmacy = tx.get(Pharmacy, row.pharmacy_id)
    lines = [
        f"{label}: {value}" if label else value for label, value in _lines(tx, row, pharmacy, prescriber)
    ]
    return Letter(
        to=to, subject=f"Renewal request from {pharmacy.name}", text="\n".join(lines), pdf=pdf_of(lines),
        sender_name=pharmacy.name, reply_to=pharmacy.reply_to_email,
    )  # fmt: skip


def portal_event(tx: Tx, row: RenewalRequest) -> dict[str, Any]:
    """The same for a prescriber portal: its answer comes back with the id."""
    pharmacy = tx.get(Pharmacy, row.pharmacy_id)
    prescriber = tx.find(Prescriber, row.prescriber_id) if row.prescriber_id else None
    fields = {label: value for label, value in _lines(tx, row, pharmacy, prescriber) if label}
    return {
        "event": "renewal.requested", "id": row.id, "needed_by": row.needed_by.isoformat(),
        "answers": ["approved", "approved_with_changes", "denied", "replaced", "pending"],
        "request": {label.lower().replace(" ", "_"): value for label, value in fields.items()},
    }  # fmt: skip


def _lines(
    tx: Tx, row: RenewalRequest, pharmacy: Pharmacy, prescriber: Prescriber | None
) -> list[tuple[str, str]]:
    therapy, patient = tx.get(Therapy, row.therapy_id), tx.get(Patient, row.patient_id)
    rx = current_prescription(therapy, therapies.prescriptions_of_therapy(tx, therapy.id))
    return [
        ("", "REQUEST FOR RENEWAL OF A PRESCRIPTION"), ("", ""),
        ("Date", f"{local_day(tx.now, pharmacy.zone):%m/%d/%Y}"),
        ("Prescriber", _named(prescriber)), ("", ""),
        ("Patient", f"{patient.first_name} {patient.last_name}"),
        ("Date of birth", _day(patient.birth_date)), ("", ""),
        ("Medicine", therapy.drug_name), ("Rx number", rx.rx_number if rx else ""),
        ("Directions", rx.sig if rx else ""), ("Quantity", _quantity(rx)),
        ("Refills asked for", "as you decide"), ("Reason", _reason(row)),
        ("Needed by", f"{row.needed_by:%m/%d/%Y}"), ("", ""),
        ("", "Please answer with one of:"), *(("", f"[  ] {answer}") for answer in _ANSWERS), ("", ""),
        ("Pharmacy", pharmacy.name), ("Address", pharmacy.address), ("Phone", written_phone(pharmacy.phone)),
        ("NPI", pharmacy.npi), ("", ""),
        ("", "This message holds health information. If it is not for you, tell us by phone and destroy it."),
    ]  # fmt: skip


def _named(prescriber: Prescriber | None) -> str:
    if prescriber is None:
        return ""
    return f"{prescriber.name}, NPI {prescriber.npi}" if prescriber.npi else prescriber.name


def _day(day: date | None) -> str:
    return f"{day:%m/%d/%Y}" if day else ""


def _quantity(rx: Prescription | None) -> str:
    if rx is None or rx.quantity is None:
        return ""
    number = Decimal(rx.quantity).normalize()
    return f"{number:f}" + (f" for {rx.days_supply} days" if rx.days_supply else "")


def _reason(row: RenewalRequest) -> str:
    return {"no_refills": "no refills left", "rx_expires": "the prescription expires"}.get(
        row.reason, row.reason
    )
