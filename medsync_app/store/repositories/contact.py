"""Queries of contact points and of what is known of the numbers and addresses themselves."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast

from sqlalchemy import (
    ScalarSelect,
    Select,
    Table,
    bindparam,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from medsync_app.domain.consent import USABLE
from medsync_app.domain.cycle import ENDED
from medsync_app.domain.states import Channel, ContactBasis, EnrollmentState
from medsync_app.store.ids import new_id
from medsync_app.store.one_of import one_of
from medsync_app.store.session import Tx
from medsync_app.store.tables import (
    AddressStatus,
    ChannelStatus,
    ConsentEvent,
    ContactPoint,
    Cycle,
    Enrollment,
    Patient,
    Pharmacy,
)

_point, _status = cast(Any, ContactPoint), cast(Any, AddressStatus)
_STATUS = cast(Table, AddressStatus.__table__)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
_POINTS = select(ContactPoint).order_by(_point.rank, _point.created_at, _point.id)
_POINTS_OF = _POINTS.where(_point.patient_id == bindparam("patient_id"))
_POINTS_OF_MANY = _POINTS.where(one_of(_point.patient_id, "patient_ids"))
_POINTS_AT = select(ContactPoint).where(_point.address == bindparam("at")).order_by(_point.patient_id)
_POINTS_AT_PLACE = _POINTS_AT.where(_point.pharmacy_id == bindparam("place"))
_STATUSES = select(AddressStatus).where(
    _status.pharmacy_id == bindparam("pharmacy_id"), one_of(_status.address, "addresses")
)
_channel = cast(Any, ChannelStatus)
_STOPPED = select(_channel.channel).where(
    _channel.pharmacy_id == bindparam("pharmacy_id"), _channel.stopped_at.is_not(None)
)


def contact_points(tx: Tx, patient_id: str) -> list[ContactPoint]:
    """A patient's contact points in the order in which they are tried."""
    known = tx.ahead.get(("points", patient_id))
    if known is not None:
        return known
    return list(tx.session.scalars(_POINTS_OF, {"patient_id": patient_id}))


def read_contact_points(tx: Tx, patient_ids: Iterable[str]) -> set[str]:
    """Read ahead the contact points of patients, for `contact_points`; gives their addresses."""
    found: dict[str, list[ContactPoint]] = {patient_id: [] for patient_id in patient_ids}
    for row in tx.session.scalars(_POINTS_OF_MANY, {"patient_ids": found}):
        found[row.patient_id].append(row)
    for patient_id, points in found.items():
        tx.ahead["points", patient_id] = points
    return {point.address for points in found.values() for point in points}


def read_statuses(tx: Tx, pharmacy_id: str, addresses: Iterable[str]) -> None:
    """Read ahead what is known of addresses and channels, for `statuses` and `stopped_channels`."""
    wanted = frozenset(addresses)
    tx.ahead["statuses", pharmacy_id] = wanted, statuses(tx, pharmacy_id, wanted)
    tx.ahead["stopped", pharmacy_id] = stopped_channels(tx, pharmacy_id)


def points_at(tx: Tx, address: str, pharmacy_id: str | None = None) -> list[ContactPoint]:
    """Every contact point with that number or e-mail address (families share phones)."""
    if pharmacy_id is None:
        return list(tx.session.scalars(_POINTS_AT, {"at": address}))
    return list(tx.session.scalars(_POINTS_AT_PLACE, {"at": address, "place": pharmacy_id}))


def find_point(tx: Tx, patient_id: str, channel: Channel, address: str) -> ContactPoint | None:
    """One contact point of a patient."""
    point = cast(Any, ContactPoint)
    return tx.session.scalars(
        select(ContactPoint).where(
            point.patient_id == patient_id, point.channel == channel, point.address == address
        )
    ).one_or_none()


def basis_before_stop(tx: Tx, point: ContactPoint) -> ContactBasis:
    """On what basis a contact point was last used; that the number was given when its history does not say."""
    event = cast(Any, ConsentEvent)
    last = tx.session.scalars(
        select(event.basis)
        .where(
            event.patient_id == point.patient_id, event.channel == point.channel, event.address == point.address,
            event.basis.in_(sorted(USABLE)),
        )
        .order_by(event.id.desc())
        .limit(1)
    ).one_or_none()  # fmt: skip
    return last or ContactBasis.NUMBER_GIVEN


def delete_point(tx: Tx, point: ContactPoint) -> None:
    """Forget a number or address of a patient; the consents given for it stay in the history."""
    tx.session.delete(point)


def statuses(tx: Tx, pharmacy_id: str, addresses: Iterable[str]) -> dict[tuple[Channel, str], AddressStatus]:
    """What is known of addresses, by channel and address."""
    wanted = sorted(set(addresses))
    if not wanted:
        return {}
    ahead = tx.ahead.get(("statuses", pharmacy_id))
    if ahead is not None and ahead[0].issuperset(wanted):
        return {key: row for key, row in ahead[1].items() if key[1] in wanted}
    rows = tx.session.scalars(_STATUSES, {"pharmacy_id": pharmacy_id, "addresses": wanted})
    return {(row.channel, row.address): row for row in rows}


def status_of(tx: Tx, pharmacy_id: str, channel: Channel, address: str) -> AddressStatus:
    """The status row of an address, made when there is none yet."""
    known = statuses(tx, pharmacy_id, [address]).get((channel, address))
    if known is None:
        known = tx.add(AddressStatus(pharmacy_id=pharmacy_id, channel=channel, address=address))
        tx.session.flush()
    return known


