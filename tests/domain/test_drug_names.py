"""Drug names of dispensing systems, parsed to ingredients, strength, form and release type."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.drug_classes import DrugClass
from medsync_app.domain.drug_forms import DrugForm, FormGroup, ReleaseType, form_of
from medsync_app.domain.drug_ingredients import KNOWN_INGREDIENTS, PRODUCT_NAMES
from medsync_app.domain.drug_names import parse_drug_name, says_as_needed

SAMPLE = Path(__file__).parent.parent / "data" / "drug_names.csv"


def sample_names() -> list[tuple[str, str]]:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        return [(row["drug_name"], row["form"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(("name", "code"), sample_names())
def test_every_drug_of_the_sample_export_is_recognised_whole(name: str, code: str):
    parsed = parse_drug_name(name, code)
    assert parsed.known
    assert parsed.strength
    assert parsed.form is not DrugForm.UNKNOWN
    assert parsed.form is form_of(code)
    assert parse_drug_name(name).form is parsed.form


@pytest.mark.parametrize(
    ("text", "ingredients", "strength", "form", "release"),
    [
        ("Metformin HCl ER 750 MG Oral Tablet", ("metformin",), "750 MG", "tablet", "extended"),
        (
            "Oxycodone-Acetaminophen 5-325 MG Oral Tablet",
            ("oxycodone", "acetaminophen"),
            "5-325 MG",
            "tablet",
            "plain",
        ),
        ("Insulin Glargine 100 UNIT/ML Pen Injector", ("insulin glargine",), "100 UNIT/ML", "pen", "plain"),
        ("Latanoprost 0.005 % Ophthalmic Solution", ("latanoprost",), "0.005 %", "drops", "plain"),
        (
            "Sacubitril-Valsartan 24-26 MG Oral Tablet",
            ("sacubitril", "valsartan"),
            "24-26 MG",
            "tablet",
            "plain",
        ),
        (
            "Lisinopril-Hydrochlorothiazide 20-12.5 MG Oral Tablet",
            ("lisinopril", "hydrochlorothiazide"),
            "20-12.5 MG",
            "tablet",
            "plain",
        ),
        ("Omeprazole DR 20 MG Oral Capsule", ("omeprazole",), "20 MG", "capsule", "delayed"),
        ("Ondansetron ODT 4 MG Tablet", ("ondansetron",), "4 MG", "tablet", "orally disintegrating"),
        (
            "24 HR metformin hydrochloride 500 MG Extended Release Oral Tablet [Glucophage]",
            ("metformin",),
            "500 MG",
            "tablet",
            "extended",
        ),
        (
            "lisinopril 10 MG / hydrochlorothiazide 12.5 MG Oral Tablet [Zestoretic]",
            ("lisinopril", "hydrochlorothiazide"),
            "10 MG / 12.5 MG",
            "tablet",
            "plain",
        ),
        (
            "Insulin Aspart Prot & Aspart (70-30) 100 UNIT/ML Suspension Pen-injector",
            ("insulin aspart",),
            "100 UNIT/ML",
            "pen",
            "plain",
        ),
        (
            "Ipratropium-Albuterol 0.5-2.5 (3) MG/3ML Inhalation Solution",
            ("ipratropium", "albuterol"),
            "0.5-2.5 (3) MG/3ML",
            "nebulizer solution",
            "plain",
        ),
        (
            "Ozempic (1 MG/DOSE) 4 MG/3ML Subcutaneous Solution Pen-injector",
            ("semaglutide",),
            "1 MG/DOSE",
            "pen",
            "plain",
        ),
        ("Estradiol 0.05 MG/24HR Transdermal Patch Weekly", ("estradiol",), "0.05 MG/24HR", "patch", "plain"),
        ("Testosterone 1.62 % Transdermal Gel", ("testosterone",), "1.62 %", "gel", "plain"),
        (
            "Amlodipine Besy-Benazepril HCl 5-20 MG Oral Capsule",
            ("amlodipine", "benazepril"),
            "5-20 MG",
            "capsule",
            "plain",
        ),
        (
            "Polyethylene Glycol 3350 17 GM/SCOOP Oral Powder",
            ("polyethylene glycol 3350",),
            "17 GM",
            "powder",
            "plain",
        ),
        ("Vitamin D3 1,000 UNIT Oral Capsule", ("cholecalciferol",), "1,000 UNIT", "capsule", "plain"),
        ("Metformin HCl 500mg Tab", ("metformin",), "500mg", "tablet", "plain"),
        ("Exforge HCT", ("amlodipine", "valsartan", "hydrochlorothiazide"), "", "unknown", "plain"),
        ("metformin", ("metformin",), "", "unknown", "plain"),
    ],
)
def test_a_name_says_ingredients_strength_form_and_release(
    text: str, ingredients: tuple[str, ...], strength: str, form: str, release: str
):
    parsed = parse_drug_name(text)
    assert parsed.ingredients == ingredients
    assert (parsed.strength, parsed.form, parsed.release) == (
        strength,
        DrugForm(form),
        ReleaseType(release),
    )


@pytest.mark.parametrize(
    "text",
    ["Zaltrazine 10 MG Oral Tablet", "Metformin-Zaltrazine 10 MG Tablet", "", "   ", "10 MG", "Tablet", "💊"],
)
def test_an_unknown_name_or_part_is_unknown_and_not_guessed(text: str):
    parsed = parse_drug_name(text)
    assert not parsed.known
    assert parsed.ingredients == ()
    assert parsed.classes == ()


def test_a_salt_that_is_the_drug_is_kept():
    assert parse_drug_name("Potassium Chloride Crys ER 20 MEQ Tablet").ingredients == ("potassium chloride",)
    assert parse_drug_name("Dimethyl Fumarate 240 MG Capsule").ingredients == ("dimethyl fumarate",)
    assert parse_drug_name("Losartan Potassium 50 MG Tablet").ingredients == ("losartan",)
    assert parse_drug_name("Tenofovir Disoproxil Fumarate 300 MG Tablet").ingredients == ("tenofovir",)


def test_a_biosimilar_suffix_is_dropped_from_biologics_only():
    assert parse_drug_name("Insulin Glargine-yfgn 100 UNIT/ML Solution").ingredients == ("insulin glargine",)
    assert parse_drug_name("Adalimumab-adaz 40 MG/0.4ML Auto-injector").ingredients == ("adalimumab",)
    assert not parse_drug_name("Metformin-abcd 500 MG Tablet").known


def test_the_order_of_ingredients_does_not_change_the_ingredient_key():
    one = parse_drug_name("Lisinopril-HCTZ 20-12.5 MG Oral Tablet")
    other = parse_drug_name("hydrochlorothiazide 12.5 MG / lisinopril 20 MG Oral Tablet")
    assert one.ingredient == other.ingredient == "hydrochlorothiazide-lisinopril"


def test_a_form_code_settles_what_the_name_leaves_open():
    assert parse_drug_name("Jardiance 10 MG").form is DrugForm.UNKNOWN
    assert parse_drug_name("Jardiance 10 MG", "TAB").form is DrugForm.TABLET


@pytest.mark.parametrize(
    ("text", "group", "unit_of_use"),
    [
        ("Insulin Glargine 100 UNIT/ML Solution", FormGroup.INSULIN, True),
        ("Insulin Glargine 100 UNIT/ML Pen Injector", FormGroup.INSULIN, True),
        ("Semaglutide 1 MG/DOSE Pen Injector", None, True),
        ("Latanoprost 0.005 % Ophthalmic Solution", FormGroup.DROPS, True),
        ("Albuterol HFA 90 MCG Inhaler", FormGroup.INHALER, True),
        ("Lactulose 10 GM/15ML Oral Solution", FormGroup.LIQUID, False),
        ("Hydrocortisone 2.5 % Cream", None, True),
        ("Methylprednisolone 4 MG Oral Tablet Therapy Pack", None, True),
        ("Metformin HCl 500 MG Oral Tablet", None, False),
        ("Estradiol 0.05 MG/24HR Transdermal Patch", None, False),
    ],
)
def test_a_form_says_its_sync_group_and_whether_it_can_be_divided(
    text: str, group: FormGroup | None, unit_of_use: bool
):
    parsed = parse_drug_name(text)
    assert (parsed.group, parsed.unit_of_use) == (group, unit_of_use)


@pytest.mark.parametrize(
    ("text", "acute"),
    [
        ("Amoxicillin 500 MG Oral Capsule", True),
        ("Oxycodone-Acetaminophen 5-325 MG Oral Tablet", True),
        ("Oseltamivir Phosphate 75 MG Oral Capsule", True),
        ("Prednisone 20 MG Oral Tablet", True),
        ("Metformin HCl 500 MG Oral Tablet", False),
        ("Valacyclovir HCl 500 MG Oral Tablet", False),
        ("Zaltrazine 10 MG Oral Tablet", False),
    ],
)
def test_acute_drugs_are_known_by_ingredient(text: str, acute: bool):
    assert parse_drug_name(text).acute is acute


def test_a_month_of_a_steroid_is_maintenance_and_a_month_of_an_opioid_is_not():
    assert parse_drug_name("Prednisone 5 MG Oral Tablet").acute_for(27)
    assert not parse_drug_name("Prednisone 5 MG Oral Tablet").acute_for(28)
    assert parse_drug_name("Oxycodone HCl 5 MG Oral Tablet").acute_for(30)


def test_specialty_drugs_are_known_by_ingredient_and_brand():
    assert parse_drug_name("Humira 40 MG/0.4ML Pen").specialty
    assert parse_drug_name("Dimethyl Fumarate 240 MG Capsule").specialty
    assert not parse_drug_name("Lisinopril 10 MG Tablet").specialty


@pytest.mark.parametrize(
    "sig",
    [
        "Take 1 tablet every 6 hours as needed for pain",
        "TAKE 1 PRN",
        "inhale 2 puffs q4h p.r.n.",
        "1 tab if needed",
        "use when necessary",
        "Tome 1 tableta cuando sea necesario",
        "1 tableta si es necesario",
    ],
)
def test_directions_that_say_as_needed_are_recognised(sig: str):
    assert says_as_needed(sig)


@pytest.mark.parametrize("sig", ["", "Take 1 unit(s) daily", "Apply as directed", "TAKE 1 PRNX DAILY"])
def test_other_directions_are_not_as_needed(sig: str):
    assert not says_as_needed(sig)


def test_weight_brands_do_not_count_for_diabetes():
    assert parse_drug_name("Wegovy 2.4 MG/0.75ML Auto-injector").ingredients == ("semaglutide",)
    assert parse_drug_name("Wegovy 2.4 MG/0.75ML Auto-injector").classes == ()
    assert parse_drug_name("Ozempic 2 MG/3ML Pen").classes == (DrugClass.DIABETES,)


@given(st.sampled_from(sorted(KNOWN_INGREDIENTS)))
def test_every_known_ingredient_is_found_under_its_own_name(ingredient: str):
    assert parse_drug_name(ingredient.title()).ingredients == (ingredient,)
    assert parse_drug_name(f"{ingredient} 10 MG Oral Tablet").ingredients == (ingredient,)


def test_every_name_leads_to_known_ingredients_in_lower_case():
    for name, ingredients in PRODUCT_NAMES.items():
        assert name == name.casefold()
        assert ingredients
        assert set(ingredients) <= KNOWN_INGREDIENTS, name


@given(st.text(max_size=400))
def test_any_text_is_parsed_without_an_error(text: str):
    parsed = parse_drug_name(text)
    assert parsed.known == bool(parsed.ingredients)


@pytest.mark.parametrize(
    ("text", "ingredients"),
    [
        ("Ozempic (0.25 or 0.5 MG/DOSE) 2 MG/3ML Subcutaneous Solution Pen-injector", ("semaglutide",)),
        ("Edarbyclor 40-25", ("azilsartan", "chlorthalidone")),
        ("Xultophy 100/3.6", ("insulin degludec", "liraglutide")),
        ("OLMESARTAN-AMLODIPINE-HCTZ 40-10-25", ("olmesartan", "amlodipine", "hydrochlorothiazide")),
        ("Sitagliptin Free Base 100 MG Oral Tablet", ("sitagliptin",)),
        ("Humulin 70/30", ("insulin isophane", "insulin regular")),
        ("Vitamin 12", ()),
    ],
)
def test_odd_ways_to_write_a_strength_do_not_hide_the_drug(text: str, ingredients: tuple[str, ...]):
    assert parse_drug_name(text).ingredients == ingredients
