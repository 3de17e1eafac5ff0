"""The keys of exceptions are made and read in one module."""

import re
from pathlib import Path

import pytest

from medsync_app.domain.causes import Cause, about_others, cause_of, is_of_kind, of_kind
from medsync_app.domain.states import ExceptionKind

ROOT = Path(__file__).parents[2] / "medsync_app"


@pytest.mark.parametrize("cause", Cause)
def test_a_key_is_read_as_it_was_made(cause: Cause) -> None:
    key = cause.of("01abc", "sms")
    assert (key, cause_of(key), cause.subject(key)) == (f"{cause.value}:01abc:sms", cause, "01abc:sms")
    assert key.startswith(cause.of(""))
    assert [other for other in Cause if other.subject(key) is not None] == [cause]


@pytest.mark.parametrize("kind", ExceptionKind)
def test_a_key_of_a_kind_names_it(kind: ExceptionKind) -> None:
    key = of_kind(kind, "step", "01abc")
    assert key == f"{kind.value}:step:01abc"
    assert [other for other in ExceptionKind if is_of_kind(other, key)] == [kind]


def test_a_key_is_carried_over_to_other_rows() -> None:
    key = of_kind(ExceptionKind.NO_REFILLS, "01old")
    assert about_others(key, {"01old": "01new"}) == of_kind(ExceptionKind.NO_REFILLS, "01new")
    assert about_others(key, {"01other": "01new"}) == key


def test_what_no_cause_made_is_none() -> None:
    assert cause_of("nonsense:1") is None
    assert cause_of("") is None


def test_no_key_is_written_by_hand() -> None:
    by_hand = re.compile(r"""cause_key=\(?f?["']|cause_key\.(?:startswith|partition|split)""")
    found = [str(path) for path in ROOT.rglob("*.py") if by_hand.search(path.read_text(encoding="utf-8"))]
    assert found == []
