"""Sets up the demo's organization: two locations and the people who work there."""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from medsync_app.auth.passwords import check_strength, hash_password
from medsync_app.domain.states import Role
from medsync_app.services.add_pharmacy import add_pharmacy
from medsync_app.services.add_user import NewUser, add_user, set_role
from medsync_app.store.scope import Scope
from medsync_app.store.session import Tx
from medsync_app.store.tables import ClosedDay, Organization, Pharmacy

SCOPE = Scope.system("demo")
ZONE = "America/New_York"
#: Sets the password of all demo accounts; else each database gets a random one.
PASSWORD_VARIABLE = "MEDSYNC_DEMO_PASSWORD"  # noqa: S105 - a name, not a password
_STAFF = (
    ("owner@demo.example", "Odette Marsh", Role.OWNER),
    ("pharmacist@demo.example", "Pilar Whitfield", Role.PHARMACIST),
    ("technician@demo.example", "Tobias Lane", Role.TECHNICIAN),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A location as it is set up; `capacity` batches a day."""

    name: str
    phone: str
    address: str
    npi: str
    capacity: int


_LOCATIONS = (
    Place(
        "Magnolia Pharmacy Midtown", "+14045550199", "1120 Magnolia Ave, Atlanta, GA 30309", "1912345671", 14
    ),
    Place("Magnolia Pharmacy Decatur", "+14045550198", "88 Chestnut St, Decatur, GA 30330", "1912345689", 10),
)
#: Numbers of the locations themselves: no patient gets them.
LOCATION_NUMBERS = frozenset(place.phone for place in _LOCATIONS)


@dataclass(frozen=True, slots=True)
class SignIn:
    """An account of the demo, shown once; only the password's hash is kept."""

    email: str
    password: str
    role: Role


@dataclass(frozen=True, slots=True)
class Crew:
    """The scopes under which the staff of a location act."""

    pharmacist: Scope
    technician: Scope


@dataclass(frozen=True, slots=True)
class House:
    """The demo's pharmacies (id -> their crew), the main one first, and the accounts."""

    crews: Mapping[str, Crew]
    sign_ins: tuple[SignIn, ...]


def demo_password() -> str:
    """The one from the environment when there is one (Invalid when it is too weak), else a random one."""
    given = os.environ.get(PASSWORD_VARIABLE, "")
    if not given:
        return "-".join(secrets.token_hex(3) for _ in range(3))
    check_strength(given)
    return given


def set_up(tx: Tx, places: Sequence[Place] = _LOCATIONS, *, is_demo: bool = True) -> House:
    """Make the organization, its locations and accounts."""
    locations = [_location(tx, place, is_demo=is_demo) for place in places]
    organization = tx.get(Organization, tx.get(Pharmacy, locations[0]).organization_id)
    organization.name = "Magnolia Family Pharmacies"
    password = demo_password()
    hashed = hash_password(password)
    people: dict[Role, tuple[str, str]] = {}
    for email, name, role in _STAFF:
        staff_id = add_user(tx, locations[0], NewUser(email, name, role, hashed))
        for location in locations[1:]:
            set_role(tx, location, staff_id, role)
        people[role] = (staff_id, name)

    def scope(role: Role, pharmacy_id: str) -> Scope:
        return Scope.staff(*people[role], {pharmacy_id: role})

    return House(
        {key: Crew(scope(Role.PHARMACIST, key), scope(Role.TECHNICIAN, key)) for key in locations},
        tuple(SignIn(email, password, role) for email, _, role in _STAFF),
    )


def _location(tx: Tx, place: Place, *, is_demo: bool) -> str:
    pharmacy = tx.get(Pharmacy, add_pharmacy(tx, place.name, ZONE).id)
    pharmacy.phone, pharmacy.address, pharmacy.npi = place.phone, place.address, place.npi
    pharmacy.daily_capacity, pharmacy.is_demo = place.capacity, is_demo
    pharmacy.reply_to_email = "pharmacy@demo.example"
    year = tx.now.year
    for day, closed in ((f"{year}-12-25", "Christmas Day"), (f"{year + 1}-01-01", "New Year's Day")):
        tx.add(ClosedDay(pharmacy_id=pharmacy.id, day=date.fromisoformat(day), name=closed))
    return pharmacy.id
