"""Patients with fills that make an adherence known by heart, written as rows."""

from datetime import date, timedelta

from medsync_app.store.session import Database
from tests.support.screens import make_therapy
from tests.support.store import Shop, make_patient

YEAR_START = date(2026, 1, 1)


def monthly(first: date, count: int, *, every: int = 30) -> tuple[date, ...]:
    """`count` dates, `every` days apart."""
    return tuple(first + timedelta(days=every * index) for index in range(count))


def takes(
    database: Database, shop: Shop, drug: str, fills: tuple[date, ...], *, first: str = "Ada", days: int = 30,
    **more: object,
) -> str:  # fmt: skip
    """A new patient with one drug; gives the patient's id."""
    patient = make_patient(database, shop, first=first)
    make_therapy(database, shop, patient, drug, fills=fills, days=days, **more)  # pyright: ignore
    return patient
