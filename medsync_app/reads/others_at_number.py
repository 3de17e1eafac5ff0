"""What other patients get, or have had, at the same number: the caps belong to it, and households share it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from medsync_app.outbox.queue import READY
from medsync_app.outbox.sent import messages_sent
from medsync_app.outbox.settle import waiting_messages_of
from medsync_app.services.contact_decision import likely_way
from medsync_app.store.repositories.contact import points_at
from medsync_app.store.session import Tx
from medsync_app.store.tables import Patient, Pharmacy, ScheduledAction


@dataclass(frozen=True, slots=True)
class Other:
    """A message to an address that is not among those being planned: when it went (to anybody), or is due."""

    address: str
    at: datetime
    template: str
    due: bool

    @property
    def ready(self) -> bool:
        return self.template in READY


def others_at(
    tx: Tx, pharmacy: Pharmacy, addresses: Iterable[str], patient_id: str, until: datetime
) -> list[Other]:
    """What went to these addresses in the last 7 days from the whole group, and what waits there until an instant.

    What waits is another patient's, of this pharmacy, and counted where it would go as things are now.
    """
    found: list[Other] = []
    for address in sorted(set(addresses)):
        went = messages_sent(tx, pharmacy.id, [address], tx.now - timedelta(days=7))
        found += [Other(address, at, template, due=False) for at, template in went[address]]
        people = {point.patient_id for point in points_at(tx, address, pharmacy.id)} - {patient_id}
        for action_id in waiting_messages_of(tx, sorted(people), until):
            action = tx.get(ScheduledAction, action_id)
            way = likely_way(tx, action, pharmacy, tx.find(Patient, action.patient_id))
            if way is not None and way.address == address:
                template = str(action.payload.get("action", {}).get("template", ""))
                found.append(Other(address, max(action.due_at, tx.now), template, due=True))
    return found
