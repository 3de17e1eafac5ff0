"""Tells people once when a provider cannot be reached, and takes that back when it answers again."""

from medsync_app.domain.causes import Cause
from medsync_app.domain.states import Channel, ExceptionKind, Role, Severity
from medsync_app.services.exceptions import close_exception, due_in, open_exception
from medsync_app.store.repositories.contact import pharmacies
from medsync_app.store.session import Tx

_WORDS = {Channel.SMS: "text messages", Channel.VOICE: "automated calls", Channel.EMAIL: "e-mails"}


def provider_is_down(tx: Tx, channel: Channel) -> None:
    """One exception for each pharmacy, however many messages wait."""
    for pharmacy in pharmacies(tx):
        open_exception(
            tx, pharmacy_id=pharmacy.id, kind=ExceptionKind.CHANNEL_DOWN, cause_key=Cause.PROVIDER.of(channel.value),
            summary=f"No {_WORDS[channel]} get through: the provider cannot be reached. What waits goes out by "
            "itself when it is back, and what is too late by then is skipped: call who cannot wait.",
            owner_role=Role.OWNER, due_at=due_in(tx, hours=2), severity=Severity.HIGH,
        )  # fmt: skip


def provider_is_back(tx: Tx, channel: Channel) -> None:
    """Close what was opened about it, also by a loop that has ended since."""
    for pharmacy in pharmacies(tx):
        close_exception(
            tx,
            pharmacy_id=pharmacy.id,
            cause_key=Cause.PROVIDER.of(channel.value),
            outcome="The provider answers again.",
        )
