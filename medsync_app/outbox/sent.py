"""Counts what a number has been sent: the caps belong to the number, not to a patient or a pharmacy."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, func, select

from medsync_app.domain.states import ActionState
from medsync_app.outbox.claim import in_state
from medsync_app.outbox.queue import ACTION, ASKS_ABOUT, READY, SPEAKS_FOR
from medsync_app.outbox.states import CALLED
from medsync_app.store.one_of import one_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy

#: The wording of a message, whatever its step is called.
TEMPLATE = func.coalesce(ACTION.c.payload["action"]["template"].as_string(), "")
_PHARMACY = cast(Table, Pharmacy.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
_GROUP = select(_PHARMACY.c.organization_id).where(_PHARMACY.c.id == bindparam("pharmacy")).scalar_subquery()
#: What makes an action a message that went, or may have gone, from a pharmacy or another of its group.
_WENT = (
    ACTION.c.sent_at >= bindparam("since"),
    ACTION.c.kind == "message",
    in_state(*sorted(CALLED - {ActionState.UNDELIVERED})),
    ACTION.c.pharmacy_id.in_(select(_PHARMACY.c.id).where(_PHARMACY.c.organization_id == _GROUP)),
)
_SENT = select(ACTION.c.address, ACTION.c.sent_at, TEMPLATE).where(
    one_of(ACTION.c.address, "addresses"), *_WENT
)
_TODAY = ACTION.c.sent_at >= bindparam("today")
_COUNTS = select(
    func.count().filter(_TODAY),
    func.count().filter(_TODAY, TEMPLATE.not_in(sorted(READY))),
    func.count(),
).where(ACTION.c.address == bindparam("at"), *_WENT)


@dataclass(frozen=True, slots=True)
class Sent:
    """How many messages an address has had: today, today without ready notices, in seven days."""

    today: int
    today_without_ready: int
    week: int


def sent_to(tx: Tx, pharmacy_id: str, address: str, *, today: datetime, week: datetime) -> Sent:
    """Messages that went, or may have gone, to an address since two instants, from any pharmacy of the group.

    Direct replies do not count.
    """
    known: list[tuple[datetime, str]] | None = tx.ahead.get(("sent", address))
    if known is not None:
        said = [template for at, template in known if at >= today]
        return Sent(
            len(said), sum(template not in READY for template in said), sum(at >= week for at, _ in known)
        )
    values = {"at": address, "today": today, "pharmacy": pharmacy_id, "since": week}
    return Sent(*tx.session.connection().execute(_COUNTS, values).one())


def messages_sent(
    tx: Tx, pharmacy_id: str, addresses: Iterable[str], since: datetime
) -> dict[str, list[tuple[datetime, str]]]:
    """When messages went, or may have gone, to each of these addresses, and by which wording; as `sent_to` counts."""
    found: dict[str, list[tuple[datetime, str]]] = {address: [] for address in sorted(set(addresses))}
    values = {"addresses": found, "pharmacy": pharmacy_id, "since": since}
    rows = tx.session.connection().execute(_SENT, values) if found else ()
    for address, sent_at, template in rows:
        found[address].append((sent_at, template))
    return found


def told_together(tx: Tx, address: str, since: datetime) -> list[set[str]]:
    """The cycles that an answer to each message which spoke for several may be about, of those since an instant.

    One that asks about one of them by name can be answered.
    """
    rows = tx.session.connection().execute(
        select(ACTION.c.cycle_id, ACTION.c.payload[SPEAKS_FOR], ACTION.c.payload[ASKS_ABOUT]).where(
            ACTION.c.address == address,
            ACTION.c.sent_at >= since,
            ACTION.c.kind == "message",
            ACTION.c.payload[SPEAKS_FOR].as_string().is_not(None),
        )
    )
    found: list[set[str]] = []
    for cycle_id, others, asked in rows.all():
        if asked is not None:
            found.append({asked})
            continue
        theirs = select(ACTION.c.cycle_id).where(ACTION.c.id.in_(others), ACTION.c.cycle_id.is_not(None))
        found.append({cycle_id, *tx.session.connection().execute(theirs).scalars()})
    return found


def told_ready_at(tx: Tx, cycle_id: str) -> datetime | None:
    """When the patient was last told that a batch can be fetched, also in a household's notice; None: not yet."""
    told = select(func.max(func.coalesce(ACTION.c.sent_at, ACTION.c.updated_at))).where(
        ACTION.c.cycle_id == cycle_id,
        ACTION.c.kind == "message",
        ACTION.c.state.in_(sorted(CALLED - {ActionState.UNDELIVERED} | {ActionState.MERGED})),
        TEMPLATE.in_(sorted(READY)),
    )
    return tx.session.connection().execute(told).scalar()
