"""Queues many messages that are due at once, or at chosen moments, for load and fault tests."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

from medsync_app.clock import Clock
from medsync_app.demo.people import demo_numbers, take_number
from medsync_app.demo.places import LOCATION_NUMBERS, SCOPE, ZONE
from medsync_app.domain.names import folded
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.outbox.queue import NewAction, queue
from medsync_app.services.add_pharmacy import add_pharmacy
from medsync_app.store.ids import new_id
from medsync_app.store.session import Database, Tx
from medsync_app.store.tables import ContactPoint, Patient, Pharmacy

_CHUNK = 1_000
#: A message that is still not sent after this long is of no use to a test.
_USEFUL = timedelta(days=2)


def add_due_messages(
    database: Database, clock: Clock, count: int, moments: Sequence[datetime] | None = None
) -> str:
    """Queue so many text messages to so many patients of a location of their own, due now or each at its moment.

    Each has a number of its own and has agreed; the contact window is open all day. Gives the location's id. Invalid
    when there are not so many numbers.
    """
    # From the end: the demo's patients have the first ones.
    free = (number for number in reversed(list(demo_numbers())) if number not in LOCATION_NUMBERS)
    numbers = [take_number(free) for _ in range(count)]
    with database.transaction(SCOPE, clock) as tx:
        pharmacy = tx.get(Pharmacy, add_pharmacy(tx, "Magnolia Load Test", ZONE).id)
        pharmacy.is_demo, pharmacy.phone = True, "+14045550197"
        pharmacy.contact_from, pharmacy.contact_until = time(0), time.max
        due = moments or [tx.now] * count
    for start in range(0, count, _CHUNK):
        with database.transaction(SCOPE, clock) as tx:
            _add(tx, pharmacy.id, start, numbers[start : start + _CHUNK], due[start : start + _CHUNK])
    return pharmacy.id


def _add(tx: Tx, pharmacy_id: str, start: int, numbers: list[str], due: Sequence[datetime]) -> None:
    people = {new_id(): number for number in numbers}
    names = {key: f"Number {start + index + 1}" for index, key in enumerate(people)}
    tx.add_all(
        Patient(
            id=key, pharmacy_id=pharmacy_id, external_id=f"L{start + index + 1:06d}", first_name="Load",
            last_name=names[key], search_name=folded(f"{names[key]} Load"), created_at=tx.now, updated_at=tx.now,
        )
        for index, key in enumerate(people)
    )  # fmt: skip
    tx.session.flush()
    tx.add_all(
        ContactPoint(
            pharmacy_id=pharmacy_id, patient_id=key, channel=Channel.SMS, address=number,
            basis=ContactBasis.EXPRESS, basis_at=tx.now, basis_how="demo", basis_by=tx.scope.actor_name,
            created_at=tx.now,
        )
        for key, number in people.items()
    )  # fmt: skip
    queue(
        tx,
        (
            NewAction(
                pharmacy_id=pharmacy_id, step="welcome", kind="message", patient_id=key, due_at=at,
                stale_at=at + _USEFUL, idempotency_key=f"demo:{key}",
                payload={"action": {"do": "message", "template": "welcome"}},
            )
            for key, at in zip(people, due, strict=True)
        ),
    )  # fmt: skip
