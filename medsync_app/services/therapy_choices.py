"""Keeps what a person said of a patient's drugs: taking part, days supply, refills, and which replaces which."""

from collections.abc import Iterable
from datetime import date

from medsync_app.domain.states import SameDrug
from medsync_app.domain.supply import MAX_DAYS_SUPPLY
from medsync_app.errors import Invalid
from medsync_app.services.plan_inputs import TherapyChoice, current_prescription
from medsync_app.store.repositories import duplicates, therapies
from medsync_app.store.session import Tx
from medsync_app.store.tables import DuplicateAnswer, Therapy

REPLACED = "Replaced by another medicine with the same ingredient"


def check_choice(therapy_id: str, choice: TherapyChoice) -> None:
    """Invalid, naming the field, when a number cannot be right."""
    field = f"choices[{therapy_id}]"
    if choice.usual_days is not None and not 1 <= choice.usual_days <= MAX_DAYS_SUPPLY:
        raise Invalid(f"Give the days supply as a number from 1 to {MAX_DAYS_SUPPLY}.", f"{field}.usual_days")
    if choice.refills_left is not None and not 0 <= choice.refills_left <= 99:
        raise Invalid("Give the refills left as a number from 0 to 99.", f"{field}.refills_left")


def write_choices(tx: Tx, therapy: Therapy, choice: TherapyChoice) -> None:
    """Keep what a person said of one drug; Invalid for impossible numbers, or refills of a drug without an Rx."""
    check_choice(therapy.id, choice)
    if choice.include is not None:
        therapy.include = choice.include
    if choice.usual_days is not None:
        therapy.usual_days = choice.usual_days
    if choice.pa_ends_on is not None:
        therapy.pa_ends_on = choice.pa_ends_on
    if choice.refills_left is not None:
        rx = current_prescription(therapy, therapies.prescriptions_of_therapy(tx, therapy.id))
        if rx is None:
            raise Invalid("This medicine has no Rx number yet: add one first.", f"choices[{therapy.id}]")
        rx.refills_left = choice.refills_left
        rx.quantity_left = None
        rx.updated_at = tx.now
    therapy.updated_at = tx.now


def mark_stopped(tx: Tx, therapy: Therapy, reason: str, on: date) -> None:
    """The drug is not taken any more; what batches hold of it is the caller's."""
    therapy.status, therapy.stopped_on, therapy.stop_reason = "discontinued", on, reason
    therapy.updated_at = tx.now


def mark_taken(tx: Tx, therapy: Therapy) -> None:
    """The drug is taken, and takes part."""
    therapy.status, therapy.stopped_on, therapy.stop_reason = "active", None, ""
    therapy.include = True
    therapy.updated_at = tx.now


def share_an_ingredient(one: Therapy, other: Therapy) -> bool:
    """Whether two drugs that are taken have an ingredient in common."""
    return one.status == other.status == "active" and not set(one.ingredients).isdisjoint(other.ingredients)


def write_answer(tx: Tx, older: Therapy, newer: Iterable[Therapy], answer: SameDrug) -> None:
    """Keep the answer about a drug and each newer one of its ingredient, in place of an earlier answer."""
    for other in newer:
        first, second = sorted((older.id, other.id))
        row = duplicates.of_pair(tx, first, second) or tx.add(
            DuplicateAnswer(
                pharmacy_id=older.pharmacy_id, patient_id=older.patient_id, first_id=first, second_id=second,
                answered_by=tx.scope.actor_name, answered_at=tx.now,
            )
        )  # fmt: skip
        row.replaced_id = older.id if answer is SameDrug.REPLACED else None
        row.answered_by, row.answered_at = tx.scope.actor_name, tx.now
    tx.session.flush()
