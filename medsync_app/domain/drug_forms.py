"""Dosage forms as dispensing systems write them, and what a form means for a sync plan.

Source: the abbreviations of the NCPDP and Medi-Span dosage form lists in common use; DOMAIN.md section 2 for
the groups that stay out unless a pharmacist ticks them in and for what cannot be short filled.
"""

import re
from enum import StrEnum


class DrugForm(StrEnum):
    """How a drug is presented; UNKNOWN when the text does not say."""

    TABLET = "tablet"
    CAPSULE = "capsule"
    SOLUTION = "solution"
    SUSPENSION = "suspension"
    SYRUP = "syrup"
    CREAM = "cream"
    OINTMENT = "ointment"
    GEL = "gel"
    LOTION = "lotion"
    SHAMPOO = "shampoo"
    FOAM = "foam"
    INHALER = "inhaler"
    NEBULIZER = "nebulizer solution"
    NASAL_SPRAY = "nasal spray"
    SPRAY = "spray"
    DROPS = "drops"
    PATCH = "patch"
    PEN = "pen"
    SYRINGE = "syringe"
    VIAL = "vial"
    INJECTION = "injection"
    SUPPOSITORY = "suppository"
    POWDER = "powder"
    PACK = "pack"
    LOZENGE = "lozenge"
    FILM = "film"
    RING = "ring"
    KIT = "kit"
    DEVICE = "device"
    UNKNOWN = "unknown"


class ReleaseType(StrEnum):
    """How a solid form lets its drug go; PLAIN when nothing is said."""

    PLAIN = "plain"
    EXTENDED = "extended"
    DELAYED = "delayed"
    ORALLY_DISINTEGRATING = "orally disintegrating"


class FormGroup(StrEnum):
    """Why a form is out of a sync plan unless a pharmacist ticks it in (the plan's exclusion reasons)."""

    INSULIN = "insulin"
    LIQUID = "liquid"
    DROPS = "drops"
    INHALER = "inhaler"


# The first match wins, so that "ophthalmic solution" is drops and "pen injector" is a pen.
_FORM_WORDS: tuple[tuple[DrugForm, str], ...] = (
    (DrugForm.DEVICE, r"lancets?|test strips?|strips?|meter|pen needles?|needles?|spacer|monitor"),
    (DrugForm.PACK, r"dosepaks?|pak|tbpk|dspk|dosepacks?|packs?"),
    (DrugForm.KIT, r"kits?"),
    (DrugForm.NEBULIZER, r"nebuli[sz]er|nebuli[sz]ation|inhalation (?:solution|suspension)|nebu"),
    (DrugForm.NASAL_SPRAY, r"nasal|nas spray"),
    (DrugForm.DROPS, r"(?:ophthalmic|ophth|opht|otic|eye|ear) .*|ophthalmic|otic|drops?|gtts?|drp"),
    (
        DrugForm.INHALER,
        r"inhalers?|inhalation|inh|aer|aero|aerosol|hfa|diskus|ellipta|respimat|handihaler|flexhaler|respiclick"
        r"|aepb|aers|redihaler|digihaler",
    ),
    (
        DrugForm.PEN,
        r"pens?|pen-?injectors?|auto-?injectors?|flexpens?|kwikpens?|solostar|flextouch|sopn|soaj|pnij|quickpens?"
        r"|sureclick|penfill",
    ),
    (DrugForm.SYRINGE, r"(?:prefilled )?syringes?|sosy|prsy"),
    (DrugForm.VIAL, r"vials?|vl"),
    (DrugForm.INJECTION, r"injection|inj|injectable|subcutaneous|intramuscular|soln-?inj|cartridges?|soct"),
    (DrugForm.PATCH, r"patch(?:es)?|ptwk|ptch|pt24|pt72|ptbw|td"),
    (DrugForm.SUPPOSITORY, r"suppositor(?:y|ies)|supp|sup"),
    (DrugForm.FILM, r"films?"),
    (DrugForm.RING, r"rings?"),
    (DrugForm.CREAM, r"creams?|crea|cre|crm"),
    (DrugForm.OINTMENT, r"ointments?|oint|oin"),
    (DrugForm.LOTION, r"lotions?|lotn|lot"),
    (DrugForm.SHAMPOO, r"shampoos?|sham"),
    (DrugForm.FOAM, r"foam"),
    (DrugForm.GEL, r"gels?"),
    (DrugForm.LOZENGE, r"lozenges?|troches?|troc|gum"),
    (
        DrugForm.TABLET,
        r"tablets?|tabs?|caplets?|tb24|tb12|tbcr|tbec|tbdp|tbef|chew|chewable|chewtab|subl|t24a|tbea|tbsl",
    ),
    (DrugForm.CAPSULE, r"capsules?|caps?|cp24|cp12|cpdr|cpep|cpcr|c12a|softgels?|sprinkles?|csdr"),
    (DrugForm.SUSPENSION, r"suspension|susp|sus|susr|srer"),
    (DrugForm.SYRUP, r"syrups?|syrp|syr|elixirs?|elix"),
    (DrugForm.SOLUTION, r"solutions?|soln|sol|liquid|liqd|liq|concentrate|conc|oral drops"),
    (DrugForm.SPRAY, r"sprays?"),
    (DrugForm.POWDER, r"powders?|powd|packets?|pckt|granules?|grans|pack powder"),
)
_FORMS = tuple((form, re.compile(rf"\b(?:{words})\b")) for form, words in _FORM_WORDS)

