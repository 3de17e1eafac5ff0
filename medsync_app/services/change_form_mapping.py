"""Changes how a form, or the events of a pharmacy system, are read, and reads that as it is typed in Settings."""

from collections.abc import Mapping

from medsync_app.domain.form_mapping import PRESETS, FormMapping, parse_mapping
from medsync_app.domain.pharmacy_events import PLACED, WORDED, EventMapping, parse_event_mapping
from medsync_app.domain.states import JoinOrigin, Role
from medsync_app.errors import Invalid
from medsync_app.services.audit import audit
from medsync_app.services.event_mappings import EVENT_PRESETS
from medsync_app.store.repositories import joining
from medsync_app.store.session import Tx
from medsync_app.store.tables import FormSource, Pharmacy

#: Between the names of questions in one line.
BETWEEN = ";"


def fields_of(origin: JoinOrigin) -> tuple[str, ...]:
    """Our fields that may be filled, in the order of the preset; of events their words too, and `ignored`."""
    if origin in EVENT_PRESETS:
        return (*PLACED, *WORDED, "ignored")
    return tuple(PRESETS[origin].fields)


def typed_mapping(origin: JoinOrigin, typed: Mapping[str, str]) -> FormMapping | EventMapping:
    """The mapping as typed: names with semicolons between, of forms also `yes`, `spoken`; Invalid names a field."""
    lists = {field: names for field in fields_of(origin) if (names := _names(typed.get(field, "")))}
    preset = EVENT_PRESETS.get(origin)
    try:
        if preset is not None:
            ignored = lists.pop("ignored", [])
            events = {kind: lists.pop(kind) for kind in WORDED if kind in lists}
            return parse_event_mapping({"fields": lists, "events": events, "ignored": ignored}, preset)
        yes, language = _names(typed.get("yes", "")), typed.get("spoken", "")
        return parse_mapping({"fields": lists, "yes": yes, "language": language})
    except Invalid as error:
        # `language` alone is what is spoken when nobody says; the question about it is fields.language.
        part, _, rest = (error.field or "").partition(".")
        name = rest or {"language": "spoken"}.get(part, part)
        raise Invalid(error.message, name.partition("[")[0]) from None


def change_mapping(
    tx: Tx, pharmacy_id: str, origin: JoinOrigin, mapping: FormMapping | EventMapping | None
) -> bool:
    """Read what comes from now on by this mapping, None: by the preset; owners only. False when it was so."""
    tx.scope.require(pharmacy_id, Role.OWNER)
    tx.get(Pharmacy, pharmacy_id)
    preset = PRESETS.get(origin) or EVENT_PRESETS.get(origin)
    if preset is None:
        raise Invalid("The form of MedSync itself needs no mapping.", "origin")
    row = joining.source_of(tx, pharmacy_id, origin)
    if row is None:
        row = tx.add(FormSource(pharmacy_id=pharmacy_id, origin=origin))
    document = {} if mapping is None or mapping == preset else mapping.to_document()
    if row.mapping == document:
        return False
    row.mapping = document
    tx.session.flush()
    audit(
        tx, pharmacy_id=pharmacy_id, act="change_form_mapping", subject_kind="form_source", subject_id=row.id,
        detail={"origin": origin.value, "preset": not document},
    )  # fmt: skip
    return True


def _names(text: str) -> list[str]:
    return [name for part in text.split(BETWEEN) if (name := " ".join(part.split()))]
