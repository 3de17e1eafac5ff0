"""Moves what belongs to one record of a patient to another, whichever table names it; finds merged records again."""

from collections.abc import Collection, Iterator
from typing import Any, cast

from sqlalchemy import Column, select, update
from sqlmodel import col

from medsync_app.domain.states import ActionState, FillStatus
from medsync_app.store.repositories.messaging import went
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    Cycle,
    DuplicateAnswer,
    Enrollment,
    EnrollmentDraft,
    ExceptionCase,
    Fill,
    Patient,
    PatientMerge,
    PharmacyScoped,
    Prescription,
    ScheduledAction,
    Table,
)

#: How the Rx numbers of drugs begin that were told at the counter.
BY_HAND = "BY-HAND"


def of_dropped(tx: Tx, patient_id: str) -> PatientMerge | None:
    """The merge that ended the record with that id."""
    return tx.session.scalars(
        select(PatientMerge).where(col(PatientMerge.dropped_id) == patient_id)
    ).one_or_none()


def into(tx: Tx, patient_id: str) -> list[PatientMerge]:
    """The merges into a record, the newest first."""
    return list(
        tx.session.scalars(
            select(PatientMerge)
            .where(col(PatientMerge.kept_id) == patient_id)
            .order_by(col(PatientMerge.merged_at).desc(), col(PatientMerge.id))
        )
    )


def repoint(tx: Tx, target: type[Table], old: str, new: str) -> dict[str, list[Any]]:
    """Make every row that names `old` name `new`; gives the ids of those rows by table.

    The tables are found by their foreign keys: one that is added later is not forgotten.
    """
    tx.session.flush()
    moved: dict[str, list[Any]] = {}
    for kind, column in _naming(target):
        ids = list(tx.session.scalars(select(cast(Any, kind).id).where(column == old)))
        if ids:
            tx.session.execute(
                update(kind).where(column == old).values({column.name: new}),
                execution_options={"synchronize_session": False},
            )
            known = moved.setdefault(cast(Any, kind).__tablename__, [])
            known.extend(sorted(set(ids) - set(known)))
    tx.session.expire_all()
    return moved


def _naming(target: type[Table]) -> Iterator[tuple[type[PharmacyScoped], Column[Any]]]:
    wanted = cast(Any, target).__table__
    for kind in PharmacyScoped.__subclasses__():
        table = cast(Any, kind).__table__
        for column in table.c:
            if any(key.column.table is wanted for key in column.foreign_keys):
                yield kind, column


def calling(tx: Tx, patient_ids: Collection[str]) -> bool:
    """Whether a provider is being called for one of these patients at this moment."""
    found = select(col(ScheduledAction.id)).where(
        col(ScheduledAction.patient_id).in_(sorted(patient_ids)),
        col(ScheduledAction.state) == ActionState.CALLING,
    )
    return tx.session.scalars(found.limit(1)).first() is not None


def waiting(tx: Tx, patient_ids: Collection[str]) -> list[ScheduledAction]:
    """What is still to happen for patients, by due time."""
    pending = (ActionState.QUEUED, ActionState.HELD, ActionState.CLAIMED)
    return list(
        tx.session.scalars(
            select(ScheduledAction)
            .where(
                col(ScheduledAction.patient_id).in_(sorted(patient_ids)),
                col(ScheduledAction.state).in_(pending),
            )
            .order_by(col(ScheduledAction.due_at), col(ScheduledAction.id))
        )
    )


def welcomed(tx: Tx, enrollment_id: str) -> frozenset[str]:
    """The steps that an enrollment itself set off and that have been said."""
    rows = tx.session.execute(
        select(col(ScheduledAction.step), col(ScheduledAction.payload)).where(
            col(ScheduledAction.enrollment_id) == enrollment_id, *went()
        )
    )
    return frozenset(step for step, payload in rows if payload.get("trigger") == "enrolled")


def fills(tx: Tx, therapy_id: str) -> list[tuple[Fill, bool]]:
    """The fills of a drug that count, each with whether it was told at the counter."""
    rows = tx.session.execute(
        select(Fill, col(Prescription.rx_number))
        .join(Prescription, col(Prescription.id) == col(Fill.prescription_id))
        .where(
            col(Fill.therapy_id) == therapy_id,
            col(Fill.status).in_([FillStatus.SOLD, FillStatus.WAITING]),
        )
        .order_by(col(Fill.filled_on), col(Fill.id))
    )
    return [(fill, number.startswith(BY_HAND)) for fill, number in rows]


def answers_about(tx: Tx, therapy_id: str) -> list[DuplicateAnswer]:
    """What pharmacists answered about a drug and another one."""
    about = (col(DuplicateAnswer.first_id) == therapy_id) | (col(DuplicateAnswer.second_id) == therapy_id)
    return list(tx.session.scalars(select(DuplicateAnswer).where(about).order_by(col(DuplicateAnswer.id))))


def drafts(tx: Tx, patient_id: str) -> list[EnrollmentDraft]:
    """The drafts of a patient's enrollment, finished or not."""
    return list(
        tx.session.scalars(
            select(EnrollmentDraft)
            .where(col(EnrollmentDraft.patient_id) == patient_id)
            .order_by(col(EnrollmentDraft.id))
        )
    )


def cases(tx: Tx, patient_id: str) -> list[ExceptionCase]:
    """Every exception of a patient, open or not."""
    return list(
        tx.session.scalars(
            select(ExceptionCase)
            .where(col(ExceptionCase.patient_id) == patient_id)
            .order_by(col(ExceptionCase.id))
        )
    )


def versioned(tx: Tx, patient_id: str) -> list[Enrollment | Cycle]:
    """Every enrollment and batch of a patient: they count their changes."""
    found: list[Enrollment | Cycle] = []
    for kind in (Enrollment, Cycle):
        rows = select(kind).where(cast(Any, kind).patient_id == patient_id).order_by(cast(Any, kind).id)
        found.extend(tx.session.scalars(rows))
    return found


def counts(tx: Tx, patient_id: str) -> dict[str, int]:
    """How many rows of each table name a patient."""
    found: dict[str, int] = {}
    for kind, column in _naming(Patient):
        ids = tx.session.scalars(select(cast(Any, kind).id).where(column == patient_id)).all()
        if ids:
            found[cast(Any, kind).__tablename__] = len(ids)
    return found


def plain(row: Table) -> dict[str, Any]:
    """A row as a JSON document."""
    return row.model_dump(mode="json")


def delete(tx: Tx, row: Table) -> None:
    """Take out a row that nothing names any more."""
    tx.session.flush()
    tx.session.delete(row)
    tx.session.flush()
