"""How names of people are compared and searched."""

import unicodedata
from functools import lru_cache


@lru_cache(20_000)
def folded(text: str) -> str:
    """Lower case, no accents, letters and digits only, single spaces: "O’Connor, José" -> "oconnor jose"."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    kept = (char for char in plain if not unicodedata.combining(char))
    return " ".join(
        "".join(char if char.isalnum() else "" if char in "'’." else " " for char in kept).split()
    )


#: Words that belong to the name after them.
_PARTICLES = frozenset(
    {"da", "de", "del", "den", "der", "di", "dos", "la", "las", "los", "van", "von", "y"}
)  # fmt: skip


def split_name(text: str, *, two_surnames: bool = False) -> tuple[str, str]:
    """First and last name of a name written in one: "Example, Ada", "Ada Example", "Ludwig van Beethoven".

    `two_surnames`: of three parts and more the last two are the family name, as in Spanish ("María García López").
    A person must look at it: nothing tells "Mary Ann Smith" from somebody with two family names.
    """
    last, comma, first = text.partition(",")
    if comma and last.strip() and first.strip():
        return " ".join(first.split()), " ".join(last.split())
    parts: list[str] = []
    waiting: list[str] = []
    for word in text.replace(",", " ").split():
        waiting.append(word)
        if word.casefold() not in _PARTICLES:
            parts.append(" ".join(waiting))
            waiting = []
    if waiting:
        parts.append(" ".join(waiting))
    surnames = 2 if two_surnames and len(parts) > 2 else 1
    return " ".join(parts[:-surnames]), " ".join(parts[-surnames:])
