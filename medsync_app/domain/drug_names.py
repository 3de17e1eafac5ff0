"""What a dispensing system's drug name says: ingredients, strength, form and release type.

Understands the styles "Metformin HCl ER 750 MG Oral Tablet", "lisinopril 10 MG / hydrochlorothiazide 12.5 MG
Oral Tablet [Zestoretic]" and brand names. Ingredients are found by table only: when one part of a name is not
known the whole drug is unknown, since half a combination would be a wrong drug.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from medsync_app.domain.drug_classes import WEIGHT_ONLY_BRANDS, DrugClass, classes_of, is_insulin
from medsync_app.domain.drug_forms import (
    DrugForm,
    FormGroup,
    ReleaseType,
    form_group,
    form_of,
    is_unit_of_use,
    release_of,
)
from medsync_app.domain.drug_ingredients import PRODUCT_NAMES, SALTS
from medsync_app.domain.drug_traits import is_acute, is_specialty

MAX_NAME_LENGTH = 300
"""Longer texts are no drug names; they are cut before they are parsed."""

_NUMBER = r"(?:\d[\d,]*(?:\.\d+)?|\.\d+)"
_UNIT = (
    r"(?:milligrams?|micrograms?|grams?|units?|unt|unit|mcg|mg|gm|g|meq|mmol|ml|iu|mci|billion|actuat|act|dose"
    r"|spray|hr|%)"
)
_STRENGTH = re.compile(
    rf"(?<![\w.,-]){_NUMBER}(?:\s*[-/]\s*{_NUMBER})*(?:\s*\(\d+\))?\s*{_UNIT}(?![a-z])"
    rf"(?:\s*[-/]\s*(?:{_NUMBER}\s*)?{_UNIT}(?![a-z]))*",
    re.IGNORECASE,
)
_BARE_STRENGTH = re.compile(rf"(?<=[a-z]\s){_NUMBER}(?:\s*[-/]\s*{_NUMBER})*\s*$", re.IGNORECASE)
_OPEN_BRACKET = re.compile(r"\s*\([^)]*$|\s+$")
_LEADING_HOURS = re.compile(r"^\s*(?:12|24|72)\s*(?:hr|hour)s?\b", re.IGNORECASE)
_BRACKETS = re.compile(r"\[[^\]]*\]|\([^)]*\)")
_JOINTS = re.compile(r"\s*(?:[/+&;,]|-|\band\b|\bwith\b|\bw/)\s*")
_BIOSIMILAR_SUFFIX = re.compile(r"-[a-z]{4}$")
_BIOLOGIC = re.compile(r"(?:mab|cept|grastim|poetin|tropin|paratide)$|^insulin ")
_NOISE = frozenset(
    """
    er xr xl sr cr la cd xt dr ec odt oral orally tablet tablets tab tabs capsule capsules cap caps
    caplet solution suspension syrup elixir liquid cream ointment gel lotion foam shampoo spray
    nasal ophthalmic ophth otic inhalation inhaler aerosol powder hfa diskus respimat handihaler
    flexhaler respiclick pressair aer aero inh external topical transdermal patch patches weekly
    injection subcutaneous intramuscular pen pens injector pen-injector auto-injector autoinjector
    kwikpen flexpen flextouch solostar penfill cartridge vial syringe prefilled chewable chew
    disintegrating delayed extended release sublingual vaginal rectal suppository film coated crys
    micro dose pack therapy starter kit softgel sprinkle osm osmotic mdi ring packet granules
    nebulizer nebulization concentrate immediate max tempo junior u-100 u-200 u-300 u-500 u100 u200
    24hr 12hr 24h 12h reclipse drops drop lozenge troche buccal implant enteric sprinkles
    single-dose mini
    """.split()  # noqa: SIM905 (a list of this length is read as text)
)
_WITH_RELEASE = (DrugForm.TABLET, DrugForm.CAPSULE, DrugForm.SUSPENSION, DrugForm.PACK, DrugForm.UNKNOWN)
_AS_NEEDED = re.compile(
    r"\bp\.?\s?r\.?\s?n\b|\bfor breakthrough\b"
    r"|\b(?:as|if|when|whenever|only if|where)[\s-]+(?:is[\s-]+)?(?:needed|necessary|required)\b"
    r"|\b(?:cuando|si|seg[uú]n)\s+(?:sea\s+|es\s+)?(?:necesari[oa]|necesidad|necesite)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class DrugName:
    """A parsed drug name; `ingredients` is empty when the drug is unknown."""

    text: str
    ingredients: tuple[str, ...]
    strength: str
    form: DrugForm
    release: ReleaseType
    weight_only: bool = False
    """A brand labelled for weight only, which does not count as a diabetes drug."""

    @property
    def known(self) -> bool:
        """Whether every ingredient was recognised."""
        return bool(self.ingredients)

    @property
    def ingredient(self) -> str:
        """The ingredients as one text in alphabetical order ("hydrochlorothiazide-lisinopril"), or ""."""
        return "-".join(sorted(self.ingredients))

    @property
    def classes(self) -> tuple[DrugClass, ...]:
        """The adherence classes this drug counts for."""
        found = classes_of(self.ingredients)
        return tuple(c for c in found if c is not DrugClass.DIABETES) if self.weight_only else found

    @property
    def insulin(self) -> bool:
        """Whether it holds an insulin."""
        return is_insulin(self.ingredients)

    @property
    def specialty(self) -> bool:
        """Whether it is a specialty or limited-distribution drug."""
        return is_specialty(self.ingredients)

    @property
    def acute(self) -> bool:
        """Whether it is taken for days, not as maintenance, as far as the name alone can tell."""
        return is_acute(self.ingredients)

    def acute_for(self, days_supply: int) -> bool:
        """Like `acute`, but a month or more of a steroid or preventive antibiotic is maintenance."""
        return is_acute(self.ingredients, days_supply)

    @property
    def unit_of_use(self) -> bool:
        """Whether its package cannot be divided for a short fill."""
        return is_unit_of_use(self.form, insulin=self.insulin)

    @property
    def group(self) -> FormGroup | None:
        """The sync plan's group that must be ticked in, None when it takes part by itself."""
        return form_group(self.form, insulin=self.insulin)


