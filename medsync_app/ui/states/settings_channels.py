"""The tabs of connections and of backups: what is set up, and what can be done by hand."""

import asyncio
from typing import Any, Final, TypedDict

from medsync_app.auth import runtime
from medsync_app.auth.caller import Caller
from medsync_app.auth.guard import handler
from medsync_app.auth.permissions import Permission
from medsync_app.domain.states import Channel
from medsync_app.errors import Invalid, Unavailable
from medsync_app.reads.settings import Backup, ChannelFacts, agreements, backup_runs, channels
from medsync_app.services.agreements import OF_CHANNEL
from medsync_app.services.audit import audit
from medsync_app.services.backup import nightly_backup
from medsync_app.services.channel_care import send_test_message, start_channel
from medsync_app.settings import Settings, get_settings, is_loopback
from medsync_app.store.session import Tx
from medsync_app.ui import format as say
from medsync_app.ui.states.base import AppState
from medsync_app.ui.states.form_fields import text_of
from medsync_app.ui.states.settings_place import one_place, zone_of


class ChannelView(TypedDict):
    """One way out."""

    channel: str
    name: str
    provider: str
    tone: str
    state: str
    detail: str
    last: str
    stopped: bool


class ChannelsTabState(AppState):
    """Texts, calls and e-mail as they are set up."""

    rows: list[ChannelView] = []
    live: bool = False
    form_key: int = 0
    ready: bool = False

    @handler(Permission.MANAGE_SETTINGS)
    async def open_tab(self, caller: Caller) -> None:
        """Show the channels."""
        await self._fill(caller)

    @handler(Permission.MANAGE_SETTINGS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Look again when something changed; what is being typed stays."""
        if await self._changed(caller):
            await self._fill(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def send_test(self, caller: Caller, form: dict[str, Any]) -> None:
        """Queue a test message in the sandbox."""
        number, channel = text_of(form, "number"), (text_of(form, "channel") or Channel.SMS)
        if channel not in list(Channel):
            raise Invalid("There is no such channel. Reload the page.")
        await self._command(
            caller, send_test_message, one_place(caller), number, Channel(channel), live=get_settings().live
        )
        self.form_key += 1
        self._say("The test message is queued: look for it under Messages.")
        await self._fill(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def start_again(self, caller: Caller, channel: str) -> None:
        """Start a stopped channel again."""
        if channel not in list(Channel):
            raise Invalid("There is no such channel. Reload the page.")
        await self._command(caller, start_channel, one_place(caller), Channel(channel))
        self._say("The channel is started again.")
        await self._fill(caller)

    async def _fill(self, caller: Caller) -> None:
        place = one_place(caller)
        found = await self._read(caller, channels, place)
        agreed = await self._read(caller, agreements, place)
        now, zone, settings = runtime.clock().now(), zone_of(caller, place), get_settings()
        self.rows = [
            _channel_view(
                one,
                settings,
                say.moment(one.last_sent, now, zone),
                agreed=agreed[OF_CHANNEL[one.channel]] is not None,
            )
            for one in found
        ]
        self.live = settings.live
        self.ready = True


#: Channel -> its name, who carries it, and the settings it needs.
_WAYS: Final = {
    Channel.SMS: ("Text messages", "Twilio", "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM"),
    Channel.VOICE: ("Phone calls", "Twilio", "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_VOICE_FROM"),
    Channel.EMAIL: ("E-mail", "SMTP", "SMTP_URL and SMTP_FROM"),
}


def _channel_view(one: ChannelFacts, settings: Settings, last: str, *, agreed: bool) -> ChannelView:
    name, provider, needed = _WAYS[one.channel]
    sender = _sender(one.channel, settings)
    if one.stopped_at is not None:
        tone, state, detail = "bad", "Stopped", one.reason
    elif not settings.live:
        tone, state = "info", "Sandbox"
        detail = f"Recorded and shown, never sent. {f'Set up for later: {sender}.' if sender else ''}".strip()
    elif sender and not agreed and not _stays_here(one.channel, settings):
        tone, state, detail = (
            "warn",
            "Waits",
            "Nothing goes out before the day of the agreement stands below.",
        )
    elif sender:
        tone, state, detail = "good", "Connected", f"Sends from {sender}."
    else:
        tone, state, detail = "warn", "Not set up", f"Set {needed} in .env, then start MedSync again."
    return {
        "channel": one.channel.value, "name": name, "provider": provider, "tone": tone, "state": state,
        "detail": detail, "last": last or "nothing in 30 days", "stopped": one.stopped_at is not None,
    }  # fmt: skip


def _stays_here(channel: Channel, settings: Settings) -> bool:
    """Whether what goes out only reaches a test server on this machine."""
    mail = settings.smtp_url.get_secret_value() if settings.smtp_url else ""
    return is_loopback(mail if channel is Channel.EMAIL else settings.twilio_api_url)


def _sender(channel: Channel, settings: Settings) -> str:
    """What messages come from, or "" while the channel is not set up."""
    if channel is Channel.EMAIL:
        return (settings.smtp_from or "") if settings.smtp_url else ""
    if not (settings.twilio_account_sid and settings.twilio_auth_token):
        return ""
    if channel is Channel.VOICE:
        return say.phone(settings.twilio_voice_from or "")
    return say.phone(settings.twilio_from or "") or (
        "a messaging service" if settings.twilio_messaging_service_sid else ""
    )


class BackupView(TypedDict):
    """One backup run."""

    id: str
    when: str
    name: str
    size: str
    took: str
    error: str


class BackupTabState(AppState):
    """The last backups."""

    rows: list[BackupView] = []
    working: bool = False
    ready: bool = False

    @handler(Permission.MANAGE_SETTINGS)
    async def open_tab(self, caller: Caller) -> None:
        """List the backups."""
        self.working = False
        await self._fill(caller)

    @handler(Permission.MANAGE_SETTINGS, activity=False)
    async def poll(self, caller: Caller) -> None:
        """Show what was backed up since; a backup is no pharmacy's row, so each time is a look."""
        await self._fill(caller)

    @handler(Permission.MANAGE_SETTINGS)
    async def back_up(self, caller: Caller) -> Any:
        """Write an encrypted backup now."""
        self.working = True
        yield
        try:
            await self._command(caller, _note_backup, one_place(caller))
            done = await asyncio.to_thread(nightly_backup, runtime.database(), runtime.clock(), force=True)
        finally:
            self.working = False
        await self._fill(caller)
        if not done:
            raise Unavailable("The backup failed. The list below says why.")
        self._say("Backed up.")

    async def _fill(self, caller: Caller) -> None:
        found = await self._read(caller, backup_runs)
        now, zone = runtime.clock().now(), zone_of(caller, one_place(caller))
        rows = [_backup_view(one, say.moment(one.started_at, now, zone)) for one in found]
        if (self.rows, self.ready) != (rows, True):
            self.rows, self.ready = rows, True


def _note_backup(tx: Tx, pharmacy_id: str) -> None:
    audit(tx, pharmacy_id=pharmacy_id, act="back_up", subject_kind="pharmacy", subject_id=pharmacy_id)


def _backup_view(one: Backup, when: str) -> BackupView:
    took = (one.finished_at - one.started_at).total_seconds() if one.finished_at else None
    return {
        "id": one.id, "when": when, "name": one.file_name,
        "size": f"{one.size_bytes / 1_048_576:,.1f} MB" if one.size_bytes else "-",
        "took": "-" if took is None else f"{took:.0f} s", "error": one.error,
    }  # fmt: skip
