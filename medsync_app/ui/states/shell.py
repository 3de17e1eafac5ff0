"""What every page's frame shows: whether anything is really sent."""

import reflex as rx

from medsync_app.settings import get_settings


class ShellState(rx.State):
    """The frame around all pages."""

    sending: str = ""

    @rx.event
    async def load(self) -> None:
        """Fill the frame when a page opens."""
        self.sending = "live" if get_settings().live else "sandbox"