@lru_cache(maxsize=20_000)
def parse_drug_name(text: str, form_code: str = "") -> DrugName:
    """Parse a drug name; `form_code` is the export's form column and settles what the name leaves open."""
    shown = " ".join(unicodedata.normalize("NFKC", text[:MAX_NAME_LENGTH]).split())
    plain = _LEADING_HOURS.sub("", re.sub(r"\[[^\]]*\]", " ", shown)).strip()
    names: list[str] = []
    strengths: list[str] = []
    tail = ""
    for segment in plain.split(" / "):
        found = _STRENGTH.search(segment)
        names.append(_before_strength(segment, found))
        if found:
            strengths.append(found.group().strip())
            tail = segment[found.end() :]
    form = _first_known(form_of(tail), form_of(form_code), form_of(plain))
    return DrugName(
        text=shown,
        ingredients=_all_ingredients(names),
        strength=" / ".join(strengths),
        form=form,
        release=release_of(shown) if form in _WITH_RELEASE else ReleaseType.PLAIN,
        weight_only=any(_cleaned(name) in WEIGHT_ONLY_BRANDS for name in names),
    )


def is_for_weight_only(text: str) -> bool:
    """Whether the name is a brand of a diabetes ingredient that is labelled for weight only."""
    return parse_drug_name(text).weight_only


def says_as_needed(sig: str) -> bool:
    """True when directions say "as needed" in any usual wording (PRN, if needed, cuando sea necesario)."""
    return _AS_NEEDED.search(sig) is not None


def _before_strength(segment: str, found: re.Match[str] | None) -> str:
    """The name alone: "Ozempic (0.25 or 0.5 MG/DOSE)" and "Edarbyclor 40-25" name their strength in odd ways."""
    if found:
        return _OPEN_BRACKET.sub("", segment[: found.start()])
    return segment if segment.strip().casefold() in PRODUCT_NAMES else _BARE_STRENGTH.sub("", segment)


def _first_known(*forms: DrugForm) -> DrugForm:
    return next((form for form in forms if form is not DrugForm.UNKNOWN), DrugForm.UNKNOWN)


def _all_ingredients(names: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    for name in names:
        ingredients = _ingredients(name.casefold())
        if not ingredients:
            return ()
        found.extend(ingredients)
    return tuple(dict.fromkeys(found))


def _ingredients(name: str) -> tuple[str, ...]:
    """Ingredients of one lower-case name, () when any part is unknown."""
    whole = _one(name) or _one(_BIOSIMILAR_SUFFIX.sub("", _cleaned(name)), biologic=True)
    if whole:
        return whole
    found: list[str] = []
    for part in _JOINTS.split(_BRACKETS.sub(" ", name)):
        if not _cleaned(part):
            continue
        ingredients = _one(part)
        if not ingredients:
            return ()
        found.extend(ingredients)
    return tuple(found)


def _one(name: str, *, biologic: bool = False) -> tuple[str, ...]:
    """Look a name up as it stands, then without form words, then without salts from its end."""
    exact = " ".join(name.split())
    words = _cleaned(name).split()
    candidates = [exact]
    while words:
        candidates.append(" ".join(words))
        if words[-1] not in SALTS:
            break
        words.pop()
    for candidate in candidates:
        if candidate in PRODUCT_NAMES and (not biologic or _BIOLOGIC.search(candidate)):
            return PRODUCT_NAMES[candidate]
    return ()


def _cleaned(name: str) -> str:
    """The name without brackets, form words and release words."""
    return " ".join(word for word in _BRACKETS.sub(" ", name.casefold()).split() if word not in _NOISE)
