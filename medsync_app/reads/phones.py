"""The phone numbers of patients, in the order in which they are tried."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final, cast

from sqlalchemy import select

from medsync_app.domain.states import Channel
from medsync_app.store.session import Tx
from medsync_app.store.tables import ContactPoint

_contact: Final = cast(Any, ContactPoint)


def phones_of(tx: Tx, patient_ids: Collection[str]) -> dict[str, list[str]]:
    """Every number of each of these patients, each once; patients without any are left out."""
    statement = (
        select(_contact.patient_id, _contact.address)
        .where(_contact.patient_id.in_(sorted(patient_ids)), _contact.channel != Channel.EMAIL)
        .order_by(_contact.rank, _contact.created_at, _contact.id)
    )
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for patient_id, address in tx.session.execute(statement):
        found[patient_id][address] = None
    return {patient_id: list(addresses) for patient_id, addresses in found.items()}


def first_phones(tx: Tx, patient_ids: Collection[str]) -> dict[str, str]:
    """The number that is tried first, of each of these patients who has one."""
    return {patient_id: numbers[0] for patient_id, numbers in phones_of(tx, patient_ids).items()}
