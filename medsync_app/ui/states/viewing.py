"""What a person sees after an act: everything they may look at, not only where the act was allowed."""

from dataclasses import replace
from typing import Any

from medsync_app.auth.caller import Caller
from medsync_app.auth.permissions import Permission


def viewer(caller: Caller) -> Caller:
    """The same caller with the pharmacies whose patients they may see.

    A handler's own scope is narrowed to its permission: what the page shows after it must not shrink to that.
    """
    return replace(caller, scope=caller.scope_for(Permission.VIEW_PATIENTS))


def patient_in_address(state: Any) -> str:
    """The random id at the end of the address of a patient's page."""
    return str(state.router.url.path).rstrip("/").rsplit("/", 1)[-1]


def page_number(text: str) -> int:
    """The page an address asks for, from 1; 1 for anything that is none."""
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def turning(base: str, page: int, size: int, total: int) -> tuple[str, str, str]:
    """What the pager shows: "51-100 of 1,204", the previous and the next address ("" when there is none).

    `base` is the page's address without its `page`.
    """
    first = (page - 1) * size
    last = min(first + size, total)
    joined = f"{base}&" if "?" in base else f"{base}?"
    return (
        f"{first + 1:,}-{last:,} of {total:,}" if last > first else "",
        f"{joined}page={page - 1}" if page > 1 else "",
        f"{joined}page={page + 1}" if last < total else "",
    )
