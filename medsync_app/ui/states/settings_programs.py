"""The other programs on the tab of connections: what is set up, and how its last test ended."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain.states import OutsideKind, OutsideState
from medsync_app.errors import Invalid
from medsync_app.reads.program_tests import ProgramTest, program_tests
from medsync_app.services.outside_jobs import send_test
from medsync_app.settings import Settings, get_settings
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import text_of
from medsync_app.ui.states.settings_place import one_place, zone_of

#: Program -> its name, what goes there, the settings it needs, and what a test asks for ("" nothing).
_PROGRAMS: Final[Mapping[OutsideKind, tuple[str, str, str, str]]] = {
    OutsideKind.SLACK: ("Slack", "Tasks", "SLACK_BOT_TOKEN and SLACK_CHANNEL, or SLACK_WEBHOOK_URL", ""),
    OutsideKind.ASANA: ("Asana", "Tasks", "ASANA_TOKEN and ASANA_PROJECT", ""),
    OutsideKind.TRELLO: ("Trello", "Tasks", "TRELLO_KEY, TRELLO_TOKEN and TRELLO_LIST", ""),
    OutsideKind.FAX: (
        "Fax (RingCentral)", "Renewal requests",
        "RINGCENTRAL_CLIENT_ID, RINGCENTRAL_CLIENT_SECRET and RINGCENTRAL_JWT", "Fax number",
    ),
    OutsideKind.EMAIL_TO_FAX: (
        "Fax by e-mail", "Renewal requests", "SMTP_URL, SMTP_FROM and FAX_EMAIL_DOMAIN", "Fax number",
    ),
    OutsideKind.EMAIL: ("E-mail to prescribers", "Renewal requests", "SMTP_URL and SMTP_FROM", "E-mail address"),
    OutsideKind.PORTAL: (
        "Prescriber portal", "Renewal requests", "PORTAL_WEBHOOK_URL and PORTAL_WEBHOOK_SECRET", "",
    ),
    OutsideKind.PHARMACY: (
        "Pharmacy system", "Prepared batches", "PHARMACY_WEBHOOK_URL and PHARMACY_WEBHOOK_SECRET", "",
    ),
}  # fmt: skip


class ProgramView(TypedDict):
    """One program; `asks` is the label of what a test needs, "" when it needs nothing."""

    kind: str
    name: str
    carries: str
    tone: str
    state: str
    detail: str
    ready: bool
    asks: str
    tested: str
    tested_tone: str


class ProgramsState(AppState):
    """What is told of tasks, renewal requests and batches."""

    programs: list[ProgramView] = []
    #: The program whose form has the mistake that is shown.
    tested_kind: str = ""
    form_key: int = 0

    @handler(Permission.MANAGE_SETTINGS)
    async def load_programs(self, caller: Caller) -> None:
        """Show them; nothing while no location is chosen."""
        if self.router.url.query_parameters.get("tab", "") == "connections" and len(caller.shown) == 1:
            await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """A test ends when the loop has worked it."""
        if len(caller.shown) == 1 and await self._changed(caller):
            await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def test_program(self, caller: Caller, form: dict[str, Any]) -> None:
        """Queue a test; the loop makes the call."""
        kind = text_of(form, "kind")
        if kind not in list(OutsideKind):
            raise Invalid("There is no such connection. Reload the page.")
        self.tested_kind = kind
        to = text_of(form, f"to-{kind}")
        await self._command(caller, send_test, one_place(caller), OutsideKind(kind), to)
        self.form_key += 1
        self._say("The test is queued. Its result appears here.")
        await self._show(caller)

    async def _show(self, caller: Caller) -> None:
        place = one_place(caller)
        tests = await self._read(caller, program_tests, place)
        now, zone, settings = runtime.clock().now(), zone_of(caller, place), get_settings()
        said = {kind: _result(test, say.moment(test.at, now, zone)) for kind, test in tests.items()}
        self.programs = [_view(kind, settings, *said.get(kind, ("", "neutral"))) for kind in _PROGRAMS]


def _view(kind: OutsideKind, settings: Settings, tested: str, tested_tone: str) -> ProgramView:
    name, carries, needed, asks = _PROGRAMS[kind]
    ready = kind in settings.outside
    tone, state = ("info", "Sandbox") if not settings.live else ("good", "Connected")
    return {
        "kind": kind.value, "name": name, "carries": carries,
        "tone": tone if ready else "neutral", "state": state if ready else "Not set up",
        "detail": "" if ready else f"Needs {needed} in .env.",
        "ready": ready, "asks": asks, "tested": tested, "tested_tone": tested_tone,
    }  # fmt: skip


def _result(test: ProgramTest, when: str) -> tuple[str, str]:
    if test.state is OutsideState.SENT:
        where = "kept in the sandbox, nothing left this computer" if test.sandbox else "taken"
        return f"Test {where}, {when}.", "good"
    if test.state in (OutsideState.QUEUED, OutsideState.CALLING):
        return f"Test queued {when}.", "info"
    return f"Test failed, {when}: {test.reason}", "bad"
