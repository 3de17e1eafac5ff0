"""Text in the letters that a font or an encoding has."""

import unicodedata
from collections.abc import Callable


def within(text: str, has: Callable[[str], bool]) -> str:
    """The text with the nearest letters that `has` knows: an accent that is missing is left out, else "?"."""
    return text if all(map(has, text)) else "".join(_letter(letter, has) for letter in text)


def in_encoding(encoding: str) -> Callable[[str], bool]:
    """Whether a letter can be said in that encoding."""

    def has(letter: str) -> bool:
        try:
            letter.encode(encoding)
        except UnicodeEncodeError:
            return False
        return True

    return has


def _letter(letter: str, has: Callable[[str], bool]) -> str:
    return next((form for form in (letter, *unicodedata.normalize("NFKD", letter)) if has(form)), "?")
