"""Does what a workflow step asks of the pharmacy itself: tasks, renewal requests, checks."""

from datetime import timedelta

from medsync_app.clock import local_day
from medsync_app.domain.causes import Cause, of_kind
from medsync_app.domain.cycle import NOT_STARTED
from medsync_app.domain.states import CycleState, ExceptionKind, Role, Severity
from medsync_app.services.check_cycle import check_cycle
from medsync_app.services.cycle_state import refresh_state
from medsync_app.services.exceptions import open_exception
from medsync_app.services.missed_cycles import miss_cycle, missed_from
from medsync_app.services.outside_jobs import notify_pharmacy
from medsync_app.services.prepare import begin_preparation, stock_check
from medsync_app.services.queue_daily_checks import queue_overdue_looks
from medsync_app.services.renewals import follow_up, request_renewals
from medsync_app.services.rules import data_is_stale, rules_of
from medsync_app.services.run_daily_step import run_daily_step
from medsync_app.services.tell_overdue import tell_overdue
from medsync_app.store.repositories import exceptions
from medsync_app.store.session import Tx
from medsync_app.store.tables import Cycle, Enrollment, Pharmacy, ScheduledAction


def do_internally(tx: Tx, action: ScheduledAction, pharmacy: Pharmacy, cycle: Cycle | None) -> str:
    """Carry out an action that calls nobody outside; gives what was done in plain words."""
    options = action.payload.get("action", {})
    if action.kind == "task":
        return _task(tx, action, pharmacy, options)
    what = options.get("what")
    if what in ("pharmacy", "daily"):
        queue_overdue_looks(tx, pharmacy)
        step, version = options.get("daily", ""), options.get("workflow", "")
        count = run_daily_step(tx, pharmacy, step, version, look=what == "pharmacy")
        return f"Looked for problems. {count} actions queued." if count else "Looked for problems."
    if what == "overdue":
        return f"{tell_overdue(tx, pharmacy.id)} overdue tasks told."
    if cycle is None:
        return "There was nothing to do: the cycle is gone."
    if action.kind == "state":
        return _change_state(tx, pharmacy, cycle, CycleState(options["state"]))
    if action.kind == "notify":
        event = {
            "event": options.get("event", ""), "batch": cycle.id, "kind": cycle.kind,
            "date": cycle.sync_date.isoformat(), "step": action.step,
        }  # fmt: skip
        told = notify_pharmacy(tx, pharmacy.id, event, key=action.id, cycle_id=cycle.id)
        return "The pharmacy system is told." if told else "The pharmacy system has no address to be told at."
    if action.kind == "renewal":
        stage = options.get("stage", "request")
        if stage == "request":
            count = request_renewals(tx, cycle.id)
            return f"{count} renewal requests." if count != 1 else "1 renewal request."
        follow_up(tx, cycle.id, stage)
        return f"Open renewal requests: {stage}."
    if what == "stock":
        stock_check(tx, cycle.id)
        return "Stock check."
    if what == "prepare":
        begin_preparation(tx, cycle.id)
        return "Preparation begun."
    check_cycle(tx, cycle.id)
    return "Checked for problems."


def _change_state(tx: Tx, pharmacy: Pharmacy, cycle: Cycle, state: CycleState) -> str:
    """How far a batch is, by a step of the pharmacy's own: what is filled or fetched already is not undone."""
    if state is CycleState.MISSED:
        return _miss(tx, pharmacy, cycle)
    before = cycle.state
    if before not in (*NOT_STARTED, CycleState.PREPARING) or before is state:
        return f"The batch is {before.value.replace('_', ' ')}: its state stays."
    return f"The batch is {refresh_state(tx, cycle, base=state).value.replace('_', ' ')} now."


def _miss(tx: Tx, pharmacy: Pharmacy, cycle: Cycle) -> str:
    """No step cuts the time short in which the patient may come, or in which a pickup may be unknown to us."""
    rules = rules_of(pharmacy)
    first = missed_from(cycle, rules)
    today = local_day(tx.now, pharmacy.zone)
    if today < first or data_is_stale(pharmacy, tx.now):
        return f"The batch counts as missed from {max(first, today)} on at the earliest: the daily look ends it then."
    enrollment = tx.get(Enrollment, cycle.enrollment_id)
    return "The batch was missed." if miss_cycle(tx, enrollment, cycle) else "The batch is not missed."


def _cause(action: ScheduledAction, kind: ExceptionKind) -> str:
    """One task of a kind per batch; a pharmacy's own kind of task is one per step."""
    own = (action.step,) if kind is ExceptionKind.WORKFLOW else ()
    return of_kind(kind, *own, str(action.cycle_id or action.patient_id))


def _is_called_back(tx: Tx, action: ScheduledAction) -> bool:
    """Whether the patient's own wish for a call about the batch is open: one call is enough."""
    rows = exceptions.open_of_cycle(tx, action.cycle_id) if action.cycle_id else ()
    return any(row.kind is ExceptionKind.CALL_BACK for row in rows)


def _is_billed_again(tx: Tx, action: ScheduledAction, pharmacy: Pharmacy) -> bool:
    """Whether somebody is asked to bill a batch again that the patient was not told of: it need not go back."""
    return exceptions.open_by_cause(tx, pharmacy.id, Cause.TOO_OLD.of(str(action.cycle_id))) is not None


def _task(tx: Tx, action: ScheduledAction, pharmacy: Pharmacy, options: dict[str, str]) -> str:
    kind = ExceptionKind(options["kind"])
    if kind is ExceptionKind.CALL and _is_called_back(tx, action):
        return "The patient asked to be called: there is a task for that."
    if kind is ExceptionKind.RETURN_TO_STOCK and _is_billed_again(tx, action, pharmacy):
        return "Its claim was too old when it became ready: there is a task for that."
    hours = int(options.get("due_hours", 8))
    open_exception(
        tx,
        pharmacy_id=pharmacy.id,
        kind=kind,
        cause_key=_cause(action, kind),
        summary=options["summary"],
        owner_role=Role(options["role"]),
        due_at=tx.now + timedelta(hours=hours),
        severity=Severity(options.get("severity", Severity.NORMAL)),
        patient_id=action.patient_id,
        cycle_id=action.cycle_id,
        action_id=action.id,
        mirror=options.get("mirror", ()),
    )
    return "Task created."
