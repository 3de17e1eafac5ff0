"""Reads the answers of a form into a request: what cannot be read or has no field of ours is kept as written."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeVar

from medsync_app.connections.csv.values import BadValue, parse_date
from medsync_app.domain.form_mapping import Answer, FormMapping, Submission, sort_answers
from medsync_app.domain.names import folded, split_name
from medsync_app.domain.states import JoinOrigin
from medsync_app.errors import Invalid
from medsync_app.services.contact_input import email_address, person_name, phone_number
from medsync_app.services.join_requests import (
    MAX_DAYS_LEFT,
    MAX_MEDICINE,
    MAX_MEDICINES,
    OLDEST,
    Asked,
    Medicine,
)

_LANGUAGES: Final = {
    "en": "en", "english": "en", "ingles": "en", "es": "es", "spanish": "es", "espanol": "es", "castellano": "es",
}  # fmt: skip
#: Between medicines in one text; a comma before a number is none ("1,000 units", "lisinopril, 10 days left").
_BETWEEN = re.compile(r"[\n;]|,(?!\s*\d)")
_LEFT = re.compile(
    r"(?P<name>.*?)[\s,(:-]*(?P<days>\d{1,3}) (?:days left|días? restantes|dias? restantes)\)?", re.I | re.S
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_WORDING = 2_000
T = TypeVar("T")


def read_answers(
    told: Submission, mapping: FormMapping, origin: JoinOrigin, *, today: date, now: datetime
) -> Asked:
    """The request that a form comes to; nothing is refused, and no answer is lost."""
    found, rest = sort_answers(told.answers, mapping)
    reader = _Reader(found, list(rest), today)
    language = reader.take("language", _language) or mapping.language
    first, last = reader.name(spanish=language == "es")
    asked = Asked(
        origin=origin,
        first_name=first,
        last_name=last,
        birth_date=reader.birth_date(),
        phone=reader.take("phone", lambda text: phone_number(text, "phone")) or "",
        email=reader.take("email", lambda text: email_address(text, "email")) or "",
        language=language,
        consent_wording=reader.consent(mapping),
        medicines=reader.medicines(),
        source_id=reader.take("source_id", str.strip) or "",
        told_at=min(told.told_at or now, now),
        extra=reader.kept(told.answers),
    )
    return asked


@dataclass(slots=True)
class _Reader:
    """Takes each of our fields; what it cannot take goes to `rest`."""

    found: dict[str, Answer]
    rest: list[Answer]
    today: date

    def take(self, name: str, read: Callable[[str], T]) -> T | None:
        answer = self.found.get(name)
        if answer is None:
            return None
        try:
            return read(answer.text)
        except (Invalid, BadValue):
            self.rest.append(answer)
            return None

    def name(self, *, spanish: bool) -> tuple[str, str]:
        """First and last name; one that was written whole is split, and shown as it was written."""
        first = self.take("first_name", lambda text: person_name(text, "first_name")) or ""
        last = self.take("last_name", lambda text: person_name(text, "last_name")) or ""
        whole = self.found.get("full_name")
        if whole is None:
            return first, last
        self.rest.append(whole)
        parts = split_name(whole.text, two_surnames=spanish)
        return first or _name_or_none(parts[0]), last or _name_or_none(parts[1])

    def birth_date(self) -> date | None:
        answer = self.found.get("birth_date")
        born = self.take("birth_date", parse_date)
        if answer is None or born is None:
            return None
        if not _ISO.fullmatch(answer.text):
            # 04/05 may be meant as the fourth of May: a person sees what was written.
            self.rest.append(answer)
        if OLDEST <= born <= self.today:
            return born
        self.rest.append(answer)
        return None

    def consent(self, mapping: FormMapping) -> str:
        """The wording that was agreed to; "" when it was not, or nobody knows what was asked."""
        answer, worded = self.found.get("consent"), self.found.get("consent_wording")
        if answer is None:
            self.rest += [worded] if worded else []
            return ""
        wording = worded.text if worded else answer.wording
        if mapping.says_yes(answer) and wording:
            return wording[:_MOST_WORDING]
        self.rest += [answer, *([worded] if worded else [])]
        return ""

    def medicines(self) -> Sequence[Medicine]:
        answer = self.found.get("medicines")
        if answer is None:
            return ()
        texts = answer.values if len(answer.values) > 1 else _BETWEEN.split(answer.text)
        read = [_medicine(text) for text in texts if text.strip()]
        fitting = [one for one in read if one is not None]
        if len(fitting) < len(read) or len(fitting) > MAX_MEDICINES:
            self.rest.append(answer)
        return fitting[:MAX_MEDICINES]

    def kept(self, answers: Sequence[Answer]) -> Sequence[tuple[str, str]]:
        """What is shown beside our fields, in the order of the form."""
        return [(answer.label, answer.text) for answer in answers if answer in self.rest]


def _language(text: str) -> str:
    found = _LANGUAGES.get(folded(text))
    if found is None:
        raise Invalid("This language is not spoken here.", "language")
    return found


def _name_or_none(text: str) -> str:
    try:
        return person_name(text, "name")
    except Invalid:
        return ""


def _medicine(text: str) -> Medicine | None:
    """A medicine and the days it lasts, as far as they are written; None when it is too long to be one."""
    whole = " ".join(text.split())
    left = _LEFT.fullmatch(whole)
    name, days = (left["name"], left["days"]) if left and left["name"] else (whole, "")
    if not 0 < len(name) <= MAX_MEDICINE or not name.isprintable():
        return None
    return (name, days) if not days or int(days) <= MAX_DAYS_LEFT else (whole[:MAX_MEDICINE], "")
