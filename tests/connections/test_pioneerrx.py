"""PioneerRx: the published signature, the password, and messages in JSON and XML that say the same."""

import base64
import json

import pytest

from medsync_app.connections.pioneerrx import (
    PRESET,
    answer_to,
    knows_password,
    read_message,
    signature_of,
    signed_at,
)
from medsync_app.domain.pharmacy_events import EventKind, in_days
from medsync_app.errors import Unreadable
from tests.support.pharmacy_events import pioneerrx_body, pioneerrx_xml

STAMP = "2026-01-01T00:00:00.000000Z"
SIGNED = "mv6rMceFmXnvyA/INp6tj4f1qTPjirUY2YO8tHJEU7L1NvHp2dEGMCT0R4Mxq0Ea+dYJco3QLcLhyLZ00XfzLA=="


def test_the_published_signature_is_made_and_known_again() -> None:
    assert signature_of(STAMP, "secret") == SIGNED
    headers = {"prx-timestamp": STAMP, "prx-signature": SIGNED}
    at = signed_at("secret", headers)
    assert at is not None
    assert at.isoformat() == "2026-01-01T00:00:00+00:00"
    assert signed_at("other", headers) is None
    assert signed_at("", {"prx-timestamp": STAMP, "prx-signature": signature_of(STAMP, "")}) is None
    assert signed_at("secret", {}) is None
    wrong = {"prx-timestamp": "yesterday", "prx-signature": signature_of("yesterday", "secret")}
    assert signed_at("secret", wrong) is None


@pytest.mark.parametrize(
    ("given", "known"),
    [("anybody:secret", True), ("secret:", False), ("a:secret2", False), ("a:", False), (":secret", True)],
)
def test_the_secret_may_come_as_a_password(given: str, known: bool) -> None:
    headers = {"authorization": f"Basic {base64.b64encode(given.encode()).decode()}"}
    assert knows_password("secret", headers) is known
    assert not knows_password("", headers)
    assert not knows_password("secret", {"authorization": f"Bearer {given}"})
    assert not knows_password("secret", {"authorization": "Basic \xe9"})


def test_json_and_xml_say_the_same() -> None:
    for body in (pioneerrx_body("Ready For Pickup"), pioneerrx_xml("Ready For Pickup")):
        name, message_id, raw = read_message(body)
        told = in_days(PRESET.read(raw), PRESET.instants, "America/New_York")
        assert (name, message_id, told.kind) == ("Ready For Pickup", "msg-1", EventKind.READY)
        assert (told.said("rx_number"), told.said("fill_number")) == ("700001", "1")
        assert told.said("filled_on") == "2026-11-23", "an instant is a day at the pharmacy"
        assert told.said("patient_id") == "", "an export has another one"
        assert (told.said("last_name"), told.said("birth_date")) == ("O’Connor", "05/01/1960")
    assert answer_to("msg-1") == {"Message_Header": {"Message_ID": "msg-1", "Message_Type": "ACK"}}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("Completed", EventKind.SOLD), ("RxComplete", EventKind.SOLD), ("READYFORDELIVERY", EventKind.READY),
        ("Verified", EventKind.FILLED), ("Returned to Stock", EventKind.RETURNED), ("Cancelled", EventKind.REVERSED),
        ("Rejected", EventKind.REVERSED), ("Received", None), ("On Hold", None), ("Teleported", None),
    ],
)  # fmt: skip
def test_each_status_has_its_meaning(status: str, kind: EventKind | None) -> None:
    told = PRESET.read(json.loads(pioneerrx_body(status)))
    assert told.kind is kind
    assert told.ignored is (status in ("Received", "On Hold"))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"<a>", b"<a/>", b"<MessageHeader/>", b'{"MessageHeader": {"MessageID": ""}}',
        b'<!DOCTYPE a [<!ENTITY b "c">]><a><MessageHeader><MessageID>&b;</MessageID></MessageHeader></a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a><b/></a>', "<a><b>\u00e9</b></a>".encode("utf-16"),
        b'<?xml version="1.0" encoding="cp037"?>\x4c\x81\x61\x6e', b"<a>" * 500 + b"</a>" * 500,
    ],
)  # fmt: skip
def test_what_could_do_harm_or_has_no_id_is_not_read(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_message(body)
