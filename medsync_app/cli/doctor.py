"""`doctor`: which settings are set (never their values), what is missing, and whether everything runs."""

import argparse
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TextIO

from medsync_app.clock import SystemClock
from medsync_app.domain.states import OutsideKind
from medsync_app.reads.upkeep import Upkeep, upkeep
from medsync_app.settings import Settings, get_settings, is_loopback
from medsync_app.store.audit_key import FILE_NAME
from medsync_app.store.migrate import current, newest
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database

#: A loop ticks every few seconds; after this long it has stopped.
LOOP_LATE = timedelta(minutes=5)
#: A nightly backup that is older than this is missing.
BACKUP_LATE = timedelta(hours=26)
_TWILIO = ("twilio_account_sid", "twilio_auth_token")
_TWILIO_SENDER = ("twilio_from", "twilio_messaging_service_sid")
_SMTP = ("smtp_url", "smtp_from")
_PROGRAMS = (
    (OutsideKind.SLACK, "slack_bot_token", ("slack_channel",)),
    (OutsideKind.ASANA, "asana_token", ("asana_project",)),
    (OutsideKind.TRELLO, "trello_key", ("trello_token", "trello_list")),
    (OutsideKind.FAX, "ringcentral_client_id", ("ringcentral_client_secret", "ringcentral_jwt")),
    (OutsideKind.EMAIL_TO_FAX, "fax_email_domain", _SMTP),
    (OutsideKind.PORTAL, "portal_webhook_url", ("portal_webhook_secret",)),
    (OutsideKind.PHARMACY, "pharmacy_webhook_url", ("pharmacy_webhook_secret",)),
)
_SHORTEST_KEY = 32


@dataclass(slots=True)
class Findings:
    """What keeps MedSync from working (`problems`) and what should be better (`warnings`), in plain words."""

    problems: list[str] = field(default_factory=lambda: list[str]())
    warnings: list[str] = field(default_factory=lambda: list[str]())


def run(argv: list[str], _stdin: TextIO, stdout: TextIO, _stderr: TextIO) -> int:
    """Print the findings as JSON; exit 1 when there are problems."""
    parser = argparse.ArgumentParser(prog="python -m medsync_app doctor", description=__doc__)
    parser.parse_args(argv)
    settings, found = get_settings(), Findings()
    report = {
        "settings": _settings(settings),
        "sending": _sending(settings, found),
        "outside": _outside(settings, found),
        "access": _access(settings, found),
        "audit": _audit(settings, found),
        "database": _database(settings, found),
        "problems": found.problems,
        "warnings": found.warnings,
    }
    print(json.dumps(report), file=stdout)
    return 1 if found.problems else 0


def _settings(settings: Settings) -> list[dict[str, Any]]:
    return [
        {"name": name.upper(), "set": name in settings.model_fields_set, "purpose": about.description or ""}
        for name, about in type(settings).model_fields.items()
    ]


def _sending(settings: Settings, found: Findings) -> dict[str, Any]:
    """Whether messages can really leave; in the sandbox missing credentials are no problem."""

    def lacks(*names: str) -> list[str]:
        return [name.upper() for name in names if not getattr(settings, name)]

    sms = lacks(*_TWILIO)
    if len(lacks(*_TWILIO_SENDER)) == len(_TWILIO_SENDER):
        sms.append(" or ".join(name.upper() for name in _TWILIO_SENDER))
    voice, email = lacks(*_TWILIO, "twilio_voice_from"), lacks(*_SMTP)
    if settings.live and not voice and is_loopback(settings.medsync_public_url):
        found.warnings.append(
            "Calls need an address that Twilio can reach: set MEDSYNC_PUBLIC_URL, or who answers hears nothing."
        )
    if settings.live and sms and voice and email:
        found.problems.append("MEDSYNC_SEND is live and no channel has its credentials: nothing can be sent.")
    elif settings.live:
        for channel, missing in (("Text messages", sms), ("Calls", voice), ("E-mail", email)):
            if missing:
                found.warnings.append(f"{channel} cannot go out: set {', '.join(missing)}.")
    return {
        "mode": settings.medsync_send,
        "sms": {"ready": not sms, "missing": sms},
        "voice": {"ready": not voice, "missing": voice},
        "email": {"ready": not email, "missing": email},
    }


