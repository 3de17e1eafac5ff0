"""Decides about one thing for another program when it is due, and records how the call ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

from medsync_app.connections.outside import Letter, Placed, TaskNews
from medsync_app.connections.protocol import CALL_SECONDS, Failure, SendFailed
from medsync_app.domain.causes import Cause
from medsync_app.domain.retry import POLICY
from medsync_app.domain.states import (
    ExceptionKind,
    ExceptionState,
    OutsideKind,
    OutsideState,
    RenewalState,
    Role,
    Severity,
)
from medsync_app.errors import MedSyncError
from medsync_app.services.agreements import OF_PROGRAM, Carrier, signed_on
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.services.outside_jobs import BOARDS, TEST
from medsync_app.services.pdf_text import pdf_of
from medsync_app.services.renewal_letter import letter_of, portal_event
from medsync_app.services.renewals import renewal_task
from medsync_app.settings import get_settings
from medsync_app.store.repositories import outside
from medsync_app.store.repositories.renewals import UNANSWERED
from medsync_app.store.session import Tx
from medsync_app.store.tables import ExceptionCase, OutsideJob, Pharmacy, RenewalRequest

#: Room for two requests (a token and the fax) with their time-outs.
LEASE = timedelta(seconds=3 * CALL_SECONDS + 30)
#: So many calls, waits doubling up to half an hour: about half a day.
MAX_CALLS = 24
#: A repeated fax or e-mail cannot be told from a new one: a doubt goes to a person.
_ONCE_ONLY = frozenset({OutsideKind.FAX, OutsideKind.EMAIL_TO_FAX, OutsideKind.EMAIL})
_JITTER = Random()  # noqa: S311 (spreads retries, guards nothing)


@dataclass(frozen=True, slots=True)
class OutsideCall:
    """One call to make outside any transaction; what fits the kind is set."""

    job_id: str
    kind: OutsideKind
    op: str
    attempts: int
    is_demo: bool
    #: Who would carry patients' data without an agreement on record; None for whoever may.
    without: Carrier | None = None
    news: TaskNews | None = None
    ref: str = ""
    letter: Letter | None = None
    event: Mapping[str, Any] = field(default_factory=lambda: dict[str, Any]())


def begin(tx: Tx, job_id: str) -> OutsideCall | None:
    """Mark a due job as calling and give the call; None when it is not due any more, or there is nothing to call."""
    job = tx.get(OutsideJob, job_id, lock=True)
    if job.state is OutsideState.CALLING and job.lease_until is not None and job.lease_until <= tx.now:
        if job.kind in _ONCE_ONLY:
            _doubt(tx, job, "The program stopped during the call.")
            return None
    elif job.state is not OutsideState.QUEUED or job.due_at > tx.now:
        return None
    try:
        call = _call_of(tx, job)
    except MedSyncError as error:
        _give_up(tx, job, error.message)
        return None
    if call is not None:
        job.state, job.attempts, job.lease_until = OutsideState.CALLING, job.attempts + 1, tx.now + LEASE
    return call


def _call_of(tx: Tx, job: OutsideJob) -> OutsideCall | None:
    pharmacy = tx.get(Pharmacy, job.pharmacy_id)
    base = OutsideCall(job.id, job.kind, job.op, job.attempts + 1, pharmacy.is_demo)
    if job.op == TEST:
        return _test_call(tx, job, base)
    carrier = OF_PROGRAM.get(job.kind)
    if carrier is not None and signed_on(pharmacy, carrier) is None:
        base = replace(base, without=carrier)
    if job.exception_id is not None:
        return _task_call(tx, job, base)
    if job.renewal_id is not None:
        row = tx.get(RenewalRequest, job.renewal_id)
        if row.state not in UNANSWERED:
            return _drop(job, "The prescriber has answered.")
        if job.kind is OutsideKind.PORTAL:
            return replace(base, event=portal_event(tx, row))
        return replace(base, letter=letter_of(tx, row))
    return replace(base, event={"event_id": job.id, **job.payload})


def _test_call(tx: Tx, job: OutsideJob, base: OutsideCall) -> OutsideCall:
    """Something of each kind that holds nothing but the pharmacy's name."""
    pharmacy = tx.get(Pharmacy, job.pharmacy_id)
    title, body = (
        f"Test from {pharmacy.name}",
        "MedSync sent this to try the connection. Nothing is to be done.",
    )
    if job.kind in BOARDS:
        url = f"{get_settings().medsync_public_url}/settings?tab=connections"
        return replace(base, news=TaskNews(title=title, body=body, url=url, due_at=tx.now))
    if job.kind in _ONCE_ONLY:
        to, name = job.payload["to"], pharmacy.name
        return replace(base, letter=Letter(to, title, f"{title}\n\n{body}", pdf_of([title, "", body]), name))
    return replace(base, event={"event": "test", "event_id": job.id})


