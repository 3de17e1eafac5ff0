"""A way out for messages that leads nowhere, with the failures a real one has now and then."""

from dataclasses import dataclass, field
from datetime import datetime

from medsync_app.connections.protocol import Accepted, Failure, Found, Outgoing, SendFailed


@dataclass(slots=True)
class DemoConnection:
    """Takes every message but those to numbers that are set to fail; nothing ever leaves."""

    live: bool = False
    loopback: bool = True
    #: What is in doubt stays so until a person decides.
    can_look_up: bool = False
    #: Numbers that take no messages.
    dead: set[str] = field(default_factory=lambda: set[str]())
    #: Numbers whose messages may or may not have gone out.
    doubtful: set[str] = field(default_factory=lambda: set[str]())

    def send(self, message: Outgoing) -> Accepted:
        """Take the message, or fail as that number does."""
        if message.to in self.dead:
            raise SendFailed(
                Failure.PERMANENT, "This number takes no text messages.", code="21614", bad_address=True
            )
        if message.to in self.doubtful:
            raise SendFailed(Failure.IN_DOUBT, "The connection was cut off before the answer came.")
        return Accepted(f"sandbox-{message.attempt_id}")

    def look_up(self, to: str, since: datetime) -> list[Found]:
        """Nothing can be looked up here."""
        return []
