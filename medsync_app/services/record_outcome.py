"""Records how a call ended, and what follows: another try, another channel, or a person."""

from datetime import timedelta
from random import Random
from typing import Any

from medsync_app.connections.protocol import Accepted, Failure, SendFailed
from medsync_app.domain.causes import Cause
from medsync_app.domain.contact_rules import tried_key
from medsync_app.domain.retry import POLICY, FindOut, StopChannel, TryAgain
from medsync_app.domain.states import ActionState, Channel, ExceptionKind, Role, Severity
from medsync_app.domain.step_names import step_name
from medsync_app.outbox.attempts import NOT_CALLED, calls_made, note_not_called, own_errors
from medsync_app.outbox.claim import Claim
from medsync_app.outbox.settle import end_claim, settle_call, settle_doubt
from medsync_app.services.contact_settings import mark_unreachable, opt_out_in_group
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.fire_message import Call
from medsync_app.store.repositories.contact import channel_status
from medsync_app.store.session import Tx
from medsync_app.store.tables import ChannelStatus, ScheduledAction

_JITTER = Random()  # noqa: S311 (spreads retries, guards nothing)


def record_accepted(tx: Tx, call: Call, accepted: Accepted, duration_ms: int) -> bool:
    """The provider took it; False when the action has moved on in the meantime."""
    return settle_call(
        tx, call.claim, call.attempt_id, state=ActionState.SENT, outcome="sent", provider_id=accepted.provider_id,
        duration_ms=duration_ms,
    )  # fmt: skip


def record_not_called(tx: Tx, call: Call) -> bool:
    """The call was left out (no time left, an old decision, the end of the loop): it is due again at once.

    Also when a rescuer has put it in doubt meanwhile: whoever should have made the call knows that it was not made.
    """
    claim, why = call.claim, "The call was not begun in time."
    if settle_call(
        tx, claim, call.attempt_id, state=ActionState.QUEUED, outcome=NOT_CALLED, due_at=tx.now, error=why
    ):
        return True
    known = settle_doubt(
        tx, claim.action_id, claim.attempts + 1, call.attempt_id, state=ActionState.QUEUED, by="loop",
        outcome=NOT_CALLED, due_at=tx.now,
    )  # fmt: skip
    if known:
        cause = Cause.DOUBT.of(claim.action_id)
        close_exception(tx, pharmacy_id=claim.pharmacy_id, cause_key=cause, outcome=why)
    else:  # looked up, not found and queued again by now: it was no call all the same
        note_not_called(tx, call.attempt_id)
    return known


def record_unknown(tx: Tx, call: Call, error_type: str, duration_ms: int) -> ActionState | None:
    """Something unexpected broke the call: nobody knows whether it went out."""
    failed = SendFailed(Failure.IN_DOUBT, f"The connection broke ({error_type}).", code="unexpected")
    return record_failed(tx, call, failed, duration_ms)


def record_failed(tx: Tx, call: Call, failed: SendFailed, duration_ms: int) -> ActionState | None:
    """The call did not end with an acceptance; gives the action's new state, None when it had moved on."""
    action = tx.get(ScheduledAction, call.claim.action_id)
    state, values = _after(tx, call, action, failed)
    values.setdefault("reason", failed.message)
    changed = settle_call(
        tx, call.claim, call.attempt_id, state=state, outcome=failed.failure.value, error_code=failed.code,
        error=failed.message, duration_ms=duration_ms, **values,
    )  # fmt: skip
    if not changed:
        return None
    _consequences(tx, call, action, failed)
    return state


