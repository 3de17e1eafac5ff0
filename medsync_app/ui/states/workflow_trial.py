"""The dry run on the workflow page: begun here, made in the background, followed and read from the database."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final, TypedDict, cast

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import changing, handler
from medsync_app.auth.incidents import message_for, note_incident
from medsync_app.auth.permissions import Permission
from medsync_app.domain.condition_words import CHANNEL_NAMES
from medsync_app.domain.states import Channel
from medsync_app.engine.dry_run import DryRun, dry_run
from medsync_app.errors import Invalid, MedSyncError
from medsync_app.reads.trial import Trial, trial
from medsync_app.services.trial_run import (
    KEPT_MESSAGES,
    SILENT,
    Begun,
    begin_trial,
    finish_trial,
    found_of,
    note_progress,
    stop_trial,
)
from medsync_app.store.scope import Scope
from medsync_app.store.session import Tx
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import text_of
from medsync_app.ui.states.settings_place import one_place, zone_of

#: Days that a run may look ahead.
SPANS: Final = (7, 30, 90)
#: How often a run says how far it is.
_BEAT_SECONDS: Final = 1.0


class StepCount(TypedDict):
    """What one step would send."""

    id: str
    name: str
    sent: str
    not_sent: str


class DayCount(TypedDict):
    """What would go out on one day; `width` of its bar in percent."""

    id: str
    day: str
    count: str
    width: str


class TrialMessage(TypedDict):
    """One message of the run."""

    id: str
    patient_id: str
    name: str
    step: str
    channel: str
    at: str
    text: str


class _Stopped(Exception):
    """Somebody stopped the run."""


class WorkflowTrialState(AppState):
    """The last dry run of the location."""

    running: bool = False
    percent: int = 0
    began: str = ""
    of: str = ""
    broken: str = ""
    done: bool = False
    #: In one sentence.
    summary: str = ""
    steps: list[StepCount] = []
    days: list[DayCount] = []
    reasons: list[str] = []
    messages: list[TrialMessage] = []
    more: str = ""

    @handler(Permission.EDIT_WORKFLOW)
    async def load(self, caller: Caller) -> None:
        """Show the last run."""
        await self._look(caller)

    @handler(Permission.EDIT_WORKFLOW, activity=False)
    async def follow(self, caller: Caller) -> None:
        """See how far the run is. Asked every two seconds while one is under way."""
        if self.running:
            await self._look(caller)

    @handler(Permission.EDIT_WORKFLOW, background=True)
    async def start(self, caller: Caller, form: dict[str, Any]) -> None:
        """Begin a run; it goes on when the page is left."""
        typed = text_of(form, "days")
        if typed not in {str(days) for days in SPANS}:
            raise Invalid("Choose how many days to look ahead.", "days")
        place = one_place(caller)
        begun = await self._command(caller, begin_trial, place, int(typed))
        async with changing(self):
            self.running, self.done, self.percent = True, False, 0
        await asyncio.to_thread(_run, place, begun, int(typed))
        async with changing(self):
            await self._look(caller)

    @handler(Permission.EDIT_WORKFLOW)
    async def stop(self, caller: Caller) -> None:
        """Stop the run."""
        await self._command(caller, stop_trial, one_place(caller))
        self._say("The dry run is stopped.")
        await self._look(caller)

    async def _look(self, caller: Caller) -> None:
        if len(caller.shown) != 1:
            self.running, self.done = False, False
            return
        place = one_place(caller)
        found = await self._read(caller, trial, place)
        self.running, self.done, self.broken, self.summary = False, False, "", ""
        if found is None:
            return
        now, zone = runtime.clock().now(), zone_of(caller, place)
        self.began = f"{say.moment(found.started_at, now, zone)} by {found.started_by}"
        self.of = f"version {found.number}" if found.number else "the changes that are not published"
        self.percent = found.percent
        if found.finished_at is None:
            self.running = now - found.beat_at < SILENT
            self.broken = "" if self.running else "The dry run ended before its time. Start it again."
        elif found.error:
            self.broken = found.error
        else:
            self._fill(found, zone)
            self.done = True

    def _fill(self, found: Trial, zone: str) -> None:
        result = found.result
        self.summary = _summary(found)
        self.steps = [
            {
                "id": step, "name": found.names.get(step, say.code_words(step)), "sent": f"{sent:,}",
                "not_sent": f"{kept:,}",
            }
            for step, (sent, kept) in sorted(result["steps"].items(), key=lambda item: -item[1][0])
        ]  # fmt: skip
        most = max([1, *result["days"].values()])
        self.days = [
            {
                "id": day, "day": say.day(date.fromisoformat(day)), "count": f"{count:,}",
                "width": f"{100 * count / most:.0f}%",
            }
            for day, count in result["days"].items()
        ]  # fmt: skip
        self.reasons = [f"{count:,}: {reason or 'no reason noted'}" for reason, count in result["reasons"]]
        self.messages = [_message(index, one, found, zone) for index, one in enumerate(result["messages"])]
        more = result["sent"] - KEPT_MESSAGES
        self.more = f"The first {KEPT_MESSAGES} of {result['sent']:,}." if more > 0 else ""


def _summary(found: Trial) -> str:
    result = found.result
    ways = [f"{count:,} by {CHANNEL_NAMES[channel]}" for channel, count in sorted(result["channels"].items())]
    texts = f" ({result['segments']:,} text segments)" if Channel.SMS.value in result["channels"] else ""
    return (
        f"In {say.plural(found.days, 'day')}: {say.plural(result['sent'], 'message')} to "
        f"{say.plural(result['patients'], 'patient')}{': ' if ways else ''}{', '.join(ways)}{texts}. "
        f"{say.plural(result['not_sent'], 'message')} held back."
    )


def _message(index: int, one: Mapping[str, Any], found: Trial, zone: str) -> TrialMessage:
    at = datetime.fromisoformat(one["at"])
    return {
        "id": str(index),
        "patient_id": one["patient_id"],
        "name": say.patient_name(*found.people.get(one["patient_id"], ("", ""))),
        "step": found.names.get(one["step"], say.code_words(one["step"])),
        "channel": CHANNEL_NAMES[one["channel"]],
        "at": say.moment(at, found.started_at, zone),
        "text": one["text"] or "",
    }


def _run(pharmacy_id: str, begun: Begun, days: int) -> None:
    """Make the run and keep what it found; blocks, so it runs in a thread."""
    database, clock = runtime.database(), runtime.clock()
    scope = Scope.system("dry run")
    last = time.monotonic()

    def write(step: Callable[[Tx], Any]) -> Any:
        with database.transaction(scope, clock) as tx:
            return step(tx)

    def progress(share: float) -> None:
        nonlocal last
        if time.monotonic() - last < _BEAT_SECONDS:
            return
        last = time.monotonic()
        if not write(lambda tx: note_progress(tx, begun.run_id, round(100 * share))):
            raise _Stopped

    try:
        found: DryRun = dry_run(
            database, clock, pharmacy_id, days=days, channels=list(Channel), document=begun.document,
            progress=progress,
        )  # fmt: skip
        result, error = found_of(found.sent, found.not_sent, found.zone), ""
    except _Stopped:
        return
    except MedSyncError as refused:
        result, error = cast("dict[str, Any]", {}), refused.message
    except Exception as broken:
        result = cast("dict[str, Any]", {})
        error = message_for(note_incident(broken, "dry run"))
    write(lambda tx: finish_trial(tx, begun.run_id, result, error))
