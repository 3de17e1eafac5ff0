"""The app with invented data that pictures are taken of: no rows, one in each list, a demo, or long and many."""

import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from scripts.picture_scenes import Site

if TYPE_CHECKING:
    from medsync_app.store.session import Database

_PASSWORD = "pictures are taken of this"
_OWNER = "owner@demo.example"
#: "none" and "one" are a pharmacy of their own, "hard" is the demo and a patient with what is long and many.
Kind = Literal["none", "one", "demo", "hard"]
_FIRST, _LAST = "María Guadalupe de la Concepción", "Abad de los Ángeles-Fernández y Castañeda"
_DRUGS = 40


@contextmanager
def own_site(kind: Kind, patients: int, *, port: int | None = None) -> Generator[Site]:
    """The app, in a folder of its own; `patients` is the size of the demo."""
    from medsync_app.cli.frontend import ensure_built
    from tests.support.failing_reads import MODULE, SWITCH
    from tests.support.served_app import ServedApp

    # Before the server's time to start is counted: a build takes longer than that.
    ensure_built(sys.stderr)
    with tempfile.TemporaryDirectory(prefix="medsync-pictures-") as folder:
        switch = Path(folder) / "fail"
        environment = {"MEDSYNC_DEMO_PASSWORD": _PASSWORD, SWITCH: str(switch)}
        app = ServedApp(Path(folder), environment=environment, module=MODULE)
        app.port = port or app.port
        app.command("migrate")
        if kind in ("none", "one"):
            _own_pharmacy(app.database_url, rows=kind == "one")
        else:
            app.command("demo", "load", "--patients", str(patients))
            _with_versions(app.database_url)
        if kind == "hard":
            _hard_patient(app.database_url)
        open_join_form(app.database_url)
        app.start()
        try:
            yield Site(app.url, _OWNER, _PASSWORD, switch)
        finally:
            app.stop()


@contextmanager
def _opened(database_url: str) -> Generator["Database"]:
    from medsync_app.store.session import Database

    database = Database(database_url)
    try:
        yield database
    finally:
        database.dispose()


def _own_pharmacy(database_url: str, *, rows: bool) -> None:
    """A pharmacy with its owner, and, when asked, a batch of today, a call to make and a held message."""
    from medsync_app.auth.passwords import hash_password
    from medsync_app.clock import SystemClock
    from medsync_app.domain.states import Role
    from tests.support.open_forms import make_data
    from tests.support.signed_in_page import now
    from tests.support.staff import make_staff
    from tests.support.store import make_shop

    with _opened(database_url) as database:
        shop = make_shop(database, now=now())
        make_staff(
            database, SystemClock(), {shop.pharmacy_id: Role.OWNER}, organization_id=shop.organization_id,
            email=_OWNER, name="Odette Marsh", password_hash=hash_password(_PASSWORD),
        )  # fmt: skip
        if rows:
            make_data(database, shop)


def open_join_form(database_url: str) -> None:
    """Give each location of a demo its public form, which a pharmacy opens when it wants one."""
    from medsync_app.services.join import rotate_link
    from medsync_app.store.repositories.contact import pharmacies
    from medsync_app.store.scope import Scope

    with _opened(database_url) as database, database.transaction(Scope.system("pictures")) as tx:
        for place in pharmacies(tx):
            rotate_link(tx, place.id)


def _with_versions(database_url: str) -> None:
    """A second version of each location's workflow, and a change that is not published yet."""
    from medsync_app.services.workflow_draft import part_of, publish_draft, put_in_draft, working_document
    from medsync_app.store.repositories.contact import pharmacies
    from medsync_app.store.scope import Scope

    with _opened(database_url) as database, database.transaction(Scope.system("pictures")) as tx:
        for place in pharmacies(tx):
            for name in ("Ask to confirm the pickup", "Ask once more to confirm"):
                step = part_of(working_document(tx, place.id), "steps", "confirm_t3")
                put_in_draft(tx, place.id, "steps", {**step, "name": name})
                if name.endswith("pickup"):
                    publish_draft(tx, place.id, note="A clearer name.")


def _hard_patient(database_url: str) -> None:
    """Somebody with a long name, a foreign number and many medicines, who takes part."""
    from sqlalchemy import select

    from medsync_app.clock import VirtualClock
    from medsync_app.domain.states import Role
    from medsync_app.store.scope import Scope
    from medsync_app.store.tables import Pharmacy
    from tests.support.programme import Clinic, add_drug_row, enroll_recommended
    from tests.support.signed_in_page import now
    from tests.support.store import Shop, make_patient

    with _opened(database_url) as database:
        with database.reading(Scope.system("pictures")) as tx:
            place = tx.session.scalars(select(Pharmacy)).first()
            assert place is not None, "the demo has locations"
            shop = Shop(place.id, place.organization_id, Role.PHARMACIST)
        clinic = Clinic(database, shop, VirtualClock(now()))
        patient_id = make_patient(database, shop, first=_FIRST, last=_LAST, phone="+525512345678")
        for number in range(_DRUGS):
            day = now().date() - timedelta(days=3 + number % 20)
            fills = [((day - timedelta(days=30 * back)).isoformat(), 30) for back in (3, 2, 1, 0)]
            name = f"Amlodipine-benazepril hydrochloride {number} mg extended-release capsule"
            add_drug_row(clinic, patient_id, name, fills, ingredients=[f"ingredient {number}"])
        enroll_recommended(clinic, patient_id)
