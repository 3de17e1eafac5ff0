"""Hands what an import changed about enrolled patients to the programme, one patient at a time."""

from collections.abc import Callable, Sequence

from medsync_app.domain.causes import Cause
from medsync_app.domain.dispensing import DispensingChange
from medsync_app.domain.states import ExceptionKind, Role, Severity
from medsync_app.logs import get_logger
from medsync_app.services.exceptions import due_in, open_exception
from medsync_app.services.import_changes import Changes
from medsync_app.store.session import Tx

Reaction = Callable[[Tx, str, Sequence[DispensingChange]], object]


def react_to_changes(tx: Tx, pharmacy_id: str, changes: Changes, react: Reaction) -> None:
    """Run the mid-cycle rules of each patient inside a savepoint of its own.

    A patient whose rules fail keeps the imported data and becomes a pharmacist's task: one patient's
    trouble must
    not stop a pharmacy's import.
    """
    for patient_id in sorted(changes):
        try:
            with tx.session.begin_nested():
                react(tx, patient_id, changes[patient_id])
        except Exception as error:
            get_logger().error(
                "import_reaction_failed",
                pharmacy_id=pharmacy_id,
                patient_id=patient_id,
                error_type=type(error).__name__,
            )
            open_exception(
                tx, pharmacy_id=pharmacy_id, kind=ExceptionKind.DOSE_CONFLICT, cause_key=Cause.IMPORT.of(patient_id),
                summary="The pharmacy system changed this patient's drugs and the plan could not follow by "
                "itself. Check the medicines and the next sync date.",
                owner_role=Role.PHARMACIST, severity=Severity.HIGH, due_at=due_in(tx, hours=24),
                patient_id=patient_id,
            )  # fmt: skip