def _task_call(tx: Tx, job: OutsideJob, base: OutsideCall) -> OutsideCall | None:
    case = tx.get(ExceptionCase, job.exception_id)
    if job.op == "open":
        if case.state is not ExceptionState.OPEN:
            return _drop(job, "It was settled before it was shown there.")
        return replace(base, news=_news(tx, case))
    opened = outside.by_key(tx, f"open:{job.kind}:{case.id}")
    if opened is None or opened.state in (OutsideState.DROPPED, OutsideState.FAILED):
        return _drop(job, "It was never shown there.")
    if not opened.external_ref:  # still on its way
        job.due_at = tx.now + timedelta(minutes=1)
        return None
    return replace(base, ref=opened.external_ref)


def _news(tx: Tx, case: ExceptionCase) -> TaskNews:
    """No patient data: kind and pharmacy, the summary (which holds none), and a link that asks for a sign-in."""
    pharmacy = tx.get(Pharmacy, case.pharmacy_id)
    kind = case.kind.value.replace("_", " ").capitalize()
    return TaskNews(
        title=f"{kind} at {pharmacy.name}", body=case.summary, due_at=case.due_at,
        url=f"{get_settings().medsync_public_url}/exceptions?open={case.id}",
    )  # fmt: skip


def record_done(tx: Tx, call: OutsideCall, placed: Placed) -> bool:
    """The other program took it; False when the job has moved on meanwhile."""
    job = _held(tx, call)
    if job is None:
        return False
    job.state, job.sent_at, job.lease_until, job.reason = OutsideState.SENT, tx.now, None, ""
    job.external_ref, job.external_url = placed.ref, placed.url
    if job.renewal_id is not None:
        row = tx.get(RenewalRequest, job.renewal_id)
        row.sent_at = tx.now
        if row.state is RenewalState.OPEN:
            row.state = RenewalState.SENT
    close_exception(
        tx,
        pharmacy_id=job.pharmacy_id,
        cause_key=Cause.OUTSIDE.of(job.kind.value),
        outcome="It takes what we send again.",
    )
    return True


def record_failed(tx: Tx, call: OutsideCall, failed: SendFailed) -> bool:
    """It did not: again later, or a person's matter. False when the job has moved on meanwhile."""
    job = _held(tx, call)
    if job is None:
        return False
    job.lease_until, job.reason = None, failed.message
    if job.op == TEST:  # whoever tries it looks at the answer now, and not at a later one
        job.state = OutsideState.FAILED
        return True
    if failed.failure is Failure.IN_DOUBT and job.kind in _ONCE_ONLY:
        _doubt(tx, job, failed.message)
    elif failed.failure is Failure.CONFIGURATION:
        job.state, job.due_at = OutsideState.QUEUED, tx.now + timedelta(seconds=POLICY.stopped_wait)
        _settings_problem(tx, job, failed.message)
    elif failed.failure is Failure.PERMANENT or job.attempts >= MAX_CALLS:
        _give_up(tx, job, failed.message)
    else:
        wait = POLICY.wait(job.attempts, retry_after=failed.retry_after, chance=_JITTER.random())
        job.state, job.due_at = OutsideState.QUEUED, tx.now + timedelta(seconds=wait)
    return True


def record_kept(tx: Tx, call: OutsideCall) -> None:
    """In the sandbox nothing leaves: what would have gone is kept as sent."""
    record_done(tx, call, Placed(f"sandbox-{call.job_id}"))


def _held(tx: Tx, call: OutsideCall) -> OutsideJob | None:
    job = tx.get(OutsideJob, call.job_id, lock=True)
    same = job.state is OutsideState.CALLING and job.attempts == call.attempts
    return job if same else None


def _drop(job: OutsideJob, why: str) -> None:
    job.state, job.reason, job.lease_until = OutsideState.DROPPED, why, None


def _give_up(tx: Tx, job: OutsideJob, why: str) -> None:
    job.state, job.reason, job.lease_until = OutsideState.FAILED, why, None
    if job.renewal_id is not None:
        row = tx.get(RenewalRequest, job.renewal_id)
        renewal_task(tx, row, f"The renewal request could not be sent ({why}) Send it by hand.")
    elif job.kind not in BOARDS:
        _settings_problem(tx, job, why)


def _doubt(tx: Tx, job: OutsideJob, why: str) -> None:
    job.state, job.reason, job.lease_until = OutsideState.IN_DOUBT, why, None
    if job.renewal_id is not None:
        row = tx.get(RenewalRequest, job.renewal_id)
        renewal_task(
            tx, row, f"It is not known whether the renewal request went out. {why} Ask the prescriber."
        )


def _settings_problem(tx: Tx, job: OutsideJob, why: str) -> None:
    """One exception per program, not one per task."""
    open_exception(
        tx, pharmacy_id=job.pharmacy_id, kind=ExceptionKind.CHANNEL_DOWN, cause_key=Cause.OUTSIDE.of(job.kind.value),
        summary=f"{job.kind.value.replace('_', ' ').capitalize()} does not take what we send: correct its settings.",
        owner_role=Role.OWNER, due_at=due_in(tx, hours=24), severity=Severity.HIGH, detail={"reason": why},
    )  # fmt: skip