def elsewhere_in_group(tx: Tx, pharmacy_id: str, channels: Collection[Channel], address: str) -> list[str]:
    """Ids of the other pharmacies of the group, of those the caller sees, where somebody has that number or address."""
    return list(tx.session.scalars(_knowing(pharmacy_id, channels, address)))


def _knowing(pharmacy_id: str, channels: Collection[Channel], address: str) -> Select[str]:
    place = cast(Any, Pharmacy)
    return (
        select(_point.pharmacy_id)
        .join(Pharmacy, place.id == _point.pharmacy_id)
        .where(
            _point.channel.in_(list(channels)), _point.address == address, _point.pharmacy_id != pharmacy_id,
            place.organization_id == _group_of(pharmacy_id),
        )
        .distinct()
        .order_by(_point.pharmacy_id)
    )  # fmt: skip


def lift_unreachable(tx: Tx, pharmacy_id: str, channel: Channel, address: str) -> None:
    """Forget in every pharmacy of the group that nothing reaches a number or address.

    Whatever the caller's scope: it is a fact of the number, and nothing of the other pharmacies is read.
    """
    status, place = cast(Any, AddressStatus), cast(Any, Pharmacy)
    group = select(place.id).where(place.organization_id == _group_of(pharmacy_id))
    lifted = tx.session.connection().execute(
        update(AddressStatus)
        .where(
            status.channel == channel, status.address == address, status.unreachable_at.is_not(None),
            status.pharmacy_id.in_(group),
        )
        .values(unreachable_at=None, unreachable_reason="")
        .returning(status.pharmacy_id)
    )  # fmt: skip
    for touched in lifted.scalars().all():
        tx.touch(touched)


def stop_elsewhere(tx: Tx, pharmacy_id: str, channels: Collection[Channel], address: str, how: str) -> bool:
    """Mark a number or address as stopped in the other pharmacies of the group; False when there are none."""
    stop = {"opted_out_at": tx.now, "opted_out_how": how}
    return _mark_elsewhere(tx, pharmacy_id, channels, address, stop)


def wrong_elsewhere(tx: Tx, pharmacy_id: str, channels: Collection[Channel], address: str) -> bool:
    """Mark a number as wrong in the other pharmacies of the group, again where it was; False when there are none."""
    return _mark_elsewhere(tx, pharmacy_id, channels, address, {"wrong_at": tx.now})


def _mark_elsewhere(
    tx: Tx,
    pharmacy_id: str,
    channels: Collection[Channel],
    address: str,
    mark: Mapping[str, Any],
) -> bool:
    """Write what is known of a number or address in the other pharmacies of the group; False when there are none.

    Also where nobody has it yet: an older consent may wait there in a form. Whatever the caller's scope: it is a fact
    of the number, and nothing of the other pharmacies is read.
    """
    tx.session.flush()
    connection, place = tx.session.connection(), cast(Any, Pharmacy)
    group = select(place.id).where(place.organization_id == _group_of(pharmacy_id), place.id != pharmacy_id)
    others = list(connection.execute(group.order_by(place.id)).scalars())
    rows = [
        {
            "id": new_id(), "pharmacy_id": other, "channel": channel, "address": address,
            "opted_out_how": "", "unreachable_reason": "", "held_reason": "", **mark,
        }
        for other in others
        for channel in channels
    ]  # fmt: skip
    if not rows:
        return False
    insert = (postgresql if tx.on_postgresql else sqlite).insert(_STATUS)
    key, new = ["pharmacy_id", "channel", "address"], {name: insert.excluded[name] for name in mark}
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=new), rows)
    for other in others:
        tx.touch(other)
    return True


def _group_of(pharmacy_id: str) -> ScalarSelect[str]:
    place = cast(Any, Pharmacy)
    return select(place.organization_id).where(place.id == pharmacy_id).scalar_subquery()


def channel_status(tx: Tx, pharmacy_id: str, channel: Channel) -> ChannelStatus | None:
    """Whether a channel of a pharmacy is stopped."""
    status = cast(Any, ChannelStatus)
    return tx.session.scalars(
        select(ChannelStatus).where(status.pharmacy_id == pharmacy_id, status.channel == channel)
    ).one_or_none()


def stopped_channels(tx: Tx, pharmacy_id: str) -> frozenset[Channel]:
    """The channels of a pharmacy that are stopped."""
    known = tx.ahead.get(("stopped", pharmacy_id))
    if known is not None:
        return known
    return frozenset(tx.session.scalars(_STOPPED, {"pharmacy_id": pharmacy_id}))


def open_cycles(tx: Tx, patient_ids: Iterable[str]) -> list[Cycle]:
    """Cycles of patients that a reply may be about: of an active enrollment, not over, nearest first."""
    cycle, enrollment = cast(Any, Cycle), cast(Any, Enrollment)
    return list(
        tx.session.scalars(
            select(Cycle)
            .join(Enrollment, enrollment.id == cycle.enrollment_id)
            .where(
                cycle.patient_id.in_(sorted(set(patient_ids))),
                cycle.state.not_in(ENDED),
                enrollment.state == EnrollmentState.ACTIVE,
            )
            .order_by(cycle.sync_date, cycle.id)
        )
    )


def patients_by_id(tx: Tx, patient_ids: Iterable[str]) -> dict[str, Patient]:
    """Patients by id."""
    patient = cast(Any, Patient)
    rows = tx.session.scalars(select(Patient).where(patient.id.in_(sorted(set(patient_ids)))))
    return {row.id: row for row in rows}


def pharmacies(tx: Tx) -> list[Pharmacy]:
    """The pharmacies of the caller, the oldest first."""
    pharmacy = cast(Any, Pharmacy)
    return list(tx.session.scalars(select(Pharmacy).order_by(pharmacy.created_at, pharmacy.id)))
