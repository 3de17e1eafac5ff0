"""How the events of each sender are read: by the preset, or as the pharmacy has changed it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from medsync_app.connections import pioneerrx
from medsync_app.domain.pharmacy_events import CANONICAL, EventMapping, parse_event_mapping
from medsync_app.domain.states import JoinOrigin
from medsync_app.store.repositories import joining
from medsync_app.store.session import Tx

#: Senders that have words of their own. Our own body (docs/events.md) is what it is.
EVENT_PRESETS: Final[Mapping[JoinOrigin, EventMapping]] = MappingProxyType(
    {JoinOrigin.PIONEERRX: pioneerrx.PRESET}
)


def event_mapping_of(document: Mapping[str, Any], origin: JoinOrigin) -> EventMapping:
    """The mapping that a pharmacy keeps; the preset while it keeps none."""
    preset = EVENT_PRESETS[origin]
    return parse_event_mapping(document, preset) if document else preset


def event_mapping(tx: Tx, pharmacy_id: str, origin: JoinOrigin) -> EventMapping:
    """How what a sender posts to a pharmacy is read."""
    if origin not in EVENT_PRESETS:
        return CANONICAL
    row = joining.source_of(tx, pharmacy_id, origin)
    return event_mapping_of(row.mapping if row is not None else {}, origin)
