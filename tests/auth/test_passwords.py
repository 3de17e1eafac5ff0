"""Passwords are hashed slowly, in a few threads, and compared alike however a keyboard composed them."""

import asyncio

import pytest

from medsync_app.auth import passwords
from medsync_app.auth.passwords import hash_password, matches, matches_soon, new_password
from medsync_app.errors import Unavailable

pytestmark = pytest.mark.slow


def test_a_password_matches_its_own_hash_only() -> None:
    hashed = hash_password("correct horse battery")
    assert hashed.startswith("$argon2id$")
    assert matches(hashed, "correct horse battery")
    assert not matches(hashed, "correct horse batterz")
    assert not matches("not a hash", "correct horse battery")
    assert not matches(hashed, "x" * 1_000_000)


def test_composed_and_decomposed_letters_are_the_same_password() -> None:
    assert matches(hash_password("pass wort m\u00fcde"), "pass wort mu\u0308de")


def test_generated_passwords_are_long_and_differ() -> None:
    made = {new_password() for _ in range(200)}
    assert len(made) == 200
    assert all(len(password) == 23 for password in made)


async def test_too_many_at_once_are_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_MOST_WAITING", 2)
    hashed = hash_password("correct horse battery")
    answers = await asyncio.gather(
        *(matches_soon(hashed, "correct horse battery") for _ in range(5)), return_exceptions=True
    )
    assert [answer for answer in answers if answer is True] == [True, True]
    assert sum(isinstance(answer, Unavailable) for answer in answers) == 3
    assert await matches_soon(hashed, "correct horse battery")