_RELEASES: tuple[tuple[ReleaseType, re.Pattern[str]], ...] = (
    (ReleaseType.ORALLY_DISINTEGRATING, re.compile(r"\b(?:odt|tbdp|orally disintegrating|disintegrating)\b")),
    (
        ReleaseType.DELAYED,
        re.compile(r"\b(?:dr|ec|delayed[ -]release|enteric[ -]coated|tbec|cpdr|cpep|csdr)\b"),
    ),
    (
        ReleaseType.EXTENDED,
        re.compile(
            r"\b(?:er|xr|xl|sr|cr|la|cd|xt|extended[ -]release|sustained[ -]release|controlled[ -]release"
            r"|\d\d ?hr|\d\dhour|tb24|tb12|tbcr|cp24|cp12|cpcr|tbea|t24a|osmotic)\b"
        ),
    ),
)

_LIQUIDS = frozenset({DrugForm.SOLUTION, DrugForm.SUSPENSION, DrugForm.SYRUP})
_INHALED = frozenset({DrugForm.INHALER, DrugForm.NEBULIZER})
_UNIT_OF_USE = frozenset(
    {
        DrugForm.INHALER,
        DrugForm.NASAL_SPRAY,
        DrugForm.SPRAY,
        DrugForm.DROPS,
        DrugForm.CREAM,
        DrugForm.OINTMENT,
        DrugForm.GEL,
        DrugForm.LOTION,
        DrugForm.SHAMPOO,
        DrugForm.FOAM,
        DrugForm.PEN,
        DrugForm.SYRINGE,
        DrugForm.VIAL,
        DrugForm.INJECTION,
        DrugForm.PACK,
        DrugForm.KIT,
        DrugForm.RING,
    }
)


def form_of(text: str) -> DrugForm:
    """The form that a drug name or a form code ("TAB", "Ophthalmic Solution") says, else UNKNOWN."""
    lowered = text.casefold()
    for form, pattern in _FORMS:
        if pattern.search(lowered):
            return form
    return DrugForm.UNKNOWN


def release_of(text: str) -> ReleaseType:
    """The release type that a drug name says."""
    lowered = text.casefold()
    for release, pattern in _RELEASES:
        if pattern.search(lowered):
            return release
    return ReleaseType.PLAIN


def is_unit_of_use(form: DrugForm, *, insulin: bool = False) -> bool:
    """True when the package cannot be divided, so that a short fill is impossible."""
    return insulin or form in _UNIT_OF_USE


def form_group(form: DrugForm, *, insulin: bool = False) -> FormGroup | None:
    """The sync plan's group of a form, None for what takes part without being ticked in."""
    if insulin:
        return FormGroup.INSULIN
    if form in _INHALED:
        return FormGroup.INHALER
    if form is DrugForm.DROPS:
        return FormGroup.DROPS
    return FormGroup.LIQUID if form in _LIQUIDS else None
