"""How renewal requests go to prescribers is set by who may, takes effect at the next request, and is audited."""

import pytest
from sqlalchemy import select

from medsync_app.domain.states import Role
from medsync_app.errors import Forbidden, Invalid, NotFound
from medsync_app.reads.renewal_paths import renewal_paths
from medsync_app.services.renewal_paths import (
    PrescriberWay,
    change_prescriber,
    set_fill_on_request,
    set_renewal_path,
)
from medsync_app.services.renewals import request_renewals
from medsync_app.services.rules import rules_of
from medsync_app.store.scope import Scope
from medsync_app.store.tables import AuditEvent, Pharmacy, Prescriber, Prescription, RenewalRequest, Therapy
from tests.support.programme import Clinic, batch_of, enroll_recommended, even_patient, make_clinic


def as_role(clinic: Clinic, role: Role) -> Scope:
    return Scope(
        "01staff", "Olive Owner", frozenset({clinic.shop.pharmacy_id}), {clinic.shop.pharmacy_id: role}
    )


def paths_asked(clinic: Clinic) -> list[str]:
    """The paths of the requests for a batch whose drugs have no refill left."""
    patient_id, drugs = even_patient(clinic)
    with clinic.writing() as tx:
        for drug in drugs:
            tx.get(Prescription, tx.get(Therapy, drug).current_prescription_id).refills_left = 0
    enroll_recommended(clinic, patient_id)
    with clinic.writing() as tx:
        request_renewals(tx, batch_of(clinic).id)
        return sorted(tx.session.scalars(select(RenewalRequest.path)))


def test_a_prescribers_own_path_comes_before_the_usual_one_also_when_it_is_a_task(clinic: Clinic) -> None:
    patient_id, drugs = even_patient(clinic, count=1)
    owner = as_role(clinic, Role.OWNER)
    with clinic.database.transaction(owner, clinic.clock) as tx:
        assert set_renewal_path(tx, clinic.shop.pharmacy_id, "fax") is True
        assert set_renewal_path(tx, clinic.shop.pharmacy_id, "fax") is False
    with clinic.writing() as tx:
        rx = tx.get(Prescription, tx.get(Therapy, drugs[0]).current_prescription_id)
        rx.refills_left = 0
        assert change_prescriber(tx, str(rx.prescriber_id), PrescriberWay("task")) is True
    enroll_recommended(clinic, patient_id)
    with clinic.writing() as tx:
        request_renewals(tx, batch_of(clinic).id)
        assert tx.session.scalars(select(RenewalRequest.path)).one() == "task"


def test_without_one_the_pharmacys_usual_path_is_taken(clinic: Clinic) -> None:
    with clinic.database.transaction(as_role(clinic, Role.OWNER), clinic.clock) as tx:
        set_renewal_path(tx, clinic.shop.pharmacy_id, "portal")
    assert paths_asked(clinic) == ["portal", "portal"]


def test_a_path_needs_the_number_or_address_it_goes_to(clinic: Clinic) -> None:
    even_patient(clinic, count=1)
    with clinic.writing() as tx:
        row = tx.session.scalars(select(Prescriber)).one()
        for way, field in (
            (PrescriberWay("fax"), "fax"),
            (PrescriberWay("email_to_fax"), "fax"),
            (PrescriberWay("email"), "email"),
            (PrescriberWay("carrier pigeon"), "path"),
            (PrescriberWay("fax", fax="12"), "fax"),
            (PrescriberWay("email", email="nobody"), "email"),
        ):
            with pytest.raises(Invalid) as caught:
                change_prescriber(tx, row.id, way)
            assert caught.value.field == field
        assert change_prescriber(tx, row.id, PrescriberWay("fax", fax="404 555 0142")) is True
        assert change_prescriber(tx, row.id, PrescriberWay("fax", fax="+14045550142")) is False
        assert (row.renewal_path, row.fax) == ("fax", "+14045550142")
        acts = tx.session.scalars(select(AuditEvent).where(AuditEvent.act == "change_prescriber")).all()
        assert [act.detail["changed"] for act in acts] == [["path", "fax"]]


def test_only_who_may_sets_them_and_only_at_the_own_pharmacy(clinic: Clinic) -> None:
    even_patient(clinic, count=1)
    technician, other = as_role(clinic, Role.TECHNICIAN), make_clinic(clinic.database, "other")
    with clinic.reading() as tx:
        prescriber_id = tx.session.scalars(select(Prescriber.id)).one()
    with clinic.database.transaction(technician, clinic.clock) as tx:
        with pytest.raises(Forbidden):
            set_renewal_path(tx, clinic.shop.pharmacy_id, "fax")
        with pytest.raises(Forbidden):
            set_fill_on_request(tx, clinic.shop.pharmacy_id, ["cash"])
        with pytest.raises(Forbidden):
            change_prescriber(tx, prescriber_id, PrescriberWay("task"))
    with other.writing() as tx:
        with pytest.raises(NotFound):
            set_renewal_path(tx, clinic.shop.pharmacy_id, "fax")
        with pytest.raises(NotFound):
            change_prescriber(tx, prescriber_id, PrescriberWay("task"))
        with pytest.raises(NotFound):
            renewal_paths(tx, clinic.shop.pharmacy_id)


def test_whose_fills_need_the_patients_word_is_a_setting(clinic: Clinic) -> None:
    with clinic.database.transaction(as_role(clinic, Role.OWNER), clinic.clock) as tx:
        pharmacy = tx.get(Pharmacy, clinic.shop.pharmacy_id)
        assert rules_of(pharmacy).fill_on_request == {"medicaid"}
        assert set_fill_on_request(tx, clinic.shop.pharmacy_id, []) is True
        assert rules_of(pharmacy).fill_on_request == frozenset()
        with pytest.raises(Invalid):
            set_fill_on_request(tx, clinic.shop.pharmacy_id, ["somebody"])


def test_what_stands_is_read_with_the_number_of_prescriptions(clinic: Clinic) -> None:
    even_patient(clinic, count=2)
    with clinic.reading() as tx:
        found = renewal_paths(tx, clinic.shop.pharmacy_id)
    assert (found.usual, found.by_themselves, found.fill_on_request) == ("task", frozenset(), {"medicaid"})
    assert [(one.name, one.path, one.prescriptions) for one in found.prescribers] == [
        ("Dr Example", "", 1)
    ] * 2
