"""The phone numbers of patients, in the order in which they are tried: those found to be wrong last."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final, cast

from sqlalchemy import and_, select

from medsync_app.domain.contact_rules import is_wrong
from medsync_app.domain.states import Channel
from medsync_app.store.session import Tx
from medsync_app.store.tables import AddressStatus, ContactPoint

_contact: Final = cast(Any, ContactPoint)
_status: Final = cast(Any, AddressStatus)


def phones_of(tx: Tx, patient_ids: Collection[str]) -> dict[str, list[str]]:
    """Every number of each of these patients, each once; patients without any are left out."""
    same = (_status.pharmacy_id, _status.channel, _status.address)
    ours = (_contact.pharmacy_id, _contact.channel, _contact.address)
    statement = (
        select(_contact.patient_id, _contact.address, _status.wrong_at, _contact.confirmed_at)
        .outerjoin(AddressStatus, and_(*(one == other for one, other in zip(same, ours, strict=True))))
        .where(_contact.patient_id.in_(sorted(patient_ids)), _contact.channel != Channel.EMAIL)
        .order_by(_contact.rank, _contact.created_at, _contact.id)
    )
    found: dict[str, dict[str, bool]] = defaultdict(dict)
    for patient_id, address, wrong_at, confirmed_at in tx.session.execute(statement):
        found[patient_id][address] = is_wrong(wrong_at, confirmed_at)
    return {patient_id: sorted(wrong, key=wrong.__getitem__) for patient_id, wrong in found.items()}


def first_phones(tx: Tx, patient_ids: Collection[str]) -> dict[str, str]:
    """The number that is tried first, of each of these patients who has one."""
    return {patient_id: numbers[0] for patient_id, numbers in phones_of(tx, patient_ids).items()}
