"""The three adherence classes: every ingredient and combination marketed in the United States, and brands.

Source: the medication tables of PQA's Proportion of Days Covered measures PDC-DR (diabetes all class),
PDC-RASA (renin angiotensin system antagonists) and PDC-STA (statins); ingredient names as in the FDA Orange
Book. Products no longer sold stay listed, since older fills name them. Membership goes by ingredient, also
inside a combination. Choices: tirzepatide counts with the GLP-1 group as PQA does; products labelled for
weight only (Wegovy, Saxenda, Zepbound) and insulin are no members; sotagliflozin (Inpefa, labelled for heart
failure) is one, since the measure names SGLT2 inhibitors without regard to the label; sacubitril/valsartan and
insulin fills exclude a patient from RAS antagonists and diabetes. No members, as the measures do not name them:
acarbose, miglitol, bromocriptine, colesevelam, pramlintide, sparsentan, bempedoic acid, ezetimibe alone; nor what was
withdrawn before the measures existed (troglitazone, phenformin, cerivastatin). `python -m medsync_app drugs` prints
the table's size.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class DrugClass(StrEnum):
    """A class that PQA measures adherence for; the value is the key in files and rows."""

    DIABETES = "diabetes"
    RAS_ANTAGONISTS = "ras_antagonists"
    STATINS = "statins"


CLASS_LABELS: Mapping[DrugClass, str] = {
    DrugClass.DIABETES: "Diabetes",
    DrugClass.RAS_ANTAGONISTS: "RAS antagonists",
    DrugClass.STATINS: "Statins",
}

SUBCLASSES: Mapping[DrugClass, Mapping[str, tuple[str, ...]]] = {
    DrugClass.DIABETES: {
        "biguanide": ("metformin",),
        "DPP-4 inhibitor": ("alogliptin", "linagliptin", "saxagliptin", "sitagliptin"),
        "GLP-1 receptor agonist": (
            "albiglutide",
            "dulaglutide",
            "exenatide",
            "liraglutide",
            "lixisenatide",
            "semaglutide",
            "tirzepatide",
        ),
        "meglitinide": ("nateglinide", "repaglinide"),
        "SGLT2 inhibitor": (
            "bexagliflozin",
            "canagliflozin",
            "dapagliflozin",
            "empagliflozin",
            "ertugliflozin",
            "sotagliflozin",
        ),
        "sulfonylurea": (
            "acetohexamide",
            "chlorpropamide",
            "glimepiride",
            "glipizide",
            "glyburide",
            "tolazamide",
            "tolbutamide",
        ),
        "thiazolidinedione": ("pioglitazone", "rosiglitazone"),
    },
    DrugClass.RAS_ANTAGONISTS: {
        "ACE inhibitor": (
            "benazepril",
            "captopril",
            "enalapril",
            "fosinopril",
            "lisinopril",
            "moexipril",
            "perindopril",
            "quinapril",
            "ramipril",
            "trandolapril",
        ),
        "ARB": (
            "azilsartan",
            "candesartan",
            "eprosartan",
            "irbesartan",
            "losartan",
            "olmesartan",
            "telmisartan",
            "valsartan",
        ),
        "direct renin inhibitor": ("aliskiren",),
    },
    DrugClass.STATINS: {
        "statin": (
            "atorvastatin",
            "fluvastatin",
            "lovastatin",
            "pitavastatin",
            "pravastatin",
            "rosuvastatin",
            "simvastatin",
        ),
    },
}

CLASS_OF_INGREDIENT: Mapping[str, DrugClass] = {
    ingredient: drug_class
    for drug_class, subclasses in SUBCLASSES.items()
    for members in subclasses.values()
    for ingredient in members
}

SUBCLASS_OF_INGREDIENT: Mapping[str, str] = {
    ingredient: subclass
    for subclasses in SUBCLASSES.values()
    for subclass, members in subclasses.items()
    for ingredient in members
}

_COMBINATIONS = """
alogliptin+metformin: kazano
alogliptin+pioglitazone: oseni
canagliflozin+metformin: invokamet
dapagliflozin+metformin: xigduo
dapagliflozin+saxagliptin: qtern
dapagliflozin+saxagliptin+metformin: qternmet
empagliflozin+linagliptin: glyxambi
empagliflozin+metformin: synjardy
empagliflozin+linagliptin+metformin: trijardy
ertugliflozin+metformin: segluromet
ertugliflozin+sitagliptin: steglujan
glipizide+metformin: metaglip
glyburide+metformin: glucovance
linagliptin+metformin: jentadueto
pioglitazone+glimepiride: duetact
pioglitazone+metformin: actoplus met
repaglinide+metformin: prandimet
rosiglitazone+glimepiride: avandaryl
rosiglitazone+metformin: avandamet
saxagliptin+metformin: kombiglyze
sitagliptin+metformin: janumet, zituvimet
sitagliptin+simvastatin: juvisync
insulin glargine+lixisenatide: soliqua
insulin degludec+liraglutide: xultophy
aliskiren+amlodipine: tekamlo
aliskiren+amlodipine+hydrochlorothiazide: amturnide
aliskiren+hydrochlorothiazide: tekturna hct
aliskiren+valsartan: valturna
amlodipine+benazepril: lotrel
amlodipine+olmesartan: azor
amlodipine+perindopril: prestalia
amlodipine+telmisartan: twynsta
amlodipine+telmisartan+indapamide: widaplik
amlodipine+valsartan: exforge
amlodipine+valsartan+hydrochlorothiazide: exforge hct
azilsartan+chlorthalidone: edarbyclor
benazepril+hydrochlorothiazide: lotensin hct
candesartan+hydrochlorothiazide: atacand hct
captopril+hydrochlorothiazide: capozide
enalapril+diltiazem: teczem
enalapril+felodipine: lexxel
enalapril+hydrochlorothiazide: vaseretic
eprosartan+hydrochlorothiazide: teveten hct
fosinopril+hydrochlorothiazide: monopril hct, monopril-hct
irbesartan+hydrochlorothiazide: avalide
lisinopril+hydrochlorothiazide: zestoretic, prinzide
losartan+hydrochlorothiazide: hyzaar
moexipril+hydrochlorothiazide: uniretic
nebivolol+valsartan: byvalson
olmesartan+amlodipine+hydrochlorothiazide: tribenzor
olmesartan+hydrochlorothiazide: benicar hct
quinapril+hydrochlorothiazide: accuretic, quinaretic
sacubitril+valsartan: entresto
telmisartan+hydrochlorothiazide: micardis hct
trandolapril+verapamil: tarka
valsartan+hydrochlorothiazide: diovan hct
amlodipine+atorvastatin: caduet
aspirin+pravastatin: pravigard, pravigard pac
ezetimibe+atorvastatin: liptruzet
ezetimibe+rosuvastatin: roszet
ezetimibe+simvastatin: vytorin
niacin+lovastatin: advicor
niacin+simvastatin: simcor
"""

_SINGLE_BRANDS = """
metformin: glucophage, fortamet, glumetza, riomet
alogliptin: nesina
linagliptin: tradjenta
saxagliptin: onglyza
sitagliptin: januvia, zituvio, brynovin
albiglutide: tanzeum
dulaglutide: trulicity
exenatide: byetta, bydureon, bydureon bcise
liraglutide: victoza, victoza 2-pak, victoza 3-pak
lixisenatide: adlyxin
semaglutide: ozempic, rybelsus
tirzepatide: mounjaro
nateglinide: starlix
repaglinide: prandin
bexagliflozin: brenzavvy
canagliflozin: invokana
dapagliflozin: farxiga
empagliflozin: jardiance
ertugliflozin: steglatro
sotagliflozin: inpefa
acetohexamide: dymelor
chlorpropamide: diabinese
glimepiride: amaryl
glipizide: glucotrol
glyburide: diabeta, glynase, glynase prestab, micronase
tolazamide: tolinase
tolbutamide: orinase
pioglitazone: actos
rosiglitazone: avandia
benazepril: lotensin
captopril: capoten
enalapril: vasotec, epaned
fosinopril: monopril
lisinopril: zestril, prinivil, qbrelis
moexipril: univasc
perindopril: aceon
quinapril: accupril
ramipril: altace
trandolapril: mavik
azilsartan: edarbi
candesartan: atacand
eprosartan: teveten
irbesartan: avapro
losartan: cozaar, arbli
olmesartan: benicar
telmisartan: micardis
valsartan: diovan, prexxartan
aliskiren: tekturna
atorvastatin: lipitor, atorvaliq
fluvastatin: lescol
lovastatin: mevacor, altoprev
pitavastatin: livalo, nikita, zypitamag
pravastatin: pravachol
rosuvastatin: crestor, ezallor
simvastatin: zocor, flolipid
"""

WEIGHT_ONLY_BRANDS: Mapping[str, tuple[str, ...]] = {
    "wegovy": ("semaglutide",),
    "saxenda": ("liraglutide",),
    "zepbound": ("tirzepatide",),
}
"""Brands of diabetes ingredients that are not labelled for diabetes."""


def _brands(table: str) -> dict[str, tuple[str, ...]]:
    brands: dict[str, tuple[str, ...]] = {}
    for line in table.split("\n"):
        ingredients, _, names = line.partition(":")
        for name in names.split(","):
            if name.strip():
                brands[name.strip()] = tuple(ingredients.split("+"))
    return brands


COMBINATIONS: tuple[tuple[str, ...], ...] = tuple(
    tuple(line.partition(":")[0].split("+")) for line in _COMBINATIONS.split("\n") if line
)
"""Ingredients of every marketed combination with a member of a class (exclusion products included)."""

BRANDS: Mapping[str, tuple[str, ...]] = _brands(_COMBINATIONS) | _brands(_SINGLE_BRANDS)
"""Brand name in lower case -> its ingredients."""

_CLASS_ALIASES: Mapping[str, DrugClass] = {
    "diabetes": DrugClass.DIABETES,
    "diabetes all class": DrugClass.DIABETES,
    "diabetes medications": DrugClass.DIABETES,
    "dr": DrugClass.DIABETES,
    "pdc-dr": DrugClass.DIABETES,
    "ras": DrugClass.RAS_ANTAGONISTS,
    "rasa": DrugClass.RAS_ANTAGONISTS,
    "pdc-rasa": DrugClass.RAS_ANTAGONISTS,
    "ras antagonist": DrugClass.RAS_ANTAGONISTS,
    "ras antagonists": DrugClass.RAS_ANTAGONISTS,
    "renin angiotensin system antagonists": DrugClass.RAS_ANTAGONISTS,
    "statin": DrugClass.STATINS,
    "statins": DrugClass.STATINS,
    "sta": DrugClass.STATINS,
    "pdc-sta": DrugClass.STATINS,
}


def class_named(text: str) -> DrugClass | None:
    """The class somebody means by this text ("Statins", "RASA", "ras_antagonists"), or None."""
    return _CLASS_ALIASES.get(" ".join(text.replace("_", " ").casefold().split()))


def ingredients_in(drug_class: DrugClass, ingredients: Iterable[str]) -> tuple[str, ...]:
    """Those of the ingredients that belong to the class."""
    return tuple(name for name in ingredients if CLASS_OF_INGREDIENT.get(name) is drug_class)


def classes_of(ingredients: Iterable[str]) -> tuple[DrugClass, ...]:
    """The classes a product belongs to, each once, in the order of its ingredients."""
    found = (CLASS_OF_INGREDIENT.get(name) for name in ingredients)
    return tuple(dict.fromkeys(drug_class for drug_class in found if drug_class is not None))


def is_insulin(ingredients: Iterable[str]) -> bool:
    """True when an insulin is among the ingredients: excludes the patient from the diabetes class."""
    return any(name == "insulin" or name.startswith("insulin ") for name in ingredients)


def is_sacubitril(ingredients: Iterable[str]) -> bool:
    """True for sacubitril/valsartan: excludes the patient from the class of RAS antagonists."""
    return "sacubitril" in ingredients


def excludes_from(drug_class: DrugClass, ingredients: Iterable[str]) -> bool:
    """Whether a fill of these ingredients takes its patient out of the class's denominator."""
    if drug_class is DrugClass.DIABETES:
        return is_insulin(ingredients)
    return drug_class is DrugClass.RAS_ANTAGONISTS and is_sacubitril(ingredients)
