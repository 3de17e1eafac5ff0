"""The dialogs of the Patient page for a medicine by hand and for another dose or payer's rule."""

import reflex as rx

from medsync_app.ui.components.forms import text_field
from medsync_app.ui.components.overlays import form_dialog
from medsync_app.ui.components.problems import error_of, other_problem
from medsync_app.ui.states.patient_drugs import PatientDrugsState

_ADD_FIELDS = ("drug-0-name", "drug-0-days", "drug-0-quantity", "drug-0-last", "drug-0-refills")
_DOSE_FIELDS = ("units_per_day", "usual_days", "on", "share")


def drug_forms() -> rx.Component:
    """Both; one is open at most."""
    return rx.fragment(_add(), _dose())


def _add() -> rx.Component:
    name, days, quantity, last, refills = _ADD_FIELDS
    return form_dialog(
        rx.el.p(
            "For a medicine that the pharmacy system does not report yet. Who takes part gets it planned into the "
            "coming pickup; where it does not fit, a pharmacist is asked."
        ),
        text_field("Medicine and strength", name=name, error=error_of(name), placeholder="lisinopril 10 mg tablet"),
        text_field("Days supply of the last fill", name=days, kind="number", error=error_of(days)),
        text_field("Quantity", name=quantity, optional=True, hint="Without it: one a day", error=error_of(quantity)),
        text_field("Last filled", name=last, kind="date", error=error_of(last)),
        text_field("Refills left", name=refills, kind="number", optional=True, error=error_of(refills)),
        open=PatientDrugsState.drug_form == "add",
        title="Add a medicine",
        submit_label="Add",
        on_submit=PatientDrugsState.add_drug,
        on_cancel=PatientDrugsState.leave_drug,
        problem=other_problem(*_ADD_FIELDS),
        test_id="add-drug", over="add",
    )  # fmt: skip


def _dose() -> rx.Component:
    units, days, on, share = _DOSE_FIELDS
    terms = PatientDrugsState.terms
    return form_dialog(
        rx.el.p(
            "The supply in hand is counted at the new dose from that day on, and the coming pickup is planned anew."
        ),
        text_field(
            "Units a day", name=units, error=error_of(units), hint="2, or 0.5 for half a tablet",
            default_value=terms["units"],
        ),
        text_field(
            "Days supply of each fill", name=days, kind="number", optional=True, error=error_of(days),
            default_value=terms["days"],
        ),
        text_field("From", name=on, kind="date", optional=True, hint="Without it: from today", error=error_of(on)),
        text_field(
            "Paid again when so much of the supply is used, in percent", name=share, optional=True,
            error=error_of(share), hint=f"Without it: {terms['usual_share']}, as its plan or payer has it",
            default_value=terms["share"],
        ),
        open=PatientDrugsState.drug_form == "dose",
        title=f"Change {terms['name']}",
        submit_label="Change",
        on_submit=PatientDrugsState.save_dose,
        on_cancel=PatientDrugsState.leave_drug,
        problem=other_problem(*_DOSE_FIELDS),
        test_id="dose", over=f"dose.{PatientDrugsState.therapy_id}",
    )  # fmt: skip
