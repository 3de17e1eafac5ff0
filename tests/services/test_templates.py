"""Own wordings: refused when a patient could get nonsense, kept with an audit entry, tried on a real patient."""

import pytest
from sqlalchemy import select

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Channel, ContactBasis, Role
from medsync_app.errors import Conflict, Forbidden, Invalid, NotFound
from medsync_app.services.templates import Preview, preview_wording, save_template
from medsync_app.store.session import Database
from medsync_app.store.tables import AuditEvent, Patient, Template
from tests.support.cycles import make_cycle
from tests.support.store import SYSTEM, Shop, make_patient, make_shop

GOOD = "{{ pharmacy }}: {{ medicines }} on {{ day }}. {{ phone }} STOP"


def save(
    database: Database,
    shop: Shop,
    clock: VirtualClock,
    body: str,
    name: str = "confirm_t3",
    language: str = "en",
) -> str:
    with database.transaction(shop.scope, clock) as tx:
        return save_template(tx, shop.pharmacy_id, name, language, Channel.SMS, body)


def bodies(database: Database) -> list[str]:
    with database.reading(SYSTEM) as tx:
        return list(tx.session.scalars(select(Template.body)))


def preview(database: Database, shop: Shop, clock: VirtualClock, patient: str, body: str) -> Preview:
    with database.transaction(shop.scope, clock) as tx:
        return preview_wording(tx, patient, "confirm_t3", "en", Channel.SMS, body)


def test_a_wording_is_kept_changed_and_taken_back(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    first = save(database, shop, clock, GOOD)
    assert save(database, shop, clock, GOOD + "!") == first
    assert bodies(database) == [GOOD + "!"]
    save(database, shop, clock, "  ")
    assert bodies(database) == []
    with database.reading(SYSTEM) as tx:
        acts = tx.session.scalars(select(AuditEvent).where(AuditEvent.act == "save_template")).all()
    assert [act.detail["own"] for act in acts] == [True, True, False]
    assert GOOD not in str([act.detail for act in acts])


@pytest.mark.parametrize(
    ("body", "name", "language", "field"),
    [
        ("{{ price }}", "confirm_t3", "en", "body"),
        ("{% if age > 200 %}{{ price }}{% endif %}x", "confirm_t3", "en", "body"),
        (GOOD, "letter", "en", "name"), (GOOD, "confirm_t3", "fr", "language"),
    ],
)  # fmt: skip
def test_what_could_reach_a_patient_broken_is_refused(
    database: Database, shop: Shop, clock: VirtualClock, body: str, name: str, language: str, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        save(database, shop, clock, body, name, language)
    assert caught.value.field == field
    assert bodies(database) == []


def test_only_owner_and_pharmacist_may(database: Database, shop: Shop, clock: VirtualClock) -> None:
    with pytest.raises(Forbidden):
        save(database, Shop(shop.pharmacy_id, shop.organization_id, Role.TECHNICIAN), clock, GOOD)
    with pytest.raises(NotFound), database.transaction(make_shop(database, "x").scope, clock) as tx:
        save_template(tx, shop.pharmacy_id, "confirm_t3", "en", Channel.SMS, GOOD)


def test_a_preview_shows_what_this_patient_would_get_and_its_size(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    patient = make_patient(database, shop, phone="+14045550123")
    with pytest.raises(Conflict, match="no coming pickup"):
        preview(database, shop, clock, patient, GOOD)
    make_cycle(database, shop, patient)
    with database.transaction(SYSTEM, clock) as tx:
        tx.get(Patient, patient).drug_names_wanted = True
    seen = preview(database, shop, clock, patient, GOOD)
    assert seen.text.body == "main pharmacy: Drug0 10 mg, Drug1 10 mg on Thu Dec 10. 404-555-0100 STOP"
    assert seen.size is not None
    assert (seen.size.encoding, seen.size.segments, seen.replaced) == ("GSM-7", 1, False)
    accents = preview(database, shop, clock, patient, GOOD + " ó" + "x" * 80)
    assert accents.size is not None
    assert (accents.size.encoding, accents.size.segments, accents.size.outside) == ("UCS-2", 3, "ó")
    assert bodies(database) == []
    with pytest.raises(Invalid):
        preview(database, shop, clock, patient, "{{ price }}")
    with pytest.raises(NotFound):
        preview(database, make_shop(database, "theirs"), clock, patient, GOOD)


def test_a_preview_says_when_ours_would_go_out_instead(
    database: Database, shop: Shop, clock: VirtualClock
) -> None:
    patient = make_patient(database, shop, phone="+14045550123", basis=ContactBasis.NUMBER_GIVEN)
    make_cycle(database, shop, patient)
    assert preview(database, shop, clock, patient, "Come on {{ day }}.").replaced
    assert not preview(database, shop, clock, patient, GOOD).replaced
