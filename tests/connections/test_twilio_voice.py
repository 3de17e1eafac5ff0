"""Twilio's calls against a real HTTP server: what is asked for, and what each failure means."""

from datetime import UTC, datetime, timedelta

import pytest

from medsync_app.connections.protocol import Failure, LookUpFailed, Outgoing, SendFailed
from medsync_app.connections.twilio import TwilioApi, TwilioVoice
from tests.support.fake_twilio import FakeTwilio
from tests.support.ports import free_port

MESSAGE = Outgoing(attempt_id="attempt1", to="+14045550123", body="Lisinopril is ready.", valid_seconds=3600)
BASE = "https://shop.example/api/v1/twilio"


def connection(url: str) -> TwilioVoice:
    api = TwilioApi(account_sid="ACtest", auth_token="secret", api_url=url, seconds=1.0)
    return TwilioVoice(api, callback_url="https://shop.example/api/v1", from_number="+14045550999")


def failure(url: str) -> SendFailed:
    with pytest.raises(SendFailed) as caught:
        connection(url).send(MESSAGE)
    return caught.value


def test_a_call_carries_its_attempt_and_none_of_the_message(provider: FakeTwilio) -> None:
    accepted = connection(provider.url).send(MESSAGE)
    (call,) = provider.calls
    assert accepted.provider_id == call.sid
    assert provider.messages == []
    assert call.fields == {
        "To": "+14045550123", "From": "+14045550999", "Method": "POST", "Url": f"{BASE}/voice/attempt1",
        "StatusCallback": f"{BASE}/call-status/attempt1", "StatusCallbackMethod": "POST",
        "StatusCallbackEvent": "initiated,answered,completed", "MachineDetection": "DetectMessageEnd",
        "Timeout": "35", "TimeLimit": "300",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, 21211, Failure.PERMANENT), (400, 13224, Failure.PERMANENT), (400, 21214, Failure.PERMANENT),
        (400, 21210, Failure.CONFIGURATION), (400, 21215, Failure.CONFIGURATION),
        (400, 21219, Failure.CONFIGURATION), (401, 20003, Failure.CONFIGURATION),
        (429, 20429, Failure.TRANSIENT), (503, None, Failure.TRANSIENT), (500, 20500, Failure.IN_DOUBT),
    ],
)  # fmt: skip
def test_an_error_code_of_a_call_has_its_class(
    provider: FakeTwilio, status: int, code: int | None, expected: Failure
) -> None:
    provider.behave = (status, code, {})
    assert failure(provider.url).failure is expected


@pytest.mark.parametrize("how", ["reset", "timeout", "half", "http_502"])
def test_a_call_whose_answer_was_lost_is_in_doubt_found_in_the_list_and_made_once(
    provider: FakeTwilio, how: str
) -> None:
    provider.behave = how
    assert failure(provider.url).failure is Failure.IN_DOUBT
    (call,) = provider.calls
    now = datetime.now(UTC)
    look = connection(provider.url).look_up
    assert [found.provider_id for found in look("+14045550123", now - timedelta(minutes=1))] == [call.sid]
    assert look("+14045550124", now - timedelta(minutes=1)) == []
    assert look("+14045550123", now + timedelta(minutes=1)) == []


def test_a_call_that_never_left_is_transient_and_cannot_be_looked_up() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert failure(url).failure is Failure.TRANSIENT
    with pytest.raises(LookUpFailed):
        connection(url).look_up("+14045550123", datetime.now(UTC))