def _after(
    tx: Tx, call: Call, action: ScheduledAction, failed: SendFailed
) -> tuple[ActionState, dict[str, Any]]:
    calls = calls_on_this_way(tx, action)
    verdict = POLICY.decide(
        failed.failure, calls, retry_after=failed.retry_after, chance=_JITTER.random()
    )  # fmt: skip
    if isinstance(verdict, FindOut):
        return ActionState.IN_DOUBT, {}
    if isinstance(verdict, TryAgain | StopChannel):
        return ActionState.QUEUED, {"due_at": tx.now + timedelta(seconds=verdict.seconds)}
    tried = sorted({*action.payload.get("tried", ()), tried_key(call.channel, call.outgoing.to)})
    payload = {**action.payload, "tried": tried, "calls_before": call.claim.attempts + 1}
    return ActionState.QUEUED, {"due_at": tx.now, "payload": payload}


def calls_on_this_way(tx: Tx, action: ScheduledAction) -> int:
    """How many calls were made since the last change of channel or number."""
    return calls_made(tx, action.id, after=int(action.payload.get("calls_before", 0)))


def _consequences(tx: Tx, call: Call, action: ScheduledAction, failed: SendFailed) -> None:
    if failed.opted_out:
        how = f"provider code {failed.code}"
        opt_out_in_group(tx, action.pharmacy_id, call.channel, call.outgoing.to, how)
    elif failed.bad_address:
        mark_unreachable(tx, action.pharmacy_id, call.channel, call.outgoing.to, f"code {failed.code}")
    elif failed.failure is Failure.CONFIGURATION:
        stop_channel(tx, action.pharmacy_id, call.channel, f"{failed.message} (code {failed.code})")


def steady_jitter(seed: str) -> None:
    """The same jitter every time in this process: for simulations, which must repeat themselves."""
    _JITTER.seed(seed)


def stop_channel(tx: Tx, pharmacy_id: str, channel: Channel, reason: str) -> None:
    """Send nothing more on a channel until its settings are corrected; one exception says so."""
    status = channel_status(tx, pharmacy_id, channel)
    if status is None:
        status = tx.add(ChannelStatus(pharmacy_id=pharmacy_id, channel=channel))
    if status.stopped_at is None:
        status.stopped_at = tx.now
    status.reason = reason
    open_exception(
        tx, pharmacy_id=pharmacy_id, kind=ExceptionKind.CHANNEL_DOWN, cause_key=Cause.CHANNEL.of(channel.value),
        summary=f"No {channel.value} messages go out: the provider refuses our account or settings. Correct them, "
        "then start the channel again.",
        owner_role=Role.OWNER, due_at=due_in(tx, hours=2), severity=Severity.URGENT, detail={"reason": reason},
    )  # fmt: skip


def record_error(tx: Tx, claim: Claim, error_type: str) -> ActionState | None:
    """An error of our own kept an action from being done: later again, and after some tries a person's matter."""
    tries = own_errors(tx, claim.action_id, claim.attempts) + 1
    if tries < POLICY.max_errors:
        again = tx.now + timedelta(seconds=POLICY.wait(tries, chance=_JITTER.random()))
        done = end_claim(
            tx, claim, ActionState.QUEUED, f"Could not be done ({error_type}): tried again.", due_at=again,
            count_attempt=True,
        )  # fmt: skip
        return ActionState.QUEUED if done else None
    if not end_claim(tx, claim, ActionState.FAILED, f"Could not be done ({error_type}).", count_attempt=True):
        return None
    give_up(tx, claim.action_id, error_type)
    return ActionState.FAILED


def give_up(tx: Tx, action_id: str, error_type: str) -> None:
    """Hand an action that cannot be done to a person."""
    action = tx.get(ScheduledAction, action_id)
    open_exception(
        tx, pharmacy_id=action.pharmacy_id, kind=ExceptionKind.SEND_FAILED, cause_key=Cause.FAILED.of(action.id),
        summary=f"“{step_name(action.step, action.payload)}” could not be done: do it by hand and report the error.",
        owner_role=Role.PHARMACIST, due_at=due_in(tx, hours=8), severity=Severity.HIGH,
        patient_id=action.patient_id, cycle_id=action.cycle_id, action_id=action.id,
        detail={"error": error_type},
    )  # fmt: skip
