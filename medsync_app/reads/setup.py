"""What a new pharmacy has still to set up: the checklist of Today."""

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import and_, func, select

from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    ClosedDay,
    Enrollment,
    Membership,
    Pharmacy,
    ScheduledAction,
    WorkflowVersion,
)

#: What goes to patients, and (as a reply) the test message of Settings.
_TO_PATIENTS = ("message", "reply")


@dataclass(frozen=True, slots=True)
class SetUp:
    """What is done at one pharmacy."""

    pharmacy_id: str
    slug: str
    name: str
    hours: bool
    closures: bool
    data: bool
    staff: bool
    workflow: bool
    message: bool
    enrolled: bool

    @property
    def complete(self) -> bool:
        return all(
            (self.hours, self.closures, self.data, self.staff, self.workflow, self.message, self.enrolled)
        )


def set_up(tx: Tx) -> SetUp | None:
    """The first pharmacy in scope (by name) whose set-up is not complete; None when all are."""
    pharmacies = tx.session.scalars(select(Pharmacy).order_by(cast(Any, Pharmacy).name)).all()
    return next((found for found in (_of(tx, row) for row in pharmacies) if not found.complete), None)


def _of(tx: Tx, pharmacy: Pharmacy) -> SetUp:
    action = cast(Any, ScheduledAction)
    # A check that was made counts as sent too, and is no message.
    sent = and_(action.kind.in_(_TO_PATIENTS), action.sent_at.is_not(None))
    return SetUp(
        pharmacy_id=pharmacy.id,
        slug=pharmacy.slug,
        name=pharmacy.name,
        hours=bool(pharmacy.hours),
        closures=_any(tx, ClosedDay, pharmacy.id),
        data=pharmacy.data_as_of is not None,
        staff=_any(tx, Membership, pharmacy.id, at_least=2),
        workflow=_any(tx, WorkflowVersion, pharmacy.id),
        message=_any(tx, ScheduledAction, pharmacy.id, where=sent),
        enrolled=_any(tx, Enrollment, pharmacy.id),
    )


def _any(tx: Tx, kind: Any, pharmacy_id: str, *, at_least: int = 1, where: Any = True) -> bool:
    few = select(kind.id).where(kind.pharmacy_id == pharmacy_id, where).limit(at_least).subquery()
    return tx.session.execute(select(func.count()).select_from(few)).scalar_one() >= at_least
