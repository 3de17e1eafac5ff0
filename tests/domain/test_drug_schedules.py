"""Controlled drugs are known by their names where nobody says that they are."""

import pytest

from medsync_app.domain.drug_schedules import schedule_of_name


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("Adderall XR 20 MG", 2),
        ("methylphenidate HCl ER 36 MG Oral Tablet", 2),
        ("Oxycodone 5 MG / Acetaminophen 325 MG Oral Tablet", 2),
        ("Codeine Sulfate 30 MG Oral Tablet", 2),
        ("Acetaminophen 300 MG / Codeine 30 MG Oral Tablet", 3),
        ("testosterone cypionate 200 MG/ML", 3),
        ("sodium oxybate 500 MG/ML Oral Solution", 3),
        ("Zolpidem 10 mg", 4),
        ("meprobamate 400 MG Oral Tablet", 4),
        ("Lyrica 75 mg", 5),
        ("Lisinopril 20 MG Oral Tablet", None),
        ("", None),
    ],
)
def test_the_strictest_schedule_that_a_name_tells(name: str, schedule: int | None) -> None:
    assert schedule_of_name(name) == schedule
