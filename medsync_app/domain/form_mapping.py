"""Which question of a form fills which of our fields: a small document, its presets, and the sorting of answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from medsync_app.domain.document_fields import OneOf, Record, Several, Text
from medsync_app.domain.names import folded
from medsync_app.domain.states import JoinOrigin
from medsync_app.errors import Invalid

#: Our fields; the last two come from programs, not from people.
FIELDS: Final = (
    "first_name", "last_name", "full_name", "birth_date", "phone", "email", "consent", "language", "medicines",
    "consent_wording", "source_id",
)  # fmt: skip
_NAME = Text(most=300, words="Name each question in 1 to 300 characters.")
_DOCUMENT = Record(
    required={
        "fields": Record({}, {field: Several(_NAME, least=0, most=20) for field in FIELDS}),
        "yes": Several(_NAME, least=0, most=30),
        "language": OneOf(frozenset({"en", "es"})),
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came: the question's own name (`key`), its wording, and what was answered.

    `kind` is the provider's word for what sort of answer it is, `more` the explanation below the question.
    """

    key: str
    title: str
    values: tuple[str, ...]
    kind: str = ""
    more: str = ""

    @property
    def text(self) -> str:
        return ", ".join(self.values)

    @property
    def label(self) -> str:
        return self.title or self.key

    @property
    def wording(self) -> str:
        """What the person was asked, and the answer; "" when only the question's name is known."""
        asked = " ".join(part for part in (self.title, self.more) if part)
        return f"{asked}: {self.text}" if asked else ""


@dataclass(frozen=True, slots=True)
class Submission:
    """A form that was sent, or a patient whom the pharmacy system names.

    `keys` are the ids by which a second delivery is known: one that is known already is enough. `told_at` is None when
    the sender does not say when it was filled in.
    """

    keys: tuple[str, ...]
    told_at: datetime | None
    answers: tuple[Answer, ...]
    #: Digest of what it is known by at every location: it is taken at one only. "" when nothing was signed.
    signed: str = ""


@dataclass(frozen=True, slots=True)
class FormMapping:
    """Our field -> names of the questions that fill it; answers that mean yes; what is spoken when nobody says."""

    fields: Mapping[str, tuple[str, ...]]
    yes: tuple[str, ...]
    language: str = "en"

    def to_document(self) -> dict[str, Any]:
        return {
            "fields": {field: list(names) for field, names in self.fields.items()},
            "yes": list(self.yes),
            "language": self.language,
        }

    def says_yes(self, answer: Answer) -> bool:
        """Whether every part of the answer is one of those that mean yes: "only by phone" is none."""
        yes = {folded(text) for text in self.yes}
        return bool(answer.values) and all(folded(value) in yes for value in answer.values)


def parse_mapping(document: object) -> FormMapping:
    """A mapping from its document; Invalid names the field."""
    read = _DOCUMENT.read(document, "")
    taken: dict[str, str] = {}
    for field, names in read["fields"].items():
        for name in names:
            if taken.setdefault(folded(name), field) != field:
                raise Invalid("This question fills another field already: name it once.", f"fields.{field}")
    return FormMapping(MappingProxyType(read["fields"]), read["yes"], read["language"])


def mapping_of(document: Mapping[str, Any], origin: JoinOrigin) -> FormMapping:
    """The mapping that a pharmacy keeps; the preset while it keeps none."""
    return parse_mapping(document) if document else PRESETS[origin]


def sort_answers(
    answers: Sequence[Answer], mapping: FormMapping
) -> tuple[dict[str, Answer], tuple[Answer, ...]]:
    """The answer to each of our fields, and the rest in their order: every answer is in one of them.

    A question is known by its own name or its wording, in any case, with or without accents. Without one for the
    phone or the e-mail address the only answer of that kind is taken.
    """
    found: dict[str, Answer] = {}
    for field, names in mapping.fields.items():
        wanted = {folded(name) for name in names} - {""}
        for answer in answers:
            if answer.text.strip() and wanted & {folded(answer.key), folded(answer.title)}:
                found.setdefault(field, answer)
    for field, kind in _KINDS.items():
        of_kind = [answer for answer in answers if answer.kind == kind and answer not in found.values()]
        if field not in found and len(of_kind) == 1:
            found[field] = of_kind[0]
    taken = list(found.values())
    rest = tuple(answer for answer in answers if answer.text.strip() and answer not in taken)
    return found, rest


#: Our field -> the kind of answer that holds one.
_KINDS: Final = {"phone": "phone_number", "email": "email"}
_YES = (
    "Yes", "True", "I agree", "I accept", "Yes, I agree", "Sí", "Acepto", "Sí, acepto", "De acuerdo",
    "Estoy de acuerdo",
)  # fmt: skip
#: Names of questions as pharmacies are told to write them, in English and Spanish; refs such as first_name fit too.
_FORM = FormMapping(
    MappingProxyType({
        "first_name": ("First name", "Given name", "Nombre", "Nombres"),
        "last_name": ("Last name", "Family name", "Surname", "Apellido", "Apellidos"),
        "full_name": ("Full name", "Name", "Your name", "Nombre completo", "Nombre y apellidos"),
        "birth_date": ("Date of birth", "Birth date", "Birthday", "Fecha de nacimiento"),
        "phone": (
            "Phone", "Phone number", "Mobile phone", "Cell phone", "Teléfono", "Número de teléfono", "Celular",
        ),
        "email": ("Email", "E-mail", "Email address", "Correo electrónico"),
        "consent": ("Consent", "Text messages", "Consentimiento", "Mensajes de texto"),
        "language": ("Language", "Preferred language", "Idioma"),
        "medicines": ("Medicines", "Medications", "Your medicines", "Medicamentos", "Sus medicamentos"),
    }),
    _YES,
)  # fmt: skip
_EVENT = FormMapping(
    MappingProxyType({
        field: (f"patient.{'id' if field == 'source_id' else field}",) for field in FIELDS if field != "full_name"
    } | {"full_name": ("patient.name",)}),
    _YES,
)  # fmt: skip
PRESETS: Final[Mapping[JoinOrigin, FormMapping]] = MappingProxyType({
    JoinOrigin.TYPEFORM: _FORM,
    JoinOrigin.GOOGLE_FORM: _FORM,
    JoinOrigin.PHARMACY_SYSTEM: _EVENT,
})  # fmt: skip
