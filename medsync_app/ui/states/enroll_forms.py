"""Reads the wizard's forms: what was typed becomes answers, or an error at its field."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Final

from medsync_app.domain.plan_model import MAX_CYCLE_DAYS
from medsync_app.domain.states import SameDrug
from medsync_app.domain.supply import MAX_DAYS_SUPPLY
from medsync_app.errors import Invalid
from medsync_app.reads.enroll import Medicine
from medsync_app.services.add_patient import NewDrug, NewPatient
from medsync_app.services.draft_answers import Answers
from medsync_app.services.plan_inputs import TherapyChoice
from medsync_app.ui.states.form_fields import Form, day_of, optional_day, text_of

#: Most lines for medicines by hand; the page adds them one by one.
MAX_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How sync dates follow each other; days None: the pharmacy's own."""

    cadence: str
    cycle_days: int | None


def new_patient(form: Form, pharmacy_id: str, lines: int) -> NewPatient:
    """A patient by hand; lines without a name are left out."""
    drugs = tuple(
        drug_of_line(form, line)
        for line in range(min(lines, MAX_LINES))
        if text_of(form, f"drug-{line}-name")
    )
    for line in range(min(lines, MAX_LINES)):
        others = ("days", "quantity", "refills")
        if not text_of(form, f"drug-{line}-name") and any(
            text_of(form, f"drug-{line}-{part}") for part in others
        ):
            raise Invalid("Enter the medicine's name, or empty this line.", f"drug-{line}-name")
    return NewPatient(
        pharmacy_id=pharmacy_id,
        first_name=text_of(form, "first_name"),
        last_name=text_of(form, "last_name"),
        birth_date=day_of(form, "birth_date", "Enter the date of birth."),
        phone=text_of(form, "phone"),
        drugs=drugs,
    )


def field_of_drug(field: str, form: Form, lines: int) -> str:
    """The field of the page for a field of `NewPatient` ("drugs[0].name" -> "drug-2-name")."""
    if not field.startswith("drugs["):
        return field
    index, _, part = field.removeprefix("drugs[").partition("].")
    used = [line for line in range(lines) if text_of(form, f"drug-{line}-name")]
    names = {"days_supply": "days", "last_filled_on": "last", "refills_left": "refills"}
    return f"drug-{used[int(index)]}-{names.get(part, part)}"


def medicine_choices(form: Form, drugs: Sequence[Medicine], before: Answers, *, may_tick: bool) -> Answers:
    """The answers with what was ticked and typed per drug; only what differs from what is known is kept.

    A drug that takes no part by itself is ticked in by a pharmacist only (`may_tick`); for others its tick stays.
    """
    choices: dict[str, TherapyChoice] = {}
    for drug in drugs:
        key = drug.therapy_id
        known = before.choices.get(key, TherapyChoice())
        days = whole_number(form, f"days-{key}", 1, MAX_DAYS_SUPPLY, "days supply")
        refills = whole_number(form, f"refills-{key}", 0, 99, "refills left") if drug.has_rx else None
        ends = optional_day(form, f"pa-{key}")
        choice = TherapyChoice(
            include=_include(drug, f"take-{key}" in form, known, may_tick=may_tick),
            usual_days=days if days != drug.usual_days else known.usual_days,
            refills_left=refills if refills != drug.refills_left else known.refills_left,
            pa_ends_on=ends if ends != drug.pa_ends_on else known.pa_ends_on,
            same_drug=_same_drug(form, drug, known, may_tick=may_tick),
        )
        if choice != TherapyChoice():
            choices[key] = choice
    return replace(before, choices=choices)


def _include(drug: Medicine, ticked: bool, known: TherapyChoice, *, may_tick: bool) -> bool | None:
    """What is said of taking part; None where it goes without saying."""
    if not drug.can_tick or drug.same_as:
        return None
    if drug.alone:
        return None if ticked else False
    if not may_tick:
        return known.include
    return True if ticked else None


def _same_drug(form: Form, drug: Medicine, known: TherapyChoice, *, may_tick: bool) -> SameDrug | None:
    """What a pharmacist says of a drug that waits beside a newer one; the answer stays with anybody else."""
    if not drug.same_as:
        return None
    if not may_tick:
        return known.same_drug
    value = text_of(form, f"same-{drug.therapy_id}")
    return SameDrug(value) if value in list(SameDrug) else None


def rhythm(value: str) -> Rhythm:
    """ "30" or "monthly"."""
    if value == "monthly":
        return Rhythm("monthly", None)
    if value.isascii() and value.isdigit() and 7 <= int(value) <= MAX_CYCLE_DAYS:
        return Rhythm("every", int(value))
    raise Invalid("Choose how the dates follow each other.", "rhythm")


def drug_of_line(form: Form, line: int) -> NewDrug:
    """The medicine in a line of a form; Invalid names its field."""
    start = f"drug-{line}"
    days = whole_number(form, f"{start}-days", 1, MAX_DAYS_SUPPLY, "days supply")
    if days is None:
        raise Invalid("Enter the days supply of the last fill.", f"{start}-days")
    return NewDrug(
        name=text_of(form, f"{start}-name"),
        days_supply=days,
        last_filled_on=day_of(form, f"{start}-last", "Enter the day of the last fill."),
        quantity=_quantity(form, f"{start}-quantity", days),
        refills_left=whole_number(form, f"{start}-refills", 0, 99, "refills left"),
    )


def _quantity(form: Form, field: str, days: int) -> Decimal:
    text = text_of(form, field)
    return decimal_of(text, field) if text else Decimal(days)


def decimal_of(text: str, field: str) -> Decimal:
    """A quantity above 0; Invalid names the field."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Invalid("Enter the quantity as a number.", field) from None
    if not value.is_finite() or not 0 < value <= 100_000:
        raise Invalid("Enter the quantity as a number above 0.", field)
    return value


def whole_number(form: Form, field: str, least: int, most: int, what: str) -> int | None:
    """A whole number, None when the field is empty; Invalid names the field."""
    text = text_of(form, field)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 6) or not least <= int(text) <= most:
        raise Invalid(f"Enter the {what} as a number from {least} to {most}.", field)
    return int(text)