def _outside(settings: Settings, found: Findings) -> list[str]:
    """The other programs whose settings are complete; a program that is set in part is told of nothing."""
    for kind, first, others in _PROGRAMS:
        missing = [name.upper() for name in others if not getattr(settings, name)]
        if kind not in settings.outside and getattr(settings, first) and missing:
            found.warnings.append(f"{kind.value.capitalize()} is told of nothing: set {', '.join(missing)}.")
    return sorted(settings.outside)


def _access(settings: Settings, found: Findings) -> dict[str, Any]:
    """How people and providers reach MedSync, and what encrypts it on the way."""
    local = is_loopback(settings.medsync_public_url)
    if not settings.https and not local:
        found.problems.append(
            "MEDSYNC_PUBLIC_URL is plain http: passwords and patient data would cross the network unencrypted. "
            "Put a proxy with TLS in front (Caddy: `reverse_proxy localhost:3000`, with `tls internal` on a "
            "shop network), set MEDSYNC_PUBLIC_URL=https://... and MEDSYNC_PROXY=true."
        )
    elif local:
        found.warnings.append(
            "Only this computer can use MedSync. For others put a proxy with TLS in front and set "
            "MEDSYNC_PUBLIC_URL=https://... and MEDSYNC_PROXY=true."
        )
    if settings.https and not settings.medsync_proxy:
        found.warnings.append(
            "If the proxy in front sets X-Forwarded-For, set MEDSYNC_PROXY=true: otherwise all sign-ins seem "
            "to come from one place and are slowed down together."
        )
    return {"https": settings.https, "local_only": local, "idle_minutes": settings.medsync_idle_minutes}


def _audit(settings: Settings, found: Findings) -> dict[str, Any]:
    key = settings.medsync_audit_key
    if key is not None and key.get_secret_value():
        if len(key.get_secret_value()) < _SHORTEST_KEY:
            found.warnings.append("MEDSYNC_AUDIT_KEY is short: use 32 random characters at least.")
        return {"key": "environment"}
    found.warnings.append(
        f"The audit key lies beside the data ({FILE_NAME} in the data directory). Set MEDSYNC_AUDIT_KEY, or keep "
        "a copy of the file elsewhere: without it the audit log cannot be verified."
    )
    return {"key": "file" if (settings.medsync_data_dir / FILE_NAME).is_file() else "file, made at first use"}


def _database(settings: Settings, found: Findings) -> dict[str, Any]:
    report: dict[str, Any] = {"reachable": False, "revision": None, "newest": newest()}
    try:
        report["revision"] = current(settings.database_url)
    except Exception as error:
        # The driver's message may hold the address and the user: its kind is enough here.
        found.problems.append(f"The database cannot be reached ({type(error).__name__}). Check DATABASE_URL.")
        return report
    if report["revision"] is None:
        found.problems.append("The database is empty. Run `migrate`, or `serve`, which does it.")
        return report
    report["reachable"] = True
    if report["revision"] != report["newest"]:
        found.problems.append("The database is of another version of MedSync. Run `migrate`.")
        return report
    database = Database(settings.database_url)
    try:
        with database.reading(Scope.system("command line"), SystemClock()) as tx:
            facts, now = upkeep(tx), tx.now
    finally:
        database.dispose()
    return report | _upkeep(settings, facts, now, found)


def _upkeep(settings: Settings, facts: Upkeep, now: datetime, found: Findings) -> dict[str, Any]:
    if not facts.active_staff:
        found.warnings.append("Nobody can sign in yet. Add an owner with `user add`.")
    beat = None if facts.last_beat is None else now - facts.last_beat
    if beat is None:
        found.warnings.append(
            "The background loop has never run: no message goes out. Start `serve` or `loop`."
        )
    elif beat > LOOP_LATE:
        found.warnings.append(
            "The background loop has stopped: no message goes out. Start `serve` or `loop`."
        )
    backup = None if facts.last_backup is None else now - facts.last_backup
    if facts.pharmacies and (backup is None or backup > BACKUP_LATE):
        found.warnings.append("There is no backup younger than 26 hours. Run `backup --nightly` and see why.")
    if settings.medsync_backup_key is None:
        found.warnings.append("MEDSYNC_BACKUP_KEY is not set: keep the backup key apart from the backups.")
    return {
        "pharmacies": facts.pharmacies,
        "active_staff": facts.active_staff,
        "loop": {"beat_seconds_ago": None if beat is None else round(beat.total_seconds())},
        "backup": {"hours_ago": None if backup is None else round(backup.total_seconds() / 3600, 1)},
    }
