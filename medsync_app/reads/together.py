"""Dates for the candidates of one pharmacy, planned together so that the days fill evenly; nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from medsync_app.domain.plan_model import Cost
from medsync_app.reads.candidates import candidate_list
from medsync_app.services.plan_pharmacy import PharmacyProposal, propose_all
from medsync_app.store.repositories import cycles
from medsync_app.store.session import Tx


@dataclass(frozen=True, slots=True)
class NewDate:
    """One candidate: the day when all are planned together, and the one the patient alone would get."""

    patient_id: str
    last_name: str
    first_name: str
    drugs: int
    sync_date: date | None
    alone: date | None
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class Together:
    """Those with a date first, by day and name; `before` is the load without any of them."""

    rows: Sequence[NewDate]
    proposal: PharmacyProposal
    before: dict[date, int]


def together(tx: Tx, pharmacy_id: str) -> Together:
    """Plan every candidate who did not say no; whole seconds for thousands of them."""
    found = {one.patient_id: one for one in candidate_list(tx, size=None).rows if one.declined_on is None}
    proposal = propose_all(tx, pharmacy_id, found)
    rows = [
        NewDate(
            one.patient_id, found[one.patient_id].last_name, found[one.patient_id].first_name,
            len(found[one.patient_id].drugs), one.sync_date, one.recommended, one.cost,
        )
        for one in proposal.dates
    ]  # fmt: skip
    rows.sort(key=lambda row: (row.sync_date is None, row.sync_date, row.last_name, row.first_name))
    return Together(rows, proposal, cycles.load_by_day(tx, pharmacy_id, proposal.today))
