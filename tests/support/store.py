"""A temporary database and small factories for rows that tests need."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from medsync_app.clock import VirtualClock
from medsync_app.domain.states import Channel, ContactBasis, Role
from medsync_app.store.migrate import upgrade
from medsync_app.store.scope import Scope
from medsync_app.store.scratch import quick
from medsync_app.store.session import Database
from medsync_app.store.tables import ContactPoint, Organization, Patient, Pharmacy
from tests.support.databases import DEFAULT_DATABASE, POSTGRES

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
SYSTEM = Scope.system("test")
#: The mobile number of patients of whom a test wants no more.
NUMBER = "+14045550123"
EVERY_DAY = {str(day): ["09:00", "18:00"] for day in range(7)}


@dataclass(frozen=True, slots=True)
class Shop:
    """A pharmacy made for a test."""

    pharmacy_id: str
    organization_id: str
    role: Role = Role.PHARMACIST

    @property
    def scope(self) -> Scope:
        return Scope.staff("staff-of-test", "Pat Tester", {self.pharmacy_id: self.role})


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.db"
    upgrade(f"sqlite:///{path}")
    Database(f"sqlite:///{path}").dispose()
    return path


def _sqlite_url(request: pytest.FixtureRequest) -> str:
    template: Path = request.getfixturevalue("_migrated_file")
    folder: Path = request.getfixturevalue("tmp_path")
    path = folder / "test.db"
    path.write_bytes(template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh, migrated database: a SQLite file, or PostgreSQL where the mark `both_databases` or the run asks.

    Neither waits for the disk: no test pulls the plug.
    """
    kind: str = getattr(request, "param", DEFAULT_DATABASE)
    on_postgres = kind == POSTGRES
    result = (
        Database(request.getfixturevalue("fresh_postgres_url"))
        if on_postgres
        else quick(_sqlite_url(request))
    )
    yield result
    result.dispose()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


def make_shop(
    database: Database,
    slug: str = "main",
    *,
    now: datetime = NOW,
    zone: str = "America/New_York",
) -> Shop:
    """An organization with one pharmacy, open every day."""
    with database.transaction(SYSTEM, VirtualClock(now)) as tx:
        organization = tx.add(Organization(name=f"{slug} group", created_at=now))
        tx.session.flush()
        pharmacy = tx.add(
            Pharmacy(
                organization_id=organization.id, slug=slug, name=f"{slug} pharmacy", zone=zone,
                phone="+14045550100", hours=EVERY_DAY, created_at=now,
            )
        )  # fmt: skip
        return Shop(pharmacy.id, organization.id)


@pytest.fixture
def shop(database: Database) -> Shop:
    """The one pharmacy of a test."""
    return make_shop(database)


@pytest.fixture
def sister(database: Database, shop: Shop) -> Shop:
    """Another pharmacy of the same group."""
    made = make_shop(database, "sister")
    with database.transaction(SYSTEM) as tx:
        tx.get(Pharmacy, made.pharmacy_id).organization_id = shop.organization_id
    return Shop(made.pharmacy_id, shop.organization_id)


@pytest.fixture
def patient(database: Database, shop: Shop) -> str:
    """A patient who has agreed to texts to `NUMBER`."""
    return make_patient(database, shop, phone=NUMBER)


def make_patient(
    database: Database, shop: Shop, *, first: str = "Ada", last: str = "Example", phone: str | None = None,
    birth_date: date = date(1980, 5, 1), basis: ContactBasis = ContactBasis.EXPRESS,
) -> str:  # fmt: skip
    """A patient, with a mobile number and a basis when `phone` is given."""
    with database.transaction(SYSTEM, VirtualClock(NOW)) as tx:
        patient = tx.add(
            Patient(
                pharmacy_id=shop.pharmacy_id, first_name=first, last_name=last, search_name=f"{last} {first}".lower(),
                birth_date=birth_date, created_at=tx.now, updated_at=tx.now,
            )
        )  # fmt: skip
        tx.session.flush()
        if phone:
            tx.add(
                ContactPoint(
                    pharmacy_id=shop.pharmacy_id, patient_id=patient.id, channel=Channel.SMS, address=phone,
                    basis=basis, basis_at=tx.now, basis_how="test", basis_by="test", created_at=tx.now,
                )
            )  # fmt: skip
        return patient.id
