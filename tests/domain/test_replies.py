"""What a patient's reply means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsync_app.domain.replies import STOP_WORDS, Meaning, meaning, says_yes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", Meaning.CONFIRM), (" 1. ", Meaning.CONFIRM), ("(2)", Meaning.CHANGE), ("3!", Meaning.CALL),
        ("\uff11", Meaning.CONFIRM), ("4", Meaning.FREE_TEXT), ("12", Meaning.FREE_TEXT), ("1 2", Meaning.FREE_TEXT),
        ("1 please", Meaning.FREE_TEXT), ("", Meaning.FREE_TEXT), ("\U0001f44d", Meaning.FREE_TEXT),
        ("STOP", Meaning.STOP), ("stop.", Meaning.STOP), ("Stop all", Meaning.STOP), ("StopAll", Meaning.STOP),
        ("UNSUBSCRIBE", Meaning.STOP), ("Cancel", Meaning.STOP), ("end", Meaning.STOP), ("QUIT!", Meaning.STOP),
        ("revoke", Meaning.STOP), ("opt out", Meaning.STOP), ("OPT-OUT", Meaning.STOP), ("OptOut", Meaning.STOP),
        ("ALTO", Meaning.STOP), ("parar", Meaning.STOP), ("Cancelar", Meaning.STOP), ("BAJA", Meaning.STOP),
        ("START", Meaning.START), ("unstop", Meaning.START), ("Yes", Meaning.START),
        ("HELP", Meaning.HELP), ("info?", Meaning.HELP), ("Ayuda", Meaning.HELP),
        ("STOP STOP", Meaning.STOP), ("Stop. Cancel!", Meaning.STOP), ("opt-out", Meaning.STOP),
        ("\u201cSTOP\u201d", Meaning.STOP), ("C\u00c1NCELAR", Meaning.STOP), ("stop \U0001f64f", Meaning.STOP),
        ("stop please", Meaning.REFUSAL), ("stop all of these texts", Meaning.REFUSAL), ("No more.", Meaning.REFUSAL),
        ("i don't want texts", Meaning.REFUSAL), ("please cancel your reminders", Meaning.REFUSAL),
        ("remove my number", Meaning.REFUSAL), ("no m\u00e1s", Meaning.REFUSAL),
        ("paren los mensajes", Meaning.REFUSAL),
        ("no quiero que me llamen", Meaning.REFUSAL), ("ya no quiero estos mensajes", Meaning.REFUSAL),
        ("borren mi n\u00famero", Meaning.REFUSAL), ("se equivoc\u00f3 de n\u00famero", Meaning.REFUSAL),
        ("please stop texting me", Meaning.REFUSAL), ("Stop it", Meaning.REFUSAL),
        ("don't text me anymore", Meaning.REFUSAL), ("don\u2019t call this number", Meaning.REFUSAL),
        ("do not contact me", Meaning.REFUSAL), ("no more messages", Meaning.REFUSAL),
        ("Wrong number!", Meaning.WRONG_NUMBER),
        ("Número equivocado.", Meaning.WRONG_NUMBER),
        ("you have the wrong number, I am not Ana", Meaning.REFUSAL),
        ("Take me off your list", Meaning.REFUSAL), ("please unsubscribe me", Meaning.REFUSAL),
        ("no quiero m\u00e1s mensajes", Meaning.REFUSAL),
        ("n\u00famero equivocado, no soy Ana", Meaning.REFUSAL),
        ("no me escriban", Meaning.REFUSAL), ("dejen de mandar mensajes", Meaning.REFUSAL),
        ("I want to stop my metformin", Meaning.FREE_TEXT), ("please stop filling the lisinopril", Meaning.FREE_TEXT),
        ("cancel the atorvastatin", Meaning.FREE_TEXT),
        ("no more insulin at home", Meaning.FREE_TEXT), ("\u00bfpuedo parar la metformina?", Meaning.FREE_TEXT),
        ("can I pick up on friday", Meaning.FREE_TEXT), ("the doctor said to end it next week", Meaning.FREE_TEXT),
        ("I was in the hospital", Meaning.FREE_TEXT), ("ok thanks", Meaning.FREE_TEXT),
    ],
)  # fmt: skip
def test_a_reply_means_what_it_says(text: str, expected: Meaning) -> None:
    assert meaning(text) is expected


@given(st.sampled_from(sorted(STOP_WORDS)), st.sampled_from(["", ".", "!", " ", "\n"]), st.booleans())
def test_a_stop_word_counts_in_any_case_and_with_any_mark(word: str, mark: str, upper: bool) -> None:
    assert meaning((word.upper() if upper else word.title()) + mark) is Meaning.STOP


@given(st.text(max_size=300))
def test_any_text_has_a_meaning(text: str) -> None:
    assert isinstance(meaning(text), Meaning)


def test_only_yes_is_yes() -> None:
    assert says_yes("Yes!")
    assert not says_yes("start")
