"""The one location that a settings tab is about."""

from medsync_app.auth.caller import Caller
from medsync_app.errors import Invalid


def one_place(caller: Caller) -> str:
    """The id of the location in the address, or of the only one where the permission holds."""
    ids = sorted(caller.scope_here.pharmacy_ids or ())
    if len(ids) != 1:
        raise Invalid("Choose one location first: settings belong to one pharmacy.", "at")
    return ids[0]


def zone_of(caller: Caller, pharmacy_id: str) -> str:
    """The time zone of one of the caller's locations."""
    return next(place.zone for place in caller.places if place.id == pharmacy_id)
