"""Which question fills which field: by name or wording, in any case, and no answer is lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.form_mapping import (
    PRESETS,
    Answer,
    FormMapping,
    mapping_of,
    parse_mapping,
    sort_answers,
)
from medsync_app.domain.names import split_name
from medsync_app.domain.states import JoinOrigin
from medsync_app.errors import Invalid

PRESET = PRESETS[JoinOrigin.TYPEFORM]


def test_a_question_is_known_by_its_name_or_its_wording_in_any_case() -> None:
    answers = (
        Answer("first_name", "¿Cómo se llama?", ("Ada",)), Answer("7f-1", "APELLIDOS:", ("Example",)),
        Answer("x", "Telefono", ("404 555 0123",)), Answer("y", "Anything else?", ("No",)),
    )  # fmt: skip
    found, rest = sort_answers(answers, PRESET)
    assert {field: answer.text for field, answer in found.items()} == {
        "first_name": "Ada", "last_name": "Example", "phone": "404 555 0123",
    }  # fmt: skip
    assert [answer.text for answer in rest] == ["No"]


def test_the_only_phone_number_is_the_phone_and_of_two_none_is_guessed() -> None:
    mine, hers = Answer("a", "Yours", ("1",), "phone_number"), Answer("b", "Hers", ("2",), "phone_number")
    assert sort_answers((mine,), PRESET)[0] == {"phone": mine}
    assert sort_answers((mine, hers), PRESET) == ({}, (mine, hers))


answer = st.builds(
    Answer, st.sampled_from(["first_name", "phone", "x", ""]), st.sampled_from(["", "Name", "Other"]),
    st.lists(st.sampled_from(["", "Ada", "404 555 0123", "Yes"]), max_size=2).map(tuple),
    st.sampled_from(["", "text", "phone_number"]),
)  # fmt: skip


@given(st.lists(answer, max_size=6))
def test_every_answer_is_a_field_or_among_the_rest(answers: list[Answer]) -> None:
    found, rest = sort_answers(answers, PRESET)
    for one in answers:
        assert not one.text.strip() or one in found.values() or one in rest
    assert not any(one in found.values() for one in rest)


def test_only_what_means_yes_word_for_word_is_a_yes() -> None:
    said = {
        text: PRESET.says_yes(Answer("consent", "", (text,)))
        for text in ("yes", "SÍ", "I agree.", "I agree to calls only", "No", "Yes, but", "")
    }
    assert [text for text, yes in said.items() if yes] == ["yes", "SÍ", "I agree."]
    assert not PRESET.says_yes(Answer("consent", "", ("Yes", "No")))
    assert not PRESET.says_yes(Answer("consent", "", ()))


@pytest.mark.parametrize("origin", sorted(PRESETS))
def test_a_mapping_and_its_document_are_the_same(origin: JoinOrigin) -> None:
    assert parse_mapping(PRESETS[origin].to_document()) == PRESETS[origin]
    assert mapping_of({}, origin) is PRESETS[origin]
    own = FormMapping({"phone": ("Handy",)}, ("ja",), "es")
    assert mapping_of(own.to_document(), origin) == own


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], ""), ({"fields": {}, "yes": []}, "language"), ({"fields": {}, "yes": [], "language": "fr"}, "language"),
        ({"fields": {"shoe": []}, "yes": [], "language": "en"}, "fields.shoe"),
        ({"fields": {"phone": [""]}, "yes": [], "language": "en"}, "fields.phone[0]"),
        ({"fields": {"phone": ["x"] * 21}, "yes": [], "language": "en"}, "fields.phone"),
    ],
)  # fmt: skip
def test_a_mapping_that_is_none_names_the_field(document: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_mapping(document)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("whole", "spanish", "parts"),
    [
        ("Ada Example", False, ("Ada", "Example")), ("Example, Ada B.", False, ("Ada B.", "Example")),
        ("Mary Ann Smith", False, ("Mary Ann", "Smith")), ("Ludwig van  Beethoven", False, ("Ludwig", "van Beethoven")),
        ("María García López", True, ("María", "García López")),
        ("María José de la Cruz Núñez", True, ("María José", "de la Cruz Núñez")),
        ("José Ortega y Gasset", True, ("José", "Ortega y Gasset")), ("Ana Ruiz", True, ("Ana", "Ruiz")),
        ("Ada", False, ("", "Ada")), ("de la", False, ("", "de la")), ("", False, ("", "")), (",", False, ("", "")),
    ],
)  # fmt: skip
def test_a_name_written_whole_is_split(whole: str, spanish: bool, parts: tuple[str, str]) -> None:
    assert split_name(whole, two_surnames=spanish) == parts
