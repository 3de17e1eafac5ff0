"""Forms of others and the pharmacy system as Settings shows them: how each is read, and what came of it."""

from dataclasses import dataclass
from datetime import datetime

from medsync_app.domain.form_mapping import PRESETS, FormMapping, mapping_of
from medsync_app.domain.pharmacy_events import EventMapping
from medsync_app.domain.states import JoinOrigin
from medsync_app.services.event_mappings import EVENT_PRESETS, event_mapping_of
from medsync_app.store.repositories import joining
from medsync_app.store.session import Tx
from medsync_app.store.tables import Pharmacy


@dataclass(frozen=True, slots=True)
class Source:
    """One of them; `is_own` when the pharmacy has changed the mapping. `refusal` holds nothing of a patient."""

    origin: JoinOrigin
    slug: str
    mapping: FormMapping | EventMapping
    is_own: bool
    received_at: datetime | None
    refused_at: datetime | None
    refusal: str


def form_sources(tx: Tx, pharmacy_id: str) -> tuple[Source, ...]:
    """Every one that may send to a pharmacy; NotFound outside the scope."""
    slug = tx.get(Pharmacy, pharmacy_id).slug
    rows = joining.sources_of(tx, pharmacy_id)
    found: list[Source] = []
    for origin in (*PRESETS, *EVENT_PRESETS):
        row = rows.get(origin)
        kept = row.mapping if row else {}
        mapping = mapping_of(kept, origin) if origin in PRESETS else event_mapping_of(kept, origin)
        found.append(
            Source(
                origin, slug, mapping, bool(kept), row.received_at if row else None,
                row.refused_at if row else None, row.refusal if row else "",
            )
        )  # fmt: skip
    return tuple(found)
