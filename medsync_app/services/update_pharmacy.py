"""Changes the settings of a pharmacy: how it is reached, when it is open, when it may write, and its rules."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import time, timedelta
from typing import Any, Final

from medsync_app.clock import local_day
from medsync_app.domain.contact_rules import EARLIEST, LATEST
from medsync_app.errors import Conflict, Invalid
from medsync_app.services.audit import audit
from medsync_app.services.contact_input import email_address, phone_number
from medsync_app.services.follow_open_days import MOST_AHEAD, follow_open_days
from medsync_app.services.rules import rules_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: Rule -> its label, the least and the most whole days (or hours).
RULES: Final[Mapping[str, tuple[str, int, int]]] = {
    "cycle_days": ("Days of a cycle", 7, 180),
    "horizon_days": ("Days ahead to look for a sync date", 14, 120),
    "min_lead_days": ("Lead days", 0, 30),
    "buffer_days": ("Buffer days", 0, 14),
    "lapsed_after_days": ("Days without supply until a drug waits for a tick", 7, 180),
    "return_to_stock_days": ("Days until return to stock", 3, 30),
    "inactive_after_days": ("Days without a fill until an enrollment is reviewed", 30, 365),
    "data_stale_hours": ("Hours until missing data holds pickup follow-ups", 12, 168),
    "messages_per_day": ("Messages a day to a number", 1, 5),
    "household_wait_minutes": ("Minutes a ready notice waits for others at its number", 0, 120),
}
#: Rule -> its label, what it says when it is off and on, and how it stands when a form does not name it.
FLAGS: Final[Mapping[str, tuple[str, str, str, bool]]] = {
    "stop_ends_all": ("STOP by text ends", "texts only", "texts and calls", True),
    "free_to_end_user": (
        "Numbers nobody was asked about", "no message", "messages: ours cost the patient nothing", False,
    ),
}  # fmt: skip
#: The same for how supply is counted in plans.
PLAN_FLAGS: Final[Mapping[str, tuple[str, str, str, bool]]] = {
    "accumulation": (
        "Supply in hand counts for the next refill", "only for schedule III to V", "always", True,
    ),
    "short_fill_uses_refill": ("A short fill uses up", "its quantity", "a refill as well", False),
}  # fmt: skip
MAX_CAPACITY: Final = 5_000
_MAX_NAME, _MAX_ADDRESS = 120, 300


@dataclass(frozen=True, slots=True)
class PharmacySettings:
    """What an owner may set; `hours` from Monday = 0, a missing day is closed."""

    name: str
    phone: str
    address: str
    reply_to_email: str
    hours: Mapping[int, tuple[time, time]]
    contact_from: time
    contact_until: time
    #: Batches a day the pharmacy can prepare; None for no limit.
    daily_capacity: int | None
    rules: Mapping[str, int]


def read_settings(form: Mapping[str, Any]) -> PharmacySettings:
    """The settings as typed into a form; Invalid names the first field that cannot be used.

    Fields: name, phone, address, reply_to_email, opens_0..6 and closes_0..6 (HH:MM, both empty on a closed
    day), contact_from, contact_until, daily_capacity, and the names of RULES, FLAGS and PLAN_FLAGS ("1" or "0").
    """
    text = {key: str(value or "").strip() for key, value in form.items()}
    name = " ".join(text.get("name", "").split())
    if not 0 < len(name) <= _MAX_NAME or not name.isprintable():
        raise Invalid(f"Give a name of 1 to {_MAX_NAME} characters.", "name")
    phone = phone_number(text.get("phone", ""), "phone")
    if not phone:
        raise Invalid("Give the number that patients call: it stands in every message.", "phone")
    if len(text.get("address", "")) > _MAX_ADDRESS:
        raise Invalid(f"Keep the address to {_MAX_ADDRESS} characters.", "address")
    email = email_address(text.get("reply_to_email", ""), "reply_to_email")
    hours = _hours(text)
    opens, closes = _time(text, "contact_from"), _time(text, "contact_until")
    if opens is None or not opens >= EARLIEST:
        raise Invalid("Messages may begin at 8:00 am or later.", "contact_from")
    if closes is None or closes > LATEST:
        raise Invalid("Messages must end by 9:00 pm.", "contact_until")
    if closes <= opens:
        raise Invalid("The window must end after it begins.", "contact_until")
    flags = {
        name: text.get(name, "") in ("1", "") if on else text.get(name) == "1"
        for name, (*_, on) in (FLAGS | PLAN_FLAGS).items()
    }
    capacity = _number(text, "daily_capacity", 1, MAX_CAPACITY) if text.get("daily_capacity") else None
    rules = {name: _number(text, name, least, most) for name, (_, least, most) in RULES.items()}
    address = " ".join(text.get("address", "").split())
    return PharmacySettings(name, phone, address, email, hours, opens, closes, capacity, rules | flags)


def update_pharmacy(tx: Tx, pharmacy_id: str, settings: PharmacySettings, *, seen: str = "") -> list[str]:
    """Keep the settings; gives the names of what changed. New rules hold for plans made from now on.

    `seen` is the `settings_mark` of what the form began with: Conflict when somebody changed it since.
    """
    pharmacy = tx.get(Pharmacy, pharmacy_id, lock=True)
    if seen and settings_mark(pharmacy) != seen:
        raise Conflict(
            "Somebody else changed these settings in the meantime. Reload the page, and look again."
        )
    before = _as_kept(pharmacy)
    pharmacy.hours = {
        str(day): [opens.strftime("%H:%M"), closes.strftime("%H:%M")]
        for day, (opens, closes) in sorted(settings.hours.items())
    }
    # A rule that is left at its default is not written down: it follows the default.
    different = {name: value for name, value in settings.rules.items() if value != before[name]}
    pharmacy.rules = {**pharmacy.rules, **different}
    for field in fields(settings):
        if field.name not in ("hours", "rules"):
            setattr(pharmacy, field.name, getattr(settings, field.name))
    after = _as_kept(pharmacy)
    changed = sorted(name for name in after if before[name] != after[name])
    if "hours" in changed:
        today = local_day(tx.now, pharmacy.zone)
        follow_open_days(tx, pharmacy_id, today, today + timedelta(days=MOST_AHEAD))
    if changed:
        audit(
            tx, pharmacy_id=pharmacy_id, act="update_pharmacy", subject_kind="pharmacy", subject_id=pharmacy_id,
            detail={"fields": changed},
        )  # fmt: skip
    return changed


def settings_mark(pharmacy: Pharmacy) -> str:
    """What tells the settings as they are kept from any others."""
    return hashlib.sha256(repr(sorted(_as_kept(pharmacy).items())).encode()).hexdigest()


def _as_kept(pharmacy: Pharmacy) -> dict[str, Any]:
    names = (field.name for field in fields(PharmacySettings))
    kept = {name: getattr(pharmacy, name) for name in names if name != "rules"}
    rules = rules_of(pharmacy)
    return kept | {name: getattr(rules, name) for name in (*RULES, *FLAGS, *PLAN_FLAGS)}


def _hours(text: Mapping[str, str]) -> dict[int, tuple[time, time]]:
    hours: dict[int, tuple[time, time]] = {}
    for day, name in enumerate(WEEKDAYS):
        opens, closes = _time(text, f"opens_{day}"), _time(text, f"closes_{day}")
        if opens is None and closes is None:
            continue
        if opens is None:
            raise Invalid(f"Say when you open on {name}, or leave both empty.", f"opens_{day}")
        if closes is None:
            raise Invalid(f"Say when you close on {name}, or leave both empty.", f"closes_{day}")
        if closes <= opens:
            raise Invalid(f"On {name} you close before you open.", f"closes_{day}")
        hours[day] = (opens, closes)
    if not hours:
        raise Invalid("Open on one day of the week at least.", "opens_0")
    return hours


def _time(text: Mapping[str, str], field: str) -> time | None:
    value = text.get(field, "")
    if not value:
        return None
    try:
        found = time.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise Invalid("Give a time such as 09:00.", field)
    return found.replace(second=0, microsecond=0)


def _number(text: Mapping[str, str], field: str, least: int, most: int) -> int:
    value = text.get(field, "")
    if not (value.isascii() and value.isdigit() and len(value) < 6 and least <= int(value) <= most):
        raise Invalid(f"Give a whole number from {least} to {most}.", field)
    return int(value)
