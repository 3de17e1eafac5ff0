"""Whether patients were reached before their sync dates: what PQA's contact rate is counted from."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final, cast

from sqlalchemy import case, func, select

from medsync_app.clock import local_day
from medsync_app.domain.adherence_indicators import CONTACT_DAYS, PlannedContact
from medsync_app.domain.states import ActionState, CycleState
from medsync_app.reads.places import Here
from medsync_app.services.record_call import WORDS, CallOutcome
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, ExceptionCase, ScheduledAction

#: No message about a sync date goes out longer before it.
_LONGEST_NOTICE: Final = timedelta(days=30)
_cycle, _action, _case = (cast(Any, kind) for kind in (Cycle, ScheduledAction, ExceptionCase))


def planned_contacts(tx: Tx, here: Mapping[str, Here], today: date) -> Iterable[PlannedContact]:
    """The contact before each sync date: planned with its first message, made when one was taken by the provider and
    not reported undelivered, the patient confirmed, or a call reached the patient.
    """
    reached = case((_action.state.in_((ActionState.SENT, ActionState.DELIVERED)), _action.sent_at))
    rows = tx.session.execute(
        select(
            _cycle.id, _cycle.patient_id, _cycle.pharmacy_id, _cycle.sync_date, _cycle.confirmed_at,
            func.min(_action.due_at), func.min(reached),
        )
        .join(ScheduledAction, _action.cycle_id == _cycle.id)
        .where(
            _cycle.kind == "sync",
            _cycle.state.notin_((CycleState.CANCELLED, CycleState.PROPOSED)),
            _cycle.sync_date.between(today - timedelta(days=CONTACT_DAYS), today + _LONGEST_NOTICE),
            _action.kind == "message",
            _action.state.notin_((ActionState.SUPERSEDED, ActionState.SKIPPED)),
        )
        .group_by(_cycle.id)
    )  # fmt: skip
    spoke = dict(
        tx.session.execute(
            select(_case.cycle_id, func.min(_case.closed_at))
            .where(_case.cycle_id.is_not(None), _case.outcome.startswith(WORDS[CallOutcome.SPOKE]))
            .group_by(_case.cycle_id)
        ).all()
    )
    for cycle_id, patient_id, place, on, confirmed, planned, sent in rows:
        made = [at for at in (confirmed, sent, spoke.get(cycle_id)) if at is not None]
        zone = here[place].zone
        yield PlannedContact(
            patient_id, local_day(planned, zone), on, local_day(min(made), zone) if made else None
        )
