"""What a guarded connection hears of its provider, for all loops to know."""

import pytest

from medsync_app.connections.guarded import GuardedConnection
from medsync_app.connections.protocol import Accepted, Failure, Outgoing, SendFailed
from medsync_app.domain.provider import Heard, Pace, Provider
from tests.support.loop import FakeConnection

MESSAGE = Outgoing(attempt_id="a", to="+14045550123", body="x")


def refuse(failure: Failure, code: str | None = None, retry_after: float | None = None):
    def behave(_: Outgoing) -> Accepted:
        raise SendFailed(failure, "No.", code=code, retry_after=retry_after)

    return behave


def after_a_failure(behave: object) -> GuardedConnection:
    guard = GuardedConnection(FakeConnection(behave=behave), Pace(1000))  # type: ignore[arg-type]
    guard.known(Provider(failures=1))
    with pytest.raises(SendFailed):
        guard.send(MESSAGE)
    return guard


@pytest.mark.parametrize(
    "behave",
    [
        refuse(Failure.PERMANENT, "21211"), refuse(Failure.CONFIGURATION, "20003"),
        refuse(Failure.TRANSIENT, "450"),
    ],
)  # fmt: skip
def test_who_refuses_is_there(behave: object) -> None:
    assert after_a_failure(behave).heard() == (Heard(answered=True),)


def test_a_wish_to_wait_is_heard() -> None:
    guard = after_a_failure(refuse(Failure.TRANSIENT, "20429", 1.0))
    assert guard.heard() == (Heard(answered=True, retry_after=1.0),)


@pytest.mark.parametrize(
    "behave",
    [
        refuse(Failure.IN_DOUBT, "answer_lost"), refuse(Failure.TRANSIENT, "http_503"),
        refuse(Failure.TRANSIENT, "not_connected"),
    ],
)  # fmt: skip
def test_lost_answers_and_closed_doors_are_silence(behave: object) -> None:
    assert after_a_failure(behave).heard() == (Heard(answered=False),)


def test_an_unexpected_error_is_silence() -> None:
    def behave(_: Outgoing) -> Accepted:
        raise KeyError("sid")

    guard = GuardedConnection(FakeConnection(behave=behave), Pace(1000))
    with pytest.raises(KeyError):
        guard.send(MESSAGE)
    assert guard.heard() == (Heard(answered=False),)


def test_an_answer_is_news_only_after_trouble() -> None:
    inner = FakeConnection()
    guard = GuardedConnection(inner, Pace(1000))
    guard.send(MESSAGE)
    assert guard.heard() == ()
    guard.known(Provider(failures=4))
    guard.send(MESSAGE)
    guard.send(MESSAGE)
    assert guard.heard() == (Heard(answered=True),)
    inner.behave = refuse(Failure.TRANSIENT, "not_connected")
    with pytest.raises(SendFailed):
        guard.send(MESSAGE)
    inner.behave = None
    guard.told(1)
    guard.known(Provider())  # read before the failure
    guard.send(MESSAGE)
    assert guard.heard() == (Heard(answered=False), Heard(answered=True))
