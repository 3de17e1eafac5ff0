"""Our fields of a dispensing export, and the column names other systems use for them."""

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a row can tell; `names` are the column headers it is known by, folded, best first."""

    key: str
    label: str
    required: bool
    names: tuple[str, ...]


def fold_header(header: str) -> str:
    """A header as compared: lower-case letters and digits in single words ("Rx_Number " -> "rx number")."""
    plain = unicodedata.normalize("NFKD", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(re.findall(r"[a-z0-9]+", plain.casefold().replace("#", " number ")))


def _field(key: str, label: str, names: str, *, required: bool = False) -> Field:
    return Field(key, label, required, tuple(name.strip() for name in names.split(",")))


FIELDS: tuple[Field, ...] = (
    _field(
        "rx_number",
        "Rx number",
        "rx number, rx no, rx num, rxnumber, prescription number, prescription no, prescription id, rx "
        "id, rx, script number, script no",
        required=True,
    ),
    _field(
        "fill_number",
        "Fill number",
        "fill number, fill no, refill number, refill no, fill, fillnumber, refill, rx fill number",
    ),
    _field(
        "written_on",
        "Date written",
        "date written, written date, written, rx date, prescribed date, date prescribed, issue date, "
        "date issued",
    ),
    _field(
        "filled_on",
        "Date filled",
        "date filled, fill date, filled date, filled, filled on, dispensed date, date dispensed, "
        "dispense date, service date, date of service, dos, claim date",
        required=True,
    ),
    _field(
        "sold_on",
        "Date sold",
        "date sold, sold date, sold, sold on, pickup date, picked up, picked up on, date picked up, "
        "pick up date, pos date, completed date, date completed, delivered date",
    ),
    _field(
        "drug_name",
        "Drug name",
        "drug name, drug, medication, medication name, drug description, product, product name, item "
        "name, med name, dispensed drug, drug dispensed, drug label name",
        required=True,
    ),
    _field(
        "ndc",
        "NDC",
        "ndc, ndc number, ndc11, drug ndc, ndc code, dispensed ndc, product ndc",
    ),
    _field(
        "form",
        "Form",
        "form, dosage form, drug form, dose form",
    ),
    _field(
        "quantity",
        "Quantity",
        "quantity, qty, quantity dispensed, qty dispensed, dispensed quantity, dispensed qty, qty disp, "
        "disp qty, metric quantity, qty filled, quantity filled",
        required=True,
    ),
    _field(
        "days_supply",
        "Days supply",
        "days supply, day supply, days, ds, dayssupply, supply days, days of supply, day s supply",
        required=True,
    ),
    _field(
        "refills_left",
        "Refills left",
        "refills left, refills remaining, remaining refills, refills, refill remaining, ref rem, refills rem",
    ),
    _field(
        "sig",
        "Directions",
        "sig, directions, sig text, instructions, dosage instructions",
    ),
    _field(
        "schedule",
        "DEA class",
        "dea class, dea schedule, schedule, dea, controlled substance class, csa schedule, drug class dea",
    ),
    _field(
        "patient_id",
        "Patient ID",
        "patient id, patient number, patient no, pat id, patientid, patient key, patient external id, "
        "patient code, mrn, patient, pt id",
    ),
    _field(
        "patient_name",
        "Patient name",
        "patient name, patient full name, full name, pt name, name",
    ),
    _field(
        "last_name",
        "Last name",
        "last name, patient last name, lastname, surname, family name, pat last name, last",
    ),
    _field(
        "first_name",
        "First name",
        "first name, patient first name, firstname, given name, pat first name, first",
    ),
    _field(
        "birth_date",
        "Birth date",
        "dob, date of birth, birth date, birthdate, patient dob, patient date of birth, patient birth "
        "date, pat dob, birthday",
    ),
    _field(
        "cell",
        "Cell phone",
        "cell phone, cell, mobile, mobile phone, patient cell phone, mobile number, cell number, "
        "cellphone, patient phone, phone, phone number",
    ),
    _field(
        "home",
        "Home phone",
        "home phone, home, home number, patient home phone, landline, telephone, phone 2, other phone",
    ),
    _field(
        "email",
        "E-mail",
        "email, e mail, email address, patient email, e mail address",
    ),
    _field(
        "address",
        "Address",
        "address, street, street address, patient address, address 1, address line 1, addr",
    ),
    _field(
        "city",
        "City",
        "city, patient city, town",
    ),
    _field(
        "state",
        "State",
        "state, patient state, st, province",
    ),
    _field(
        "postal_code",
        "ZIP",
        "zip, zip code, postal code, patient zip, zipcode, postcode",
    ),
    _field(
        "prescriber_name",
        "Prescriber",
        "prescriber, prescriber name, doctor, doctor name, physician, provider, provider name, md name, "
        "dr name",
    ),
    _field(
        "prescriber_npi",
        "Prescriber NPI",
        "prescriber npi, npi, doctor npi, provider npi, physician npi",
    ),
    _field(
        "prescriber_phone",
        "Prescriber phone",
        "prescriber phone, doctor phone, provider phone, physician phone, prescriber telephone",
    ),
    _field(
        "prescriber_fax",
        "Prescriber fax",
        "prescriber fax, doctor fax, provider fax, physician fax, fax",
    ),
    _field(
        "plan",
        "Plan",
        "plan, plan name, insurance, insurance name, primary insurance, payer, payor, primary plan, "
        "third party",
    ),
    _field(
        "plan_type",
        "Plan type",
        "plan type, insurance type, payer type, payor type, coverage type",
    ),
    _field(
        "copay",
        "Copay",
        "copay, co pay, patient pay, patient copay, patient paid, copay amount, patient pay amount",
    ),
    _field(
        "pa_ends_on",
        "PA expires",
        "pa expires, pa expiration, pa expiration date, pa end date, prior auth expires, prior "
        "authorization expires, pa exp date",
    ),
    _field(
        "status",
        "Status",
        "status, rx status, fill status, transaction status, workflow status",
    ),
    _field(
        "claim_code",
        "Claim code",
        "submission clarification code, claim code, scc, submission clarification",
    ),
    _field(
        "stopped_on",
        "Date stopped",
        "date stopped, stop date, discontinued date, date discontinued, discontinued on, dc date, "
        "inactive date",
    ),
)

FIELD_BY_KEY = {field.key: field for field in FIELDS}
