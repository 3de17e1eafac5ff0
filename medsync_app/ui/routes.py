"""The list of pages: a page exists when it stands here."""

from collections.abc import Callable
from dataclasses import dataclass

import reflex as rx
from reflex.event import EventType

from medsync_app.ui.pages.today import today_page
from medsync_app.ui.states.shell import ShellState


@dataclass(frozen=True)
class Page:
    """One page: its address, what draws it, the browser title, and the guarded handlers that fill it."""

    route: str
    draw: Callable[[], rx.Component]
    title: str
    on_load: EventType[()] | None = None


PAGES: tuple[Page, ...] = (Page("/", today_page, "Today", ShellState.load),)
