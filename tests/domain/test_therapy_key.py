"""Successive names of one drug share a key; other strengths, forms and releases do not."""

import pytest

from medsync_app.domain.therapy_key import drug_data


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lisinopril 20 MG Oral Tablet", "LISINOPRIL 20MG TABLET"),
        ("Metformin HCl 1,000 MG Oral Tablet", "metformin hydrochloride 1000 mg tablet"),
        ("Tamsulosin HCl 0.4 MG Oral Capsule", "Tamsulosin .4 mg capsule"),
        ("Compound X 5% Mystery Paste", "compound  x 5% MYSTERY paste"),
    ],
)
def test_spellings_of_one_drug_share_a_key(one: str, other: str) -> None:
    assert drug_data(one).key == drug_data(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lisinopril 20 MG Oral Tablet", "Lisinopril 10 MG Oral Tablet"),
        ("Metformin HCl ER 750 MG Oral Tablet", "Metformin HCl 750 MG Oral Tablet"),
        ("Lisinopril 20 MG Oral Tablet", "Lisinopril-HCTZ 20-12.5 MG Oral Tablet"),
        ("Ibuprofen 100 MG/5ML Oral Suspension", "Ibuprofen 100 MG Oral Tablet"),
        ("Compound X 5% Mystery Paste", "Compound Y 5% Mystery Paste"),
    ],
)
def test_other_drugs_have_other_keys(one: str, other: str) -> None:
    assert drug_data(one).key != drug_data(other).key


def test_what_a_plan_must_know_of_a_form_is_kept() -> None:
    pen = drug_data("Insulin Glargine 100 UNIT/ML Pen Injector", "PEN")
    assert (pen.form, pen.unbreakable, pen.ingredients) == ("pen", True, ("insulin glargine",))
    assert not drug_data("Lisinopril 20 MG Oral Tablet", "TAB").unbreakable
