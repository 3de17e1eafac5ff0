"""Twilio's connection against a real HTTP server: what it sends, and what each failure means."""

import base64
import socket
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pytest_httpserver import HTTPServer
from starlette.datastructures import ImmutableMultiDict

from medsync_app.connections.http import seconds_asked
from medsync_app.connections.protocol import Failure, LookUpFailed, Outgoing, SendFailed
from medsync_app.connections.twilio import TwilioApi, TwilioSms, signed_by_twilio
from tests.support.fake_twilio import FakeTwilio

PROBLEM = b'{"type": "https://example.org/21610", "title": "Unsubscribed", "status": 400, "code": 21610}'
MESSAGE = Outgoing(attempt_id="attempt1", to="+14045550123", body="Hello", valid_seconds=3600)


def connection(url: str, **more: object) -> TwilioSms:
    values: dict[str, object] = {"from_number": "+14045550999", **more}
    return TwilioSms(api(url), callback_url="https://shop.example/api/v1", **values)  # type: ignore[arg-type]


def api(url: str) -> TwilioApi:
    return TwilioApi(account_sid="ACtest", auth_token="secret", api_url=url, seconds=1.0)


def failure(url: str) -> SendFailed:
    with pytest.raises(SendFailed) as caught:
        connection(url).send(MESSAGE)
    return caught.value


def test_a_message_carries_its_attempt_in_the_callback_address(provider: FakeTwilio) -> None:
    accepted = connection(provider.url).send(MESSAGE)
    (message,) = provider.messages
    assert accepted.provider_id == message.sid
    assert message.fields == {
        "To": "+14045550123", "From": "+14045550999", "Body": "Hello", "ValidityPeriod": "3600",
        "StatusCallback": "https://shop.example/api/v1/twilio/status/attempt1",
    }  # fmt: skip
    assert base64.b64decode(provider.authorization.removeprefix("Basic ")) == b"ACtest:secret"


def test_a_message_is_valid_no_longer_than_twilio_allows(provider: FakeTwilio) -> None:
    for seconds in (None, 36_001, 0):
        connection(provider.url).send(replace(MESSAGE, valid_seconds=seconds))
    assert [one.fields.get("ValidityPeriod") for one in provider.messages] == [None, "36000", "1"]


def test_a_messaging_service_takes_the_place_of_the_number(provider: FakeTwilio) -> None:
    connection(provider.url, messaging_service_sid="MG1").send(MESSAGE)
    assert provider.messages[0].fields["MessagingServiceSid"] == "MG1"
    assert "From" not in provider.messages[0].fields


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, 21211, Failure.PERMANENT), (400, 21614, Failure.PERMANENT), (400, 21635, Failure.PERMANENT),
        (400, 21612, Failure.PERMANENT), (400, 21217, Failure.PERMANENT), (400, 21610, Failure.PERMANENT),
        (401, 20003, Failure.CONFIGURATION), (400, 21606, Failure.CONFIGURATION),
        (400, 21603, Failure.CONFIGURATION), (400, 21608, Failure.CONFIGURATION),
        (400, 21408, Failure.CONFIGURATION), (400, 30002, Failure.CONFIGURATION),
        (400, 30034, Failure.CONFIGURATION), (400, 30032, Failure.CONFIGURATION),
        (429, 20429, Failure.TRANSIENT), (429, None, Failure.TRANSIENT), (503, None, Failure.TRANSIENT),
        (500, 20500, Failure.IN_DOUBT), (502, None, Failure.IN_DOUBT), (504, None, Failure.IN_DOUBT),
    ],
)  # fmt: skip
def test_an_error_code_has_its_class(
    provider: FakeTwilio, status: int, code: int | None, expected: Failure
) -> None:
    provider.behave = (status, code, {})
    failed = failure(provider.url)
    assert failed.failure is expected
    assert failed.opted_out == (code == 21610)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ({"Retry-After": "17"}, 17.0), ({"Retry-After": "0.5"}, 0.5), ({}, None), ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 21 Oct 2020 07:28:00 GMT"}, 0.0), ({"Retry-After": "-5"}, None),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400.0), ({"Retry-After": "999999999"}, 86_400.0),
        ({"Retry-After": "inf"}, None), ({"Retry-After": "nan"}, None), ({"Retry-After": "\u00b2"}, None),
    ],
)  # fmt: skip
def test_the_providers_wish_to_wait_is_passed_on_in_seconds_or_as_a_date(
    provider: FakeTwilio, said: dict[str, str], seconds: float | None
) -> None:
    provider.behave = (429, 20429, said)
    assert failure(provider.url).retry_after == seconds


