"""What every connection that carries messages shares: what it is given, what it answers, how it fails."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from medsync_app.domain.lost_answers import Found
from medsync_app.domain.retry import Failure
from medsync_app.domain.states import Channel

__all__ = [
    "CALL_SECONDS", "Accepted", "Connection", "Connections", "Failure", "Found", "LookUpFailed", "Outgoing",
    "PickupEvent", "SendFailed",
]  # fmt: skip

#: Seconds after which a call to a provider is given up; below every lease.
CALL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class PickupEvent:
    """A pickup for the patient's own calendar; it names no medicine."""

    #: The same for every message about one pickup; a higher `sequence` replaces what came before.
    uid: str
    sequence: int
    day: date
    summary: str
    place: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message, ready to go; by the `attempt_id` the provider's news finds its way back."""

    attempt_id: str
    to: str
    body: str
    subject: str = ""
    sender_name: str = ""
    reply_to: str = ""
    #: Seconds after which the provider shall not deliver it any more.
    valid_seconds: int | None = None
    language: str = "en"
    #: Goes with an e-mail.
    event: PickupEvent | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message."""

    provider_id: str


class SendFailed(Exception):
    """A call that did not end with an acceptance; the message holds no patient data."""

    def __init__(
        self,
        failure: Failure,
        message: str,
        *,
        code: str | None = None,
        retry_after: float | None = None,
        opted_out: bool = False,
        bad_address: bool = False,
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.code = code
        #: Seconds the provider asked to wait.
        self.retry_after = retry_after
        #: The provider says that the person asked for no more messages.
        self.opted_out = opted_out
        #: No message will ever get through to this number or mailbox.
        self.bad_address = bad_address


class LookUpFailed(Exception):
    """The provider could not be asked; ask again later."""


class Connection(Protocol):
    """A way out for messages. `send` is called outside any transaction, in a thread of its own."""

    #: Really sends (the sandbox does not), and then: only to this machine (a test server).
    live: bool
    loopback: bool
    #: `look_up` can tell whether a message was accepted.
    can_look_up: bool

    def send(self, message: Outgoing) -> Accepted:
        """Hand a message over once, never repeated here; SendFailed otherwise."""
        ...

    def look_up(self, to: str, since: datetime) -> list[Found]:
        """Messages to an address that were created since an instant; LookUpFailed when it cannot be asked."""
        ...


Connections = dict[Channel, Connection]
