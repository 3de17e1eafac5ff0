"""The tab of rules: ways of renewal requests, fills on request, shares from which payers pay again, life of an Rx."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypedDict

from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Invalid
from medsync_app.reads.planning_rules import PlanningRules, ShareRule, planning_rules
from medsync_app.reads.renewal_paths import PrescriberPath, RenewalPaths, renewal_paths
from medsync_app.services.planning_rules import (
    EXPIRY_KINDS,
    ExpiryKind,
    set_each_expiry,
    set_threshold,
    typed_months,
    typed_share,
)
from medsync_app.services.renewal_paths import (
    PrescriberWay,
    change_prescriber,
    set_fill_on_request,
    set_renewal_path,
)
from medsync_app.services.rules import RENEWAL_PATHS
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import text_of
from medsync_app.ui.states.settings_place import one_place

PATH_NAMES: Final[Mapping[str, str]] = {
    "task": "A task: somebody faxes or calls",
    "fax": "Fax",
    "email_to_fax": "Fax by e-mail",
    "email": "E-mail",
    "portal": "Prescriber portal",
}
PAYERS: Final[Mapping[str, str]] = {
    "commercial": "Commercial plans",
    "part_d": "Medicare Part D",
    "medicaid": "Medicaid",
    "cash": "Cash",
}
#: Prescribers of a page; the rest is found by name.
_MOST: Final = 50


class ShareView(TypedDict):
    """From which share a payer or plan pays again."""

    id: str
    name: str
    share: str
    usual: str


class DoctorView(TypedDict):
    """One prescriber and the way renewal requests take."""

    id: str
    name: str
    path: str
    way: str
    fax: str
    email: str
    count: str


NOBODY: Final[DoctorView] = {
    "id": "", "name": "", "path": "", "way": "", "fax": "", "email": "", "count": "",
}  # fmt: skip


class RulesTabState(AppState):
    """The rules as they stand; each form changes one of them."""

    ready: bool = False
    usual_path: str = "task"
    paths: list[list[str]] = []
    #: Payers by whether their fills wait for the patient's word.
    on_request: dict[str, bool] = dict.fromkeys(PAYERS, False)
    #: Said of a usual path whose connection has no settings.
    by_hand: str = ""
    shares: list[ShareView] = []
    plan_names: list[str] = []
    months: dict[str, str] = {"none": "", "5": ""}
    doctors: list[DoctorView] = []
    more_doctors: str = ""
    doctor: DoctorView = NOBODY
    doctor_open: bool = False
    form_key: int = 0

    _find: str = ""

    @handler(Permission.MANAGE_SETTINGS)
    async def open_tab(self, caller: Caller) -> Any:
        """Show them."""
        self.doctor_open, self._find = False, ""
        await self._show(caller)
        over, doctor_id = self._over()
        return self._then("ask_doctor", doctor_id) if over == "doctor" else None

    @handler(Permission.MANAGE_SETTINGS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed; what is being typed stays."""
        if await self._changed(caller):
            await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def save_path(self, caller: Caller, form: dict[str, Any]) -> None:
        """The way of renewal requests to prescribers without one of their own."""
        await self._act(caller, "Saved.", set_renewal_path, one_place(caller), text_of(form, "path"))

    @handler(Permission.MANAGE_SETTINGS)
    async def save_on_request(self, caller: Caller, form: dict[str, Any]) -> None:
        """Whose fills are prepared only when the patient has asked for them."""
        payers = [payer for payer in PAYERS if form.get(f"request_{payer}")]
        await self._act(caller, "Saved.", set_fill_on_request, one_place(caller), payers)

    @handler(Permission.MANAGE_SETTINGS)
    async def save_share(self, caller: Caller, form: dict[str, Any]) -> None:
        """From which share a payer or plan pays again; empty goes back to the usual one."""
        share = typed_share(text_of(form, "share"))
        await self._act(
            caller, "Saved.", set_threshold, one_place(caller), _plan(text_of(form, "plan")), share
        )
        self.form_key += 1

    @handler(Permission.MANAGE_SETTINGS)
    async def save_months(self, caller: Caller, form: dict[str, Any]) -> None:
        """How long an Rx may be filled after it was written, by the rule of the state."""
        wanted: dict[ExpiryKind, int | None] = {
            kind: typed_months(text_of(form, f"months_{kind}"), f"months_{kind}") for kind in EXPIRY_KINDS
        }
        moved = await self._command(caller, set_each_expiry, one_place(caller), wanted)
        self._say(f"Saved. {say.plural(moved, 'Rx', 'Rx')} end on another day." if moved else "Saved.")
        await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def find_doctor(self, caller: Caller, text: str) -> None:
        """Prescribers whose name holds the text."""
        self._find = text.strip().casefold()
        await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def ask_doctor(self, caller: Caller, doctor_id: str) -> None:
        """Open the form of one prescriber."""
        found = next((one for one in self.doctors if one["id"] == doctor_id), None)
        if found is None:
            raise Invalid("This prescriber is not there any more. Reload the page.")
        self.doctor, self.doctor_open = found, True

    @handler(Permission.VIEW)
    async def leave_doctor(self, caller: Caller) -> None:
        """Close the form; nothing changes."""
        self.doctor_open = False

    @handler(Permission.MANAGE_SETTINGS)
    async def save_doctor(self, caller: Caller, form: dict[str, Any]) -> None:
        """The way, number and address of one prescriber; requests made from now on take it."""
        way = PrescriberWay(text_of(form, "way"), text_of(form, "fax"), text_of(form, "email"))
        await self._act(caller, "Saved.", change_prescriber, self.doctor["id"], way)
        self.doctor_open = False

    async def _show(self, caller: Caller) -> None:
        place = one_place(caller)
        rules = await self._read(caller, planning_rules, place)
        paths = await self._read(caller, renewal_paths, place)
        self._fill_rules(rules)
        self._fill_paths(paths)
        self.ready = True

    def _fill_rules(self, rules: PlanningRules) -> None:
        self.shares = [_share_view(rule) for rule in rules.shares]
        self.plan_names = [*PAYERS.values(), *(name for name in rules.plan_names[:200] if name not in PAYERS)]
        self.months = {kind: str(months or "") for kind, months in rules.expiry_months.items()}

    def _fill_paths(self, found: RenewalPaths) -> None:
        self.usual_path = found.usual
        self.on_request = {payer: payer in found.fill_on_request for payer in PAYERS}
        self.paths = [[path, PATH_NAMES[path]] for path in RENEWAL_PATHS]
        works = found.usual == "task" or found.usual in found.by_themselves
        self.by_hand = (
            "" if works else "This connection has no settings yet: requests become tasks until then."
        )
        fitting = [one for one in found.prescribers if self._find in one.name.casefold()]
        self.doctors = [_doctor_view(one, found.usual) for one in fitting[:_MOST]]
        self.more_doctors = f"{len(fitting) - _MOST:,}" if len(fitting) > _MOST else ""


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"


def _plan(typed: str) -> str:
    """The code of a payer by its name; a plan's name stays as it is."""
    codes = {name.lower(): code for code, name in PAYERS.items()}
    return codes.get(typed.lower(), typed)


def _share_view(rule: ShareRule) -> ShareView:
    usual = "" if rule.default is None or rule.default == rule.share else f"usually {_percent(rule.default)}"
    return {
        "id": rule.name, "name": PAYERS.get(rule.name, rule.name), "share": _percent(rule.share), "usual": usual,
    }  # fmt: skip


def _doctor_view(one: PrescriberPath, usual: str) -> DoctorView:
    return {
        "id": one.prescriber_id, "name": one.name, "path": one.path,
        "way": PATH_NAMES.get(one.path, "") or f"As usual: {PATH_NAMES[usual][:1].lower()}{PATH_NAMES[usual][1:]}",
        "fax": say.phone(one.fax), "email": one.email, "count": say.plural(one.prescriptions, "Rx", "Rx"),
    }  # fmt: skip
