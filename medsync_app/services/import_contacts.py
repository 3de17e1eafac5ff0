"""Keeps the phone numbers and e-mail addresses of imported patients: nobody has been asked about them yet."""

from collections.abc import Sequence
from typing import Any

from medsync_app.domain.dispensing_row import PatientData
from medsync_app.domain.states import Channel, ContactBasis
from medsync_app.services.import_drafts import Draft
from medsync_app.store.repositories import dispensing as repository
from medsync_app.store.session import Tx

#: Field of the file, channel it serves, kind of contact point; the first is tried first.
_POINTS = (
    ("cell", Channel.SMS, "mobile"),
    ("home", Channel.VOICE, "landline"),
    ("email", Channel.EMAIL, "email"),
)


def write_contacts(
    tx: Tx, pharmacy_id: str, known: frozenset[str], patients: Sequence[tuple[Draft, PatientData]]
) -> list[str]:
    """Add new contact points, drop imported ones that the source has replaced; the keys of patients so
    changed.

    What a person has recorded a basis for stays: consent belongs to the number it was given for.
    """
    ids = [draft.values["id"] for draft, _ in patients if not draft.is_new]
    stored: dict[str, list[dict[str, Any]]] = {}
    for point in repository.contact_points(tx, pharmacy_id, ids) if ids else []:
        stored.setdefault(point["patient_id"], []).append(point)
    added: list[dict[str, Any]] = []
    removed: list[str] = []
    changed: list[str] = []
    for draft, data in patients:
        patient_id = draft.values["id"]
        size = len(added), len(removed)
        theirs = stored.get(patient_id, [])
        present = {(point["channel"], point["address"]) for point in theirs}
        wanted = _wanted(data)
        for rank, (field, channel, kind) in enumerate(_POINTS):
            address = wanted[field]
            if address and (channel, address) not in present:
                added.append(
                    {
                        "patient_id": patient_id,
                        "channel": channel,
                        "address": address,
                        "kind": kind,
                        "rank": rank,
                    }
                )
            if field in known:
                removed.extend(
                    point["id"] for point in theirs
                    if point["channel"] is channel and point["address"] != address and _is_unasked_import(point)
                )  # fmt: skip
        if (len(added), len(removed)) != size and not draft.is_new:
            changed.append(data.key)
    repository.write_contact_points(tx, pharmacy_id, added, removed)
    return changed


def _wanted(data: PatientData) -> dict[str, str]:
    return {"cell": data.cell, "home": data.home, "email": data.email}


def _is_unasked_import(point: dict[str, Any]) -> bool:
    return point["basis"] is ContactBasis.NOT_ASKED and point["basis_how"] == repository.IMPORTED
