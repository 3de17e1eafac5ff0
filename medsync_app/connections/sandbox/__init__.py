"""The default connection: takes every message and sends none (DESIGN.md decision 6)."""

from datetime import datetime

from medsync_app.connections.protocol import Accepted, Found, Outgoing


class SandboxConnection:
    """Accepts everything; what would have been sent is kept with the action and shown in the app."""

    live = False
    loopback = True
    can_look_up = True

    def send(self, message: Outgoing) -> Accepted:
        return Accepted(f"sandbox-{message.attempt_id}")

    def look_up(self, to: str, since: datetime) -> list[Found]:
        """Nothing ever left, so a call that was cut off did not go out."""
        return []
