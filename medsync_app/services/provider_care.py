"""Asks for turns at a provider, and passes on what calls have shown of it: to all loops, and to people."""

from collections.abc import Sequence

from medsync_app.connections.guarded import GuardedConnection
from medsync_app.connections.protocol import Connection
from medsync_app.domain.causes import Cause
from medsync_app.domain.provider import GO, Breaker, Heard, Provider, Turn, place_of
from medsync_app.domain.states import Channel, ExceptionKind, Role, Severity
from medsync_app.outbox.provider_turns import take_turns, tell
from medsync_app.outbox.queue import is_urgent
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.store.repositories.contact import pharmacies
from medsync_app.store.session import Tx
from medsync_app.store.tables import ScheduledAction

_WORDS = {Channel.SMS: "text messages", Channel.VOICE: "automated calls", Channel.EMAIL: "e-mails"}


def turns_of(
    tx: Tx, channel: Channel, connection: Connection, actions: Sequence[ScheduledAction]
) -> list[Turn]:
    """When messages may be called that nothing else speaks against: asked last, a turn that is not used is lost."""
    if not isinstance(connection, GuardedConnection):
        return [GO] * len(actions)
    places = [place_of(one.reason, urgent=is_urgent(one.kind, one.payload)) for one in actions]
    turns, known = take_turns(tx, channel, connection.pace, places)
    connection.known(known)
    return turns


def pass_on(tx: Tx, channel: Channel, breaker: Breaker, heard: Sequence[Heard]) -> Provider:
    """Keep it for all loops, and open or close the provider's exceptions with it; gives what is known now."""
    before, after = tell(tx, channel, breaker, heard)
    if after.is_down and not before.is_down:
        _provider_is_down(tx, channel)
    elif before.is_down and not after.is_down:
        _provider_is_back(tx, channel)
    return after


def _provider_is_down(tx: Tx, channel: Channel) -> None:
    """One exception for each pharmacy, however many messages wait."""
    for pharmacy in pharmacies(tx):
        open_exception(
            tx, pharmacy_id=pharmacy.id, kind=ExceptionKind.CHANNEL_DOWN, cause_key=Cause.PROVIDER.of(channel.value),
            summary=f"No {_WORDS[channel]} get through: the provider cannot be reached. What waits goes out by "
            "itself when it is back, and what is too late by then is skipped: call who cannot wait.",
            owner_role=Role.OWNER, due_at=due_in(tx, hours=2), severity=Severity.HIGH,
        )  # fmt: skip


def _provider_is_back(tx: Tx, channel: Channel) -> None:
    """Close what was opened about it, also by another loop."""
    for pharmacy in pharmacies(tx):
        close_exception(
            tx,
            pharmacy_id=pharmacy.id,
            cause_key=Cause.PROVIDER.of(channel.value),
            outcome="The provider answers again.",
        )
