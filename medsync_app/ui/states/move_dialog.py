"""How the dialog of a move says what would change."""

from datetime import date
from typing import Final, TypedDict
from zoneinfo import ZoneInfo

from medsync_app.services.move_preview import MovedMessage, MovePreview
from medsync_app.ui import format as say


class MoveView(TypedDict):
    """What a move would change, line by line; `blocked` says why no reason helps."""

    day: str
    changes: list[str]
    warnings: list[str]
    withdrawn: list[str]
    queued: list[str]
    load: str
    blocked: str
    needs_reason: str
    review: bool
    ready: bool


NO_MOVE: Final[MoveView] = {
    "day": "", "changes": [], "warnings": [], "withdrawn": [], "queued": [], "load": "", "blocked": "",
    "needs_reason": "", "review": False, "ready": False,
}  # fmt: skip


def move_view(preview: MovePreview, today: date, zone: str) -> MoveView:
    """What a move would change, in lines for the dialog."""
    changes = [
        f"{fill.drug}: short fill of {say.plural(fill.days, 'day')} on {say.day(fill.on, today)}"
        for fill in preview.short_fills
    ]
    changes += [f"{fill.drug}: runs out {say.day(fill.on, today)}, joins later" for fill in preview.left_out]
    if preview.extra_copay:
        changes.append(f"{say.money(preview.extra_copay)} extra copay")
    warnings = [f"{fill.drug}: may be too soon for the payer" for fill in preview.too_soon]
    if preview.gap_days:
        warnings.append(f"{say.plural(preview.gap_days, 'day')} without supply")
    told = {"A fill is too soon for the payer", "The patient is without medicine for some days"}
    warnings += [words for words in preview.break_words if words not in told]
    limit = f" of {preview.capacity}" if preview.capacity is not None else ""
    return {
        "day": say.day(preview.to_date, today),
        "changes": changes,
        "warnings": warnings,
        "withdrawn": [_message(one, today, zone) for one in preview.withdrawn],
        "queued": [_message(one, today, zone) for one in preview.queued],
        "load": f"{say.plural(preview.load + 1, 'pickup')}{limit} that day, this one counted",
        "blocked": "" if preview.possible else f"{preview.why_not.rstrip('.')}. Choose another day.",
        "needs_reason": "; ".join(preview.break_words) if preview.needs_override else "",
        "review": preview.needs_review and preview.possible,
        "ready": preview.possible,
    }


def _message(one: MovedMessage, today: date, zone: str) -> str:
    local = one.at.astimezone(ZoneInfo(zone))
    said = f"{one.name}, {say.day(local.date(), today)}"
    return f"{said} (skipped: its time has passed)" if one.skipped else said
