"""What a person sees after an act: everything they may look at, not only where the act was allowed."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlencode

from medsync_app.auth.caller import Caller
from medsync_app.auth.permissions import Permission
from medsync_app.store.ids import looks_like_id

#: What an address keeps at another location: filters, order, tab and dates; neither its page nor what is open.
_STAYS: Final = frozenset({
    "by", "column", "d", "days", "kind", "role", "show", "sort", "state", "tab", "view", "who", "window", "work",
    "year",
})  # fmt: skip


class Listed(Protocol):
    """One page of a list."""

    @property
    def total(self) -> int:
        """How many there are on all pages."""
        ...


L = TypeVar("L", bound=Listed)


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


def last_page(total: int, size: int) -> int:
    """The number of the last page, at least 1."""
    return max(-(-total // size), 1)


async def page_or_last(read: Callable[[int], Awaitable[L]], page: int, size: int) -> tuple[L, int]:
    """What `read(page)` gives, or the last page when there are fewer by now; and the page it is."""
    found = await read(page)
    last = last_page(found.total, size)
    return (found, page) if page <= last else (await read(last), last)


def view_elsewhere(path: str, asked: Mapping[str, str]) -> str:
    """The address of the same view at another location, without `at`."""
    kept = {
        name: value for name, value in asked.items() if value and name in _STAYS and not looks_like_id(value)
    }
    return f"{path}?{urlencode(kept)}" if kept else path


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
