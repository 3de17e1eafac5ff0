"""How renewal requests reach the prescribers of a pharmacy, as it stands."""

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import func, select

from medsync_app.services.outside_jobs import LETTERS
from medsync_app.services.rules import rules_of
from medsync_app.settings import get_settings
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy, Prescriber, Prescription

_prescriber, _rx = cast(Any, Prescriber), cast(Any, Prescription)


@dataclass(frozen=True, slots=True)
class PrescriberPath:
    """One prescriber; `path` "" means the pharmacy's usual one, `prescriptions` counts the Rx numbers known."""

    prescriber_id: str
    name: str
    npi: str
    phone: str
    fax: str
    email: str
    path: str
    prescriptions: int


@dataclass(frozen=True, slots=True)
class RenewalPaths:
    """The usual path, the paths that work by themselves (their settings are there), and the prescribers by name."""

    usual: str
    by_themselves: frozenset[str]
    fill_on_request: frozenset[str]
    prescribers: tuple[PrescriberPath, ...]


def renewal_paths(tx: Tx, pharmacy_id: str) -> RenewalPaths:
    """The paths of one pharmacy; NotFound outside the scope."""
    rules = rules_of(tx.get(Pharmacy, pharmacy_id))
    rows = tx.session.execute(
        select(
            _prescriber.id, _prescriber.name, _prescriber.npi, _prescriber.phone, _prescriber.fax,
            _prescriber.email, _prescriber.renewal_path, func.count(_rx.id),
        )
        .outerjoin(Prescription, _rx.prescriber_id == _prescriber.id)
        .where(_prescriber.pharmacy_id == pharmacy_id)
        .group_by(_prescriber.id)
        .order_by(_prescriber.name, _prescriber.id)
    )  # fmt: skip
    return RenewalPaths(
        rules.renewal_path, frozenset(kind.value for kind in get_settings().outside & LETTERS),
        rules.fill_on_request, tuple(PrescriberPath(*row) for row in rows),
    )  # fmt: skip
