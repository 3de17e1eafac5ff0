"""A day that breaks a rule of planning: who may choose it all the same, and what must be said (DOMAIN.md section 2)."""

from collections.abc import Mapping, Sequence
from typing import Final

from medsync_app.domain.plan_words import BREAK_LABELS
from medsync_app.domain.states import Role
from medsync_app.errors import Forbidden, Invalid
from medsync_app.store.session import Tx

MAX_REASON: Final = 500
#: What may be wrong with a day, in plain words: the planner's breaks, and those of moving a batch.
BREAK_WORDS: Final[Mapping[str, str]] = {
    **BREAK_LABELS,
    "after_sync": "A short supply must be fetched before the sync date",
    "infeasible": "A medicine that comes in one piece fits no such date",
}
#: No reason makes these possible.
NEVER: Final = frozenset({"past", "no_fill", "after_sync", "infeasible"})


def check_override(
    tx: Tx, pharmacy_id: str, breaks: Sequence[str], reason: str, *, field: str = "sync_date"
) -> None:
    """Let a day pass that breaks no rule, or whose rules a pharmacist breaks with a reason.

    Invalid names `field` when no reason could make the day possible, "override_reason" when the reason is missing or
    too long. Forbidden for everybody but a pharmacist of that pharmacy.
    """
    never = next((code for code in breaks if code in NEVER), None)
    if never is not None:
        raise Invalid(f"{BREAK_WORDS[never]}: choose another day.", field)
    if len(reason) > MAX_REASON:
        raise Invalid(f"Keep the reason to {MAX_REASON} characters.", "override_reason")
    if not breaks:
        return
    words = "; ".join(BREAK_WORDS[code] for code in breaks)
    if not tx.scope.is_system and tx.scope.roles.get(pharmacy_id) is not Role.PHARMACIST:
        raise Forbidden(f"This day breaks a rule ({words}): a pharmacist must choose it and give the reason.")
    if not reason.strip():
        raise Invalid(f"This day breaks a rule ({words}). Give the reason.", "override_reason")
