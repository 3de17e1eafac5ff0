"""The days that a message names, however it writes or says them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from medsync_app.domain.voice_words import spoken_day
from medsync_app.domain.wordings import LANGUAGES, written_day

#: Words before a day, and what they make of it.
_WORDS = {"since": "since", "desde el": "since", "until": "until", "hasta": "until", "hasta el": "until"}
_YEAR = [date(2027, 1, 1) + timedelta(days=n) for n in range(365)]


def _without_weekday(said: str) -> str:
    return said.split(" ", 1)[1]


#: A day as it is named ("Oct 20", "20 de octubre") -> its month and number.
_NAMES = {
    _without_weekday(say(day, language)): (day.month, day.day)
    for day in _YEAR for say in (written_day, spoken_day) for language in LANGUAGES
}  # fmt: skip
_WEEKDAYS = {
    say(day, language).split(" ", 1)[0]
    for day in _YEAR[:7] for say in (written_day, spoken_day) for language in LANGUAGES
}  # fmt: skip


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_DAY = re.compile(
    rf"(?:\b({_any_of(_WORDS)}) )?\b(?:{_any_of(_WEEKDAYS)}) ({_any_of(_NAMES)})\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Named:
    """A day, and whether something is so since then, or until then; "" for a day to come by."""

    day: date
    word: str


def days_in(body: str, today: date) -> list[Named]:
    """The days a text names, in the year that makes them nearest."""
    found: list[Named] = []
    for word, name in _DAY.findall(body):
        month, number = next(value for key, value in _NAMES.items() if key.lower() == name.lower())
        years = [date(today.year + more, month, number) for more in (-1, 0, 1)]
        found.append(Named(min(years, key=lambda one: abs(one - today)), _WORDS.get(word.lower(), "")))
    return found
