"""Invents the demo pharmacy's people: names, addresses, prescribers and numbers that belong to nobody."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from medsync_app.errors import Invalid

_FIRST_NAMES = (
    "Ada Alma Amara Anita Bea Benito Calvin Carmen Clara Curtis Dalia Della Dennis Doris Edwin Elena Elise Ernest "
    "Esther Felix Fiona Gloria Grace Harold Hector Hilda Ignacio Ines Irene Isaac Iva Jamal Joan Jorge Josefina "
    "Keisha Lamar Leah Leon Lidia Lorna Lucia Luther Mabel Marcus Marisol Maude Milton Miriam Nadia Nestor Nora "
    "Olive Omar Opal Oscar Pablo Pearl Percy Quentin Ramona Reggie Rosa Ruben Ruth Salma Selma Silas Sofia Tamika "
    "Teresa Thelma Tomas Ursula Velma Vernon Viola Walter Wanda Xavier Yolanda Zeke"
)
_LAST_NAMES = (
    "Abernathy Acosta Baptiste Barrow Beckham Bellweather Calloway Castellano Chandra Cobb Crenshaw Delacroix "
    "Dinkins Dumont Ellery Escobedo Fairchild Fontaine Gadsden Gallardo Greer Hargrove Hinojosa Holloway Ibarra "
    "Ivory Jamison Kettering Kimball Lachance Ledbetter Linares Loomis Macklin Marbury Montalvo Nakamura Nesbitt "
    "Oduya Okonkwo Ormsby Pacheco Pemberton Pickett Quarles Quintero Ravenel Redding Renfroe Rosario Sandifer "
    "Sepulveda Shackleford Stovall Tallman Thibodeaux Underhill Upchurch Valderrama Vance Weatherby Whitlock "
    "Winslow Yancey Yoo Zamora Zeller"
)
_FIRST, _LAST = tuple(_FIRST_NAMES.split()), tuple(_LAST_NAMES.split())
_STREETS = (
    "Magnolia Ave",
    "Chestnut St",
    "Peachtree Ln",
    "Willow Rd",
    "Juniper Ct",
    "Cascade Dr",
    "Tanyard Way",
)
_SPANISH_NAMES = (
    "Acosta Castellano Escobedo Gallardo Hinojosa Ibarra Linares Montalvo Pacheco Quintero Rosario Sepulveda "
    "Valderrama Zamora"
)
_SPANISH = frozenset(_SPANISH_NAMES.split())
#: Plan name, its type as the pharmacy system writes it, and how many of a hundred have it.
_PLANS = (
    ("Medicare Part D", "MEDD", 42), ("BlueShield PPO", "COMM", 25), ("UnionCare", "COMM", 11),
    ("State Medicaid", "CAID", 16), ("Cash", "CASH", 6),
)  # fmt: skip
#: Numbers 555-0100 to 555-0199 are set aside for invented people, in every area code.
_PER_AREA = 100
_LOCAL_AREAS = ("404", "470", "678", "770")
_SPECIAL_AREAS = frozenset({"800", "833", "844", "855", "866", "877", "888"})


@dataclass(frozen=True, slots=True)
class Person:
    """One invented patient, as a pharmacy system knows them; numbers are in E.164."""

    external_id: str
    first_name: str
    last_name: str
    birth_date: date
    mobile: str
    landline: str
    email: str
    street: str
    postal_code: str
    plan: str
    plan_type: str
    speaks_spanish: bool


@dataclass(frozen=True, slots=True)
class Doctor:
    """One invented prescriber."""

    name: str
    npi: str
    phone: str
    fax: str


def demo_numbers() -> Iterator[str]:
    """Different numbers 555-01xx in E.164: the demo's own area codes first, then all others there may be."""
    others = (
        f"{a}{b}{c}" for a in range(2, 10) for b in range(9) for c in range(10) if not b == c == 1
    )  # fmt: skip
    areas = [*_LOCAL_AREAS, *(a for a in others if a not in _SPECIAL_AREAS and a not in _LOCAL_AREAS)]
    for area in areas:
        for last in range(_PER_AREA):
            yield f"+1{area}55501{last:02d}"


def invent_people(random: Random, count: int, today: date, numbers: Iterator[str]) -> list[Person]:
    """So many people of 24 to 90 years; Invalid when there are not enough numbers set aside for them."""
    return [_person(random, index, today, numbers) for index in range(count)]


def invent_doctors(random: Random, count: int, numbers: Iterator[str]) -> list[Doctor]:
    """So many prescribers with phone and fax."""
    return [
        Doctor(
            name=f"{random.choice(_LAST)}, {random.choice(_FIRST)}", npi=f"19{random.randrange(10**7, 10**8)}",
            phone=take_number(numbers), fax=take_number(numbers),
        )
        for _ in range(count)
    ]  # fmt: skip


def take_number(numbers: Iterator[str]) -> str:
    """The next number; Invalid when all that are set aside for invented people are used."""
    number = next(numbers, None)
    if number is None:
        raise Invalid(
            "There are not so many numbers set aside for invented people: ask for fewer.", "patients"
        )
    return number


def _person(random: Random, index: int, today: date, numbers: Iterator[str]) -> Person:
    first, last = random.choice(_FIRST), random.choice(_LAST)
    plan, kind, _ = random.choices(_PLANS, weights=[weight for _, _, weight in _PLANS])[0]
    years = random.randint(65, 90) if kind == "MEDD" else random.randint(24, 64)
    contact = random.random()
    mobile = take_number(numbers) if contact < 0.92 else ""
    return Person(
        external_id=f"D{index + 1:05d}", first_name=first, last_name=last,
        birth_date=today - timedelta(days=years * 365 + random.randint(20, 360)),
        mobile=mobile, landline=take_number(numbers) if contact > 0.85 else "",
        email=f"{first}.{last}{index + 1}@example.com".lower() if random.random() < 0.5 else "",
        street=f"{random.randint(10, 4999)} {random.choice(_STREETS)}", postal_code=f"30{random.randint(301, 349)}",
        plan=plan, plan_type=kind, speaks_spanish=last in _SPANISH and random.random() < 0.7,
    )  # fmt: skip
