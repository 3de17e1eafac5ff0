"""The table of the three adherence classes."""

import pytest

from medsync_app.domain.drug_classes import (
    BRANDS,
    CLASS_LABELS,
    CLASS_OF_INGREDIENT,
    COMBINATIONS,
    SUBCLASS_OF_INGREDIENT,
    SUBCLASSES,
    DrugClass,
    class_named,
    classes_of,
    excludes_from,
    ingredients_in,
    is_insulin,
)
from medsync_app.domain.drug_names import parse_drug_name

DIABETES, RAS, STATINS = DrugClass.DIABETES, DrugClass.RAS_ANTAGONISTS, DrugClass.STATINS


def test_no_ingredient_stands_in_two_classes_or_subclasses():
    listed = [name for subclasses in SUBCLASSES.values() for names in subclasses.values() for name in names]
    assert len(listed) == len(set(listed)) == len(CLASS_OF_INGREDIENT) == len(SUBCLASS_OF_INGREDIENT)
    assert set(CLASS_LABELS) == set(DrugClass)


@pytest.mark.parametrize("combination", COMBINATIONS, ids="-".join)
def test_every_combination_is_found_under_its_generic_name(combination: tuple[str, ...]):
    parsed = parse_drug_name("-".join(part.title() for part in combination) + " 5-10 MG Oral Tablet")
    assert parsed.ingredients == combination
    assert parsed.classes or parsed.insulin


@pytest.mark.parametrize(("brand", "ingredients"), sorted(BRANDS.items()))
def test_every_brand_is_found(brand: str, ingredients: tuple[str, ...]):
    assert parse_drug_name(f"{brand.title()} 10 MG Oral Tablet").ingredients == ingredients
    assert parse_drug_name(f"{brand.upper()} 10 MG").ingredients == ingredients


@pytest.mark.parametrize(
    ("ingredients", "classes"),
    [
        (("metformin",), (DIABETES,)),
        (("dapagliflozin", "saxagliptin", "metformin"), (DIABETES,)),
        (("lisinopril", "hydrochlorothiazide"), (RAS,)),
        (("amlodipine", "atorvastatin"), (STATINS,)),
        (("sitagliptin", "simvastatin"), (DIABETES, STATINS)),
        (("aliskiren", "valsartan"), (RAS,)),
        (("insulin glargine",), ()),
        (("hydrochlorothiazide",), ()),
        ((), ()),
    ],
)
def test_a_product_counts_for_the_class_of_each_ingredient(
    ingredients: tuple[str, ...], classes: tuple[DrugClass, ...]
):
    assert classes_of(ingredients) == classes


@pytest.mark.parametrize(
    "name",
    [
        "Acarbose",
        "Miglitol",
        "Bromocriptine",
        "Cycloset",
        "Colesevelam",
        "Sparsentan",
        "Ezetimibe",
        "Bempedoic Acid",
    ],
)
def test_what_the_measures_do_not_name_is_no_member(name: str):
    assert parse_drug_name(f"{name} 25 MG Oral Tablet").classes == ()


@pytest.mark.parametrize(
    ("drug_class", "ingredients", "combinations"), [(DIABETES, 29, 24), (RAS, 19, 32), (STATINS, 7, 8)]
)
def test_the_size_of_the_table_changes_with_its_source_only(
    drug_class: DrugClass, ingredients: int, combinations: int
):
    assert sum(map(len, SUBCLASSES[drug_class].values())) == ingredients
    assert sum(drug_class in classes_of(one) for one in COMBINATIONS) == combinations


def test_only_the_members_of_a_class_cover_its_days():
    assert ingredients_in(RAS, ("amlodipine", "valsartan", "hydrochlorothiazide")) == ("valsartan",)
    assert ingredients_in(DIABETES, ("glipizide", "metformin")) == ("glipizide", "metformin")


def test_insulin_excludes_from_diabetes_and_sacubitril_from_ras_antagonists():
    insulin, entresto = ("insulin glargine", "lixisenatide"), ("sacubitril", "valsartan")
    assert excludes_from(DIABETES, insulin)
    assert not excludes_from(RAS, insulin)
    assert excludes_from(RAS, entresto)
    assert not excludes_from(DIABETES, entresto)
    assert not excludes_from(STATINS, insulin + entresto)
    assert not is_insulin(("insulinoma marker",))
    assert is_insulin(("insulin",))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Diabetes", DIABETES),
        ("ras_antagonists", RAS),
        ("RASA", RAS),
        (" Statin ", STATINS),
        ("beta blockers", None),
        ("", None),
    ],
)
def test_a_class_is_known_by_its_usual_names(text: str, named: DrugClass | None):
    assert class_named(text) is named
