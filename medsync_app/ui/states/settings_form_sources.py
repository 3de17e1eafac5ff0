"""Forms of others and the pharmacy system on the tab of forms: addresses, what came, and which question fills what."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

from pydantic import SecretStr

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.connections.csv.fields import FIELD_BY_KEY
from medsync_app.domain.form_mapping import FormMapping
from medsync_app.domain.pharmacy_events import WORDED, EventMapping
from medsync_app.domain.states import JoinOrigin
from medsync_app.errors import Invalid
from medsync_app.reads.form_sources import Source, form_sources
from medsync_app.services.change_form_mapping import BETWEEN, change_mapping, fields_of, typed_mapping
from medsync_app.settings import Settings, get_settings, is_loopback
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import text_of
from medsync_app.ui.states.settings_place import one_place, zone_of

#: Sender -> its name, the path of its address, the setting with its secret, and what is done at the sender.
_SENDERS: Final[Mapping[JoinOrigin, tuple[str, str, str, str]]] = {
    JoinOrigin.TYPEFORM: (
        "Typeform", "forms/typeform/{}", "typeform_webhook_secret",
        "In Typeform under Connect, Webhooks: add this address, and the secret below its settings.",
    ),
    JoinOrigin.GOOGLE_FORM: (
        "Google Forms", "forms/google/{}", "google_form_secret",
        "Put the script docs/google_form.js into the form's script editor, with this address and the secret.",
    ),
    JoinOrigin.PHARMACY_SYSTEM: (
        "Pharmacy system", "events/{}", "pharmacy_events_secret",
        "It posts signed events here (docs/events.md). What could not be used is shown under Connections.",
    ),
    JoinOrigin.PIONEERRX: (
        "PioneerRx", "events/{}/pioneerrx", "pharmacy_events_secrets",
        "Its Rx events come here, with this location's own secret (docs/events.md).",
    ),
}  # fmt: skip
_LABELS: Final = {
    "first_name": "First name", "last_name": "Last name", "full_name": "Name in one", "birth_date": "Date of birth",
    "phone": "Phone", "email": "E-mail", "consent": "Agrees to texts", "language": "Language",
    "medicines": "Medicines", "consent_wording": "Words agreed to", "source_id": "Patient's id",
    "event": "What happened", "occurred_at": "When it happened", "ignored": "Words that say nothing of interest",
    **{kind: f"Words for {kind}" for kind in WORDED},
}  # fmt: skip


class FieldView(TypedDict):
    """One of our fields and the questions that fill it."""

    name: str
    label: str
    value: str


class SourceView(TypedDict):
    """One sender; its address is to be pasted there."""

    origin: str
    name: str
    tone: str
    state: str
    detail: str
    how: str
    address: str
    received: str
    refused: str
    reads: str
    is_own: bool


class FormSourcesState(AppState):
    """The senders, and the mapping that is being changed ("" none)."""

    sources: list[SourceView] = []
    editing: str = ""
    fields: list[FieldView] = []
    yes: str = ""
    language: str = "en"
    is_form: bool = True
    form_key: int = 0

    @handler(Permission.MANAGE_SETTINGS)
    async def load_sources(self, caller: Caller) -> None:
        """Show them; nothing while no location is chosen."""
        self.editing = ""
        if self.router.url.query_parameters.get("tab", "") == "join" and len(caller.shown) == 1:
            await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS, activity=False)
    async def poll_sources(self, caller: Caller) -> None:
        """What was just sent appears by itself."""
        if len(caller.shown) == 1 and await self._changed(caller):
            await self._show(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def edit(self, caller: Caller, origin: str) -> None:
        """Open the mapping of one sender, or close it again."""
        chosen = _origin(origin)
        found = await self._read(caller, form_sources, one_place(caller))
        mapping = next(one.mapping for one in found if one.origin is chosen)
        self.editing = "" if self.editing == origin else origin
        self.fields = [
            {"name": f"map_{name}", "label": _label(name), "value": _joined(_names_in(mapping, name))}
            for name in fields_of(chosen)
        ]
        self.is_form = isinstance(mapping, FormMapping)
        if isinstance(mapping, FormMapping):
            self.yes, self.language = _joined(mapping.yes), mapping.language
        self.form_key += 1

    @handler(Permission.MANAGE_SETTINGS)
    async def save_mapping(self, caller: Caller, form: dict[str, Any]) -> None:
        """Read forms from now on as it was typed."""
        origin = _origin(self.editing)
        typed = {name.removeprefix("map_"): text_of(form, name) for name in form}
        try:
            mapping = typed_mapping(origin, typed)
        except Invalid as error:
            raise Invalid(error.message, f"map_{error.field}" if error.field else None) from None
        await self._close_and(caller, "Saved. What comes from now on is read so.", origin, mapping)

    @handler(Permission.MANAGE_SETTINGS)
    async def use_preset(self, caller: Caller) -> None:
        """Go back to the mapping that MedSync brings."""
        await self._close_and(
            caller, "The list that MedSync brings is used again.", _origin(self.editing), None
        )

    async def _close_and(self, caller: Caller, said: str, origin: JoinOrigin, mapping: Any) -> None:
        await self._act(caller, said, change_mapping, one_place(caller), origin, mapping)
        self.editing = ""

    async def _show(self, caller: Caller) -> None:
        place = one_place(caller)
        found = await self._read(caller, form_sources, place)
        now, zone, settings = runtime.clock().now(), zone_of(caller, place), get_settings()
        self.sources = [
            _view(
                one, settings, say.moment(one.received_at, now, zone), say.moment(one.refused_at, now, zone)
            )
            for one in found
        ]


def _view(one: Source, settings: Settings, received: str, refused: str) -> SourceView:
    name, path, setting, how = _SENDERS[one.origin]
    if one.origin is JoinOrigin.PHARMACY_SYSTEM:
        ready = bool(settings.events_secret(one.slug))
    elif one.origin is JoinOrigin.PIONEERRX:
        ready = bool(settings.own_events_secret(one.slug))
    else:
        secret: SecretStr | None = getattr(settings, setting)
        ready = secret is not None and bool(secret.get_secret_value())
    unreachable = is_loopback(settings.medsync_public_url)
    detail = "" if ready else f"Set {setting.upper()} in .env, then start MedSync again."
    if ready and unreachable:
        detail = "Nobody else reaches this address: set MEDSYNC_PUBLIC_URL to one that they do."
    return {
        "origin": one.origin.value, "name": name,
        "tone": "neutral" if not ready else "good" if received else "info",
        "state": "Not set up" if not ready else "Receiving" if received else "Ready",
        "detail": detail, "how": how, "address": f"{settings.medsync_public_url}/api/v1/{path.format(one.slug)}",
        "received": received or "nothing yet",
        "refused": f"{refused}: {one.refusal}" if refused else "",
        "reads": "Read by this pharmacy's own list." if one.is_own else "Read by the list that MedSync brings.",
        "is_own": one.is_own,
    }  # fmt: skip


def _label(name: str) -> str:
    return _LABELS.get(name) or FIELD_BY_KEY[name].label


def _names_in(mapping: FormMapping | EventMapping, name: str) -> tuple[str, ...]:
    if isinstance(mapping, EventMapping) and name == "ignored":
        return mapping.ignored
    places = mapping.events if isinstance(mapping, EventMapping) and name in WORDED else mapping.fields
    return places.get(name, ())


def _joined(names: tuple[str, ...]) -> str:
    return f"{BETWEEN} ".join(names)


def _origin(text: str) -> JoinOrigin:
    if text not in [origin.value for origin in _SENDERS]:
        raise Invalid("There is no such form. Reload the page.")
    return JoinOrigin(text)
