"""Tells which therapy a dispensed drug belongs to: successive Rx numbers of one drug share the key."""

import re
from functools import lru_cache

from medsync_app.domain.dispensing_row import DrugData
from medsync_app.domain.drug_names import parse_drug_name

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_UNITS = (
    ("milligrams", "mg"),
    ("milligram", "mg"),
    ("micrograms", "mcg"),
    ("microgram", "mcg"),
    ("units", "unit"),
)
MAX_KEY_LENGTH = 240


def _number(match: re.Match[str]) -> str:
    """1,000 -> 1000, .5 -> 0.5, 20.0 -> 20."""
    text = match[0].replace(",", "")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" + text if text.startswith(".") else text or "0"


def _folded_strength(strength: str) -> str:
    text = strength.casefold()
    for long, short in _UNITS:
        text = text.replace(long, short)
    return re.sub(r"\s+", "", _NUMBER.sub(_number, text))


@lru_cache(20_000)
def drug_data(name: str, form_code: str = "", schedule: int | None = None) -> DrugData:
    """The drug as kept with a therapy; its key is ingredients, strength, form and release, or the folded
    name.

    A name that is not recognised is never guessed at: its own letters and digits are the key.
    """
    parsed = parse_drug_name(name, form_code)
    if parsed.known and parsed.strength:
        parts = (
            "+".join(sorted(parsed.ingredients)), _folded_strength(parsed.strength), parsed.form.value,
            parsed.release.value,
        )  # fmt: skip
    else:
        words = re.findall(r"[\w.%/]+", _NUMBER.sub(_number, name.casefold()))
        parts = ("name", " ".join(words), parsed.form.value)
    return DrugData(
        key="|".join(parts)[:MAX_KEY_LENGTH],
        name=name,
        ingredients=tuple(parsed.ingredients),
        form=parsed.form.value,
        schedule=schedule,
        unbreakable=parsed.unit_of_use,
        specialty=parsed.specialty,
    )
