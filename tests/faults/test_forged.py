"""Row 18 of the fault tests: what Twilio did not sign is refused and not kept, cheaply, however it was forged."""

import time
from collections import Counter
from collections.abc import Callable
from random import Random
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select

from medsync_app.store.session import Database
from medsync_app.store.tables import InboundEvent
from medsync_app.web.limits import BodyLimit
from tests.support.faults import figures, sized
from tests.support.signed_requests import PUBLIC, TOKEN, api_client, signed
from tests.support.store import NUMBER, SYSTEM

pytestmark = pytest.mark.slow
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BIG = 10 * 1024 * 1024
Request = tuple[str, bytes, dict[str, str]]


def honest(chance: Random) -> tuple[str, dict[str, str]]:
    """A request as Twilio might send it."""
    sid = f"SM{chance.randrange(10**9)}"
    if chance.random() < 0.5:
        return "/twilio/inbound", {"MessageSid": sid, "From": NUMBER, "To": "+1", "Body": "STOP"}
    return f"/twilio/status/a{chance.randrange(10**9)}", {"MessageSid": sid, "MessageStatus": "delivered"}


def request(path: str, fields: dict[str, str], signature: dict[str, str]) -> Request:
    return path, urlencode(fields).encode(), signature


def true_signature(path: str, fields: dict[str, str]) -> dict[str, str]:
    return signed(f"{PUBLIC}/api/v1{path}", fields)


def unsigned(path: str, fields: dict[str, str], _: Random) -> Request:
    return request(path, fields, {})


def guessed(path: str, fields: dict[str, str], chance: Random) -> Request:
    """One character of the true signature is another one."""
    true = true_signature(path, fields)["X-Twilio-Signature"]
    at = chance.randrange(len(true) - 2)  # the last ones are padding
    other = "A" if true[at] != "A" else "B"
    return request(path, fields, {"X-Twilio-Signature": true[:at] + other + true[at + 1 :]})


def other_token(path: str, fields: dict[str, str], chance: Random) -> Request:
    return request(path, fields, signed(f"{PUBLIC}/api/v1{path}", fields, f"{TOKEN}{chance.random()}"))


def other_address(path: str, fields: dict[str, str], chance: Random) -> Request:
    """Signed for another path, another host or another query."""
    url = chance.choice(
        [f"{PUBLIC}/api/v1/twilio/status/b", f"https://elsewhere.example/api/v1{path}", f"{PUBLIC}/api/v1{path}?x=1"]
    )  # fmt: skip
    return request(path, fields, signed(url, fields))


def replayed(path: str, fields: dict[str, str], chance: Random) -> Request:
    """The signature of one request with the fields of another, or with one more."""
    signature, key = true_signature(path, fields), chance.choice(sorted(fields))
    changed = {**fields, key: fields[key] + "1"} if chance.random() < 0.5 else {**fields, "More": "1"}
    return request(path, changed, signature)


def truncated(path: str, fields: dict[str, str], chance: Random) -> Request:
    _, body, signature = request(path, fields, true_signature(path, fields))
    return path, body[: chance.randrange(len(body))], signature


def enormous(path: str, fields: dict[str, str], _: Random) -> Request:
    """Ten megabytes, with a signature that is true for what comes before them."""
    _, body, signature = request(path, fields, true_signature(path, fields))
    return path, body + b"&Body=" + b"x" * BIG, signature


FORGERIES: tuple[Callable[[str, dict[str, str], Random], Request], ...] = (
    unsigned, guessed, other_token, other_address, replayed, truncated, enormous,
)  # fmt: skip


def kept(database: Database) -> int:
    with database.reading(SYSTEM) as tx:
        return tx.session.scalar(select(func.count()).select_from(InboundEvent)) or 0


def test_a_forged_webhook_is_refused_at_once_and_not_kept(database: Database) -> None:
    chance, count, statuses, took = Random(18), sized(105, 1_001), Counter[tuple[str, int]](), list[float]()
    with api_client(database, BodyLimit) as client:
        for number in range(count):
            forge = FORGERIES[number % len(FORGERIES)]
            path, body, signature = forge(*honest(chance), chance)
            began = time.process_time()
            answer = client.post(path, content=body, headers={**FORM, **signature})
            took.append(time.process_time() - began)
            statuses[forge.__name__, answer.status_code] += 1
        assert kept(database) == 0
        path, fields = honest(chance)
        answers = [client.post(path, data=fields, headers=true_signature(path, fields)) for _ in range(2)]
    figures(
        18, forged=count, answers={f"{name} {status}": times for (name, status), times in sorted(statuses.items())},
        processor_ms_median=round(sorted(took)[count // 2] * 1000, 1), processor_ms_worst=round(max(took) * 1000, 1),
    )  # fmt: skip
    assert {status for _, status in statuses} == {403, 413}
    assert {status for name, status in statuses if name == "enormous"} == {413}
    assert max(took) < 0.1, "in processor time: other tests run beside this one"
    assert all(answer.is_success for answer in answers), "what is truly signed is taken, also the second time"
    assert kept(database) == 1