def test_a_date_to_wait_for_counts_from_the_answers_own_clock() -> None:
    asked = {"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert seconds_asked(asked) == 30.0
    soon = format_datetime(datetime.now(UTC) + timedelta(minutes=2))
    assert seconds_asked({"Retry-After": soon}) == pytest.approx(119.0, abs=2.0)


@pytest.mark.parametrize(
    ("status", "body", "expected", "known"),
    [
        (503, b"<html>Service unavailable</html>", Failure.TRANSIENT, "http_503"),
        (502, b"", Failure.IN_DOUBT, "http_502"), (404, b"<html>", Failure.CONFIGURATION, "http_404"),
        (201, b"<html>", Failure.IN_DOUBT, "answer_lost"), (201, b"{}", Failure.IN_DOUBT, None),
        (400, PROBLEM, Failure.PERMANENT, "21610"),
    ],
)  # fmt: skip
def test_an_answer_of_another_kind_than_usual_has_its_class_too(
    httpserver: HTTPServer, status: int, body: bytes, expected: Failure, known: str | None
) -> None:
    """Of a proxy, cut short, or a problem document (RFC 9457), as the newer parts of Twilio's API send them."""
    httpserver.expect_request("/2010-04-01/Accounts/ACtest/Messages.json").respond_with_data(
        body, status=status
    )
    failed = failure(httpserver.url_for("").rstrip("/"))
    assert (failed.failure, failed.code, failed.opted_out) == (expected, known, known == "21610")


@pytest.mark.parametrize("how", ["reset", "timeout", "half", "http_502"])
def test_an_answer_lost_after_acceptance_is_in_doubt_and_never_repeated(
    provider: FakeTwilio, how: str
) -> None:
    provider.behave = how
    assert failure(provider.url).failure is Failure.IN_DOUBT
    assert len(provider.messages) == 1
    found = connection(provider.url).look_up("+14045550123", datetime.now(UTC) - timedelta(minutes=1))
    assert [f.provider_id for f in found] == [provider.messages[0].sid]


def test_a_request_that_never_left_is_transient() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert failure(f"http://127.0.0.1:{port}").failure is Failure.TRANSIENT


def test_a_server_that_takes_no_connection_is_given_up_before_the_time_of_a_call_is_over() -> None:
    """Nothing left this machine; and the wait for an answer, which would follow, still ends below the lease."""
    with ExitStack() as opened:
        busy = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # nobody accepts: when its queue is full, the system answers no more
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(busy.getsockname())
        started = time.monotonic()
        failed = failure(f"http://127.0.0.1:{busy.getsockname()[1]}")
    assert (failed.failure, failed.code) == (Failure.TRANSIENT, "not_connected")
    assert time.monotonic() - started < 0.9


def test_a_failure_names_no_number(provider: FakeTwilio) -> None:
    provider.behave = (400, 21211, {})
    failed = failure(provider.url)
    assert "5550123" not in failed.message
    assert "Hello" not in str(failed)


def test_a_look_up_gives_messages_to_that_number_since_then(provider: FakeTwilio) -> None:
    client = connection(provider.url)
    client.send(MESSAGE)
    client.send(Outgoing(attempt_id="other", to="+14045550124", body="x"))
    now = datetime.now(UTC)
    assert len(client.look_up("+14045550123", now - timedelta(minutes=1))) == 1
    assert client.look_up("+14045550123", now + timedelta(minutes=1)) == []


def test_a_provider_that_cannot_be_asked_says_so() -> None:
    with pytest.raises(LookUpFailed):
        connection("http://127.0.0.1:9").look_up("+14045550123", datetime.now(UTC))


def test_twilios_published_signature_is_accepted_and_any_change_is_not() -> None:
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    fields = ImmutableMultiDict({
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234", "From": "+14158675309",
        "To": "+18005551212",
    })  # fmt: skip
    signature = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    assert signed_by_twilio("12345", url, fields, signature)
    assert not signed_by_twilio("12346", url, fields, signature)
    assert not signed_by_twilio("12345", url + "&a=1", fields, signature)
    assert not signed_by_twilio("12345", url, ImmutableMultiDict({**fields, "Digits": "1235"}), signature)
    assert not signed_by_twilio("12345", url, fields, None)
    assert not signed_by_twilio("", url, fields, signature)
