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
