"""E-mail against a real SMTP server: what it gets, and what each failure means."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from medsync_app.connections.outside import Letter
from medsync_app.connections.protocol import Failure, Outgoing, PickupEvent, SendFailed
from medsync_app.connections.smtp import SmtpEmail
from medsync_app.connections.smtp.letters import MailedLetters

MAIL = Outgoing(
    attempt_id="attempt1", to="ada@example.org", body="Your pickup is on Thu Dec 10.", subject="Your pickup",
    sender_name="Main pharmacy", reply_to="shop@example.org",
)  # fmt: skip


#: Permanent, and no message will ever get through to that mailbox.
GONE = None


class Inbox:
    """Keeps what is delivered; answers as told."""

    def __init__(self) -> None:
        self.received: list[Envelope] = []
        self.mail = self.rcpt = self.data = ""

    async def handle_MAIL(
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        envelope.mail_from = address
        return self.mail or "250 OK"

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.rcpt:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:
        if self.data:
            return self.data
        self.received.append(envelope)
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, str]]:
    handler = Inbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, f"smtp://127.0.0.1:{port}"
    controller.stop()


def failure(url: str, mail: Outgoing = MAIL, seconds: float = 1.0) -> SendFailed:
    with pytest.raises(SendFailed) as caught:
        SmtpEmail(url=url, sender="refills@example.org", seconds=seconds).send(mail)
    return caught.value


def delivered(inbox: tuple[Inbox, str], mail: Outgoing, **more: Any) -> EmailMessage:
    handler, url = inbox
    SmtpEmail(url=url, sender="refills@example.org", **more).send(mail)
    parsed = message_from_bytes(handler.received[-1].content or b"", policy=default)  # type: ignore[arg-type]
    assert isinstance(parsed, EmailMessage)
    return parsed


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return body.get_content()


def test_an_email_arrives_as_text_and_page_with_a_way_to_unsubscribe(inbox: tuple[Inbox, str]) -> None:
    mail = delivered(inbox, MAIL)
    assert inbox[0].received[0].rcpt_tos == ["ada@example.org"]
    assert mail["Subject"] == "Your pickup"
    assert mail["From"].addresses == (Address("Main pharmacy", addr_spec="refills@example.org"),)
    assert mail["Reply-To"] == "shop@example.org"
    assert mail["List-Unsubscribe"] == "<mailto:shop@example.org?subject=STOP>"
    assert mail["List-Unsubscribe-Post"] is None
    assert mail["Message-ID"] == "<attempt1@medsync>"
    assert "Thu Dec 10" in part(mail, "plain")
    assert "Thu Dec 10" in part(mail, "html")
    assert list(mail.iter_attachments()) == []


def test_one_click_unsubscribes_by_an_https_address_of_this_attempt(inbox: tuple[Inbox, str]) -> None:
    mail = delivered(inbox, MAIL, unsubscribe=lambda attempt: f"https://shop.example/{'u' * 90}/{attempt}")
    url = f"https://shop.example/{'u' * 90}/attempt1"
    assert mail["List-Unsubscribe"] == f"<{url}>, <mailto:shop@example.org?subject=STOP>"
    content = inbox[0].received[-1].content
    assert isinstance(content, bytes)
    assert f"\r\nList-Unsubscribe: <{url}>,".encode() in content, "in one line, as it is"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url in part(mail, "plain")
    assert f'<a href="{url}"' in part(mail, "html")
    plain = delivered(inbox, MAIL, unsubscribe=lambda attempt: f"http://localhost/u/{attempt}")
    assert plain["List-Unsubscribe-Post"] is None


def test_what_a_text_holds_is_never_markup(inbox: tuple[Inbox, str]) -> None:
    bad = replace(
        MAIL, body="<script>alert(1)</script> & more\n\nsecond", subject="a <b>", sender_name="X <i>$y"
    )
    page = part(delivered(inbox, bad), "html")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more</p>" in page
    assert "X &lt;i&gt;$y" in page
    assert page.count("<p ") == 2


def test_a_pickup_comes_as_an_entry_for_the_calendar_that_a_later_one_moves(
    inbox: tuple[Inbox, str],
) -> None:
    event = PickupEvent(
        uid="cycle1@medsync", sequence=3, day=date(2026, 12, 31), summary="Pickup at Peach, Pine; \u00d1u\u00f1oa\nX",
        place="1 Main St " * 12, made_at=datetime(2026, 12, 1, 15, 0, tzinfo=UTC),
    )  # fmt: skip
    (entry,) = delivered(inbox, replace(MAIL, event=event)).iter_attachments()
    assert entry.get_content_type() == "text/calendar"
    assert entry["Content-Type"].params["method"] == "PUBLISH"
    assert entry.get_filename() == "pickup.ics"
    content = entry.get_payload(decode=True)
    assert isinstance(content, bytes)
    lines = content.decode().split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    unfolded = content.decode().replace("\r\n ", "").split("\r\n")
    assert unfolded[:4] == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//MedSync//Pickup//EN",
        "METHOD:PUBLISH",
    ]
    for line in (
        "UID:cycle1@medsync", "SEQUENCE:3", "DTSTAMP:20261201T150000Z", "DTSTART;VALUE=DATE:20261231",
        "DTEND;VALUE=DATE:20270101", "SUMMARY:Pickup at Peach\\, Pine\\; \u00d1u\u00f1oa X",
    ):  # fmt: skip
        assert line in unfolded
    assert unfolded[-2:] == ["END:VCALENDAR", ""]


def test_a_line_break_in_a_subject_adds_no_header(inbox: tuple[Inbox, str]) -> None:
    handler, url = inbox
    bad = Outgoing(attempt_id="a", to="ada@example.org", body="x", subject="Hi\r\nBcc: eve@example.org")
    SmtpEmail(url=url, sender="refills@example.org").send(bad)
    mail = message_from_bytes(handler.received[0].content or b"", policy=default)  # type: ignore[arg-type]
    assert mail["Bcc"] is None
    assert handler.received[0].rcpt_tos == ["ada@example.org"]


@pytest.mark.parametrize(
    ("where", "answer", "expected"),
    [
        ("rcpt", "550 no such mailbox", GONE), ("rcpt", "550 5.1.1 no such user", GONE),
        ("rcpt", "553 mailbox name not allowed", GONE), ("rcpt", "550 5.2.1 disabled", GONE),
        ("rcpt", "556 5.1.10 takes no mail", GONE), ("rcpt", "552 full", Failure.PERMANENT),
        ("rcpt", "550 5.2.2 mailbox full", Failure.PERMANENT), ("rcpt", "550 5.1.8 your domain", Failure.PERMANENT),
        ("rcpt", "554 5.7.1 relay access denied", Failure.CONFIGURATION), ("rcpt", "450 busy", Failure.TRANSIENT),
        ("rcpt", "452 4.2.2 mailbox full", Failure.TRANSIENT), ("rcpt", "421 4.3.2 closing", Failure.TRANSIENT),
        ("rcpt", "530 sign in first", Failure.CONFIGURATION), ("mail", "550 5.1.8 who?", Failure.CONFIGURATION),
        ("mail", "451 4.7.0 later", Failure.TRANSIENT), ("data", "554 refused", Failure.PERMANENT),
        ("data", "554 5.7.1 looks like spam", Failure.PERMANENT), ("data", "552 5.3.4 too big", Failure.PERMANENT),
        ("data", "451 later", Failure.TRANSIENT),
    ],
)  # fmt: skip
def test_a_refusal_has_its_class_and_only_a_mailbox_that_is_none_is_a_bad_address(
    inbox: tuple[Inbox, str], where: str, answer: str, expected: Failure | None
) -> None:
    handler, url = inbox
    setattr(handler, where, answer)
    failed = failure(url)
    assert (failed.failure, failed.bad_address) == (expected or Failure.PERMANENT, expected is GONE)
    assert handler.received == []


@pytest.mark.parametrize(
    ("answer", "expected"), [(b"535", Failure.CONFIGURATION), (b"454", Failure.TRANSIENT)]
)
def test_a_refused_sign_in_is_a_setting_unless_it_is_to_be_tried_later(
    answer: bytes, expected: Failure
) -> None:
    url, thread = _half_server([b"220 hi\r\n", b"250-hi\r\n250 AUTH PLAIN\r\n", answer + b" no\r\n"])
    assert failure(url.replace("//", "//shop:secret@")).failure is expected
    thread.join()


def test_a_server_that_is_slow_at_every_word_gets_no_more_time_than_one_call() -> None:
    """Ten seconds for each of its answers would be longer than the lease."""
    lines = [b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]
    url, _ = _half_server(lines, seconds=0.15)
    started = time.monotonic()
    assert failure(url, seconds=0.35).failure is Failure.TRANSIENT
    assert time.monotonic() - started < 0.6


def test_what_is_wrong_with_our_own_address_strikes_no_patient_off(inbox: tuple[Inbox, str]) -> None:
    failed = failure(inbox[1], replace(MAIL, reply_to="the shop"))
    assert (failed.failure, failed.bad_address) == (Failure.CONFIGURATION, False)


def test_a_letter_to_an_address_that_is_none_was_not_sent(inbox: tuple[Inbox, str]) -> None:
    letters = MailedLetters(SmtpEmail(url=inbox[1], sender="shop@example.org"), sender="shop@example.org")
    with pytest.raises(SendFailed) as caught:
        letters.send(Letter("dr kim", "Renewal", "Please", b"%PDF", "Shop"), "job1")
    assert caught.value.failure is Failure.PERMANENT


def test_long_and_foreign_names_arrive_whole_in_lines_that_every_server_takes(
    inbox: tuple[Inbox, str],
) -> None:
    name, subject = "Farmacia Peña & Ñuñoa, “La Única” " * 6, "Su próxima recogida de José Ñandú " * 8
    assert delivered(inbox, replace(MAIL, sender_name=name, subject=subject))["Subject"] == subject.strip()
    content = inbox[0].received[-1].content
    assert isinstance(content, bytes)
    head = content.partition(b"\r\n\r\n")[0]
    assert max(len(line) for line in head.split(b"\r\n")) <= 76
    assert max(len(word) for word in re.findall(rb"=\?[^ ]*\?=", head)) <= 75, "RFC 2047, section 2"
    sender = message_from_bytes(head)["From"]  # as older programs read it; the newer parser adds blanks
    assert str(make_header(decode_header(sender))) == f"{name.strip()} <refills@example.org>"


@pytest.mark.parametrize("name", ['Smith, Jones & Sons\' "Corner" Pharmacy ' * 6, "Peña, Sons", ""])
def test_a_sender_with_commas_and_quotes_is_one_sender(inbox: tuple[Inbox, str], name: str) -> None:
    (sender,) = delivered(inbox, replace(MAIL, sender_name=name))["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name.strip(), "refills@example.org")


def test_an_address_that_is_none_is_permanent(inbox: tuple[Inbox, str]) -> None:
    failed = failure(inbox[1], Outgoing(attempt_id="a", to="not an address", body="x"))
    assert failed.failure is Failure.PERMANENT


def test_a_server_that_is_not_there_is_transient() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert failure(f"smtp://127.0.0.1:{port}").failure is Failure.TRANSIENT


def _half_server(lines: list[bytes], seconds: float = 0.0) -> tuple[str, threading.Thread]:
    """A server that answers so many commands, each after some time, and then closes the connection."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection, server:
            stream = connection.makefile("rwb", buffering=0)
            stream.write(lines[0])
            for line in lines[1:]:
                if not stream.readline():
                    return
                time.sleep(seconds)
                stream.write(line)
            if b"354" in lines[-1]:
                while stream.readline() not in (b".\r\n", b""):
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return f"smtp://127.0.0.1:{server.getsockname()[1]}", thread


def test_a_connection_lost_after_the_text_is_in_doubt() -> None:
    url, thread = _half_server([b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"])
    assert failure(url).failure is Failure.IN_DOUBT
    thread.join()


def test_a_connection_lost_before_the_text_is_transient() -> None:
    url, thread = _half_server([b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n"])
    assert failure(url).failure is Failure.TRANSIENT
    thread.join()


def test_an_address_of_the_server_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="SMTP_URL"):
        SmtpEmail(url="http://example.org", sender="a@example.org")


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"), ("jos\u00e9@example.org", ""),
        ("ada..b@example.org", ""), ("ada@" + "x" * 70 + ".org", ""),
    ],
)  # fmt: skip
def test_an_address_with_letters_of_other_alphabets_is_reached_or_known_to_be_no_use(
    inbox: tuple[Inbox, str], address: str, taken: str
) -> None:
    handler, url = inbox
    mail = replace(MAIL, to=address)
    if taken:
        SmtpEmail(url=url, sender="shop@example.org").send(mail)
        assert [envelope.rcpt_tos for envelope in handler.received] == [[taken]]
    else:
        failed = failure(url, mail)
        assert (failed.failure, failed.bad_address) == (Failure.PERMANENT, True)
