"""Tasks are mirrored to Slack, Asana and Trello, renewal requests go by fax and e-mail, the pharmacy system is told."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pytest_httpserver import HTTPServer
from sqlalchemy import select
from werkzeug import Request, Response

from medsync_app.domain.states import ExceptionKind, OutsideKind, OutsideState, RenewalState
from medsync_app.domain.workflow import default_document, parse
from medsync_app.engine.outside import hand_over, programs_from, work_outside
from medsync_app.errors import Conflict, Invalid
from medsync_app.reads.exceptions import case_detail
from medsync_app.reads.program_tests import program_tests
from medsync_app.services.agreements import Carrier, set_agreement
from medsync_app.services.exceptions import close_exception, open_exception
from medsync_app.services.fire_internal import do_internally
from medsync_app.services.outside_jobs import notify_pharmacy, send_test
from medsync_app.services.prepare import begin_preparation
from medsync_app.services.renewals import follow_up, record_renewal_answer, request_renewals
from medsync_app.services.work_outside import begin
from medsync_app.settings import Settings, get_settings
from medsync_app.store.tables import (
    ExceptionCase,
    OutsideJob,
    Pharmacy,
    Prescriber,
    Prescription,
    RenewalRequest,
    ScheduledAction,
    Therapy,
)
from tests.support.ports import free_port
from tests.support.programme import PHONE, Batch, Clinic
from tests.support.store import SYSTEM

pytestmark = pytest.mark.slow
PHI = ("Ada", "Example", "Lisinopril", "Atorvastatin", PHONE, "1980")


class Mailbox:
    """A mail server that keeps what it takes."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], Message]] = []
        self.refuse = ""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refuse:
            return self.refuse
        self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box, port = Mailbox(), free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    yield box, f"smtp://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer) -> Iterator[pytest.MonkeyPatch]:
    """Live settings whose every program is the local server."""
    base = httpserver.url_for("").rstrip("/")
    for name, value in {
        "MEDSYNC_SEND": "live", "MEDSYNC_PUBLIC_URL": "https://medsync.test",
        "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_CHANNEL": "C1", "SLACK_API_URL": f"{base}/slack",
        "ASANA_TOKEN": "asana-1", "ASANA_PROJECT": "77", "ASANA_API_URL": f"{base}/asana",
        "TRELLO_KEY": "key", "TRELLO_TOKEN": "tok", "TRELLO_LIST": "L1", "TRELLO_API_URL": f"{base}/trello",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    yield monkeypatch
    get_settings.cache_clear()


def boards(server: HTTPServer) -> None:
    """The three boards as they answer when all is well."""
    server.expect_request("/slack/chat.postMessage").respond_with_json(
        {"ok": True, "channel": "C1", "ts": "17.1"}
    )
    server.expect_request("/slack/chat.getPermalink").respond_with_json(
        {"ok": True, "permalink": "https://slack.test/p171"}
    )
    server.expect_request("/asana/tasks", method="POST").respond_with_json(
        {"data": {"gid": "9", "permalink_url": "https://asana.test/9"}}, status=201
    )
    server.expect_request("/asana/tasks/9", method="PUT").respond_with_json({"data": {"gid": "9"}})
    server.expect_request("/trello/cards", method="POST").respond_with_json(
        {"id": "c9", "shortUrl": "https://trello.test/c9"}
    )
    server.expect_request("/trello/cards/c9", method="PUT").respond_with_json({"id": "c9"})


def task(clinic: Clinic, kind: ExceptionKind = ExceptionKind.OUT_OF_STOCK, **more: Any) -> str:
    with clinic.writing() as tx:
        return open_exception(
            tx, pharmacy_id=clinic.shop.pharmacy_id, kind=kind, cause_key=f"{kind}:x", summary="Find another source.",
            owner_role="pharmacist", due_at=clinic.clock.now() + timedelta(hours=24), **more,
        )  # fmt: skip


def work(clinic: Clinic) -> int:
    return hand_over(clinic.database, clinic.clock, programs_from(get_settings()))


def jobs(clinic: Clinic) -> list[OutsideJob]:
    with clinic.reading() as tx:
        return list(tx.session.scalars(select(OutsideJob).order_by(OutsideJob.id)))


def bodies(server: HTTPServer, path: str) -> list[str]:
    return [request.get_data(as_text=True) for request, _ in server.log if request.path == path]


def test_a_problem_is_mirrored_everywhere_linked_and_settled_there_too(
    clinic: Clinic, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    boards(httpserver)
    case = task(clinic)
    task(clinic)  # the same cause again
    assert work(clinic) == 3
    assert [(job.kind.value, job.state, job.external_ref) for job in jobs(clinic)] == [
        ("asana", OutsideState.SENT, "9"), ("slack", OutsideState.SENT, "C1:17.1"),
        ("trello", OutsideState.SENT, "c9"),
    ]  # fmt: skip
    with clinic.reading() as tx:
        found = case_detail(tx, case)
    assert [one.url for one in found.mirrors] == [
        "https://asana.test/9", "https://slack.test/p171", "https://trello.test/c9",
    ]  # fmt: skip
    (asana,) = bodies(httpserver, "/asana/tasks")
    assert json.loads(asana)["data"]["projects"] == ["77"]
    assert f"https://medsync.test/exceptions?open={case}" in asana
    (card,) = bodies(httpserver, "/trello/cards")
    assert json.loads(card)["idList"] == "L1"
    signs = {r.headers.get("Authorization") for r, _ in httpserver.log}
    assert signs == {
        "Bearer xoxb-1", "Bearer asana-1", 'OAuth oauth_consumer_key="key", oauth_token="tok"',
    }  # fmt: skip
    assert not any("tok" in request.url for request, _ in httpserver.log)
    with clinic.writing() as tx:
        close_exception(tx, pharmacy_id=clinic.shop.pharmacy_id, cause_key="out_of_stock:x", outcome="Came.")
    assert (work(clinic), work(clinic)) == (3, 0)
    assert json.loads(bodies(httpserver, "/asana/tasks/9")[0])["data"]["completed"] is True
    assert json.loads(bodies(httpserver, "/trello/cards/c9")[0])["closed"] is True


def test_nothing_of_a_patient_goes_to_a_board(
    clinic: Clinic, batch: Batch, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    boards(httpserver)
    with clinic.writing() as tx:
        drug = tx.get(Therapy, batch.therapies[0])
        drug.out_of_stock = True
        begin_preparation(tx, batch.id)
    assert work(clinic) == 3
    sent = " ".join(request.get_data(as_text=True) for request, _ in httpserver.log)
    assert "Out of stock" in sent
    assert not any(word in sent for word in PHI)


def test_what_is_not_taken_is_tried_again_and_a_wrong_key_becomes_one_exception(
    clinic: Clinic, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    for name in ("SLACK_BOT_TOKEN", "TRELLO_KEY"):
        configured.setenv(name, "")
    get_settings.cache_clear()
    answers = iter([(503, {"Retry-After": "120"}), (401, {}), (201, {})])

    def answer(_: Request) -> Response:
        status, headers = next(answers)
        return Response('{"data": {"gid": "9"}}', status, headers, content_type="application/json")

    httpserver.expect_request("/asana/tasks").respond_with_handler(answer)
    task(clinic)
    work(clinic)
    (job,) = jobs(clinic)
    assert job.state is OutsideState.QUEUED
    assert job.due_at >= clinic.clock.now() + timedelta(seconds=120), "never before it was asked to"
    assert work(clinic) == 0
    clinic.clock.advance(timedelta(minutes=5))
    work(clinic)
    with clinic.reading() as tx:
        (down,) = tx.session.scalars(
            select(ExceptionCase).where(ExceptionCase.kind == ExceptionKind.CHANNEL_DOWN)
        )
    assert down.cause_key == "outside:asana"
    clinic.clock.advance(timedelta(minutes=16))
    work(clinic)
    assert jobs(clinic)[0].state is OutsideState.SENT
    with clinic.reading() as tx:
        assert tx.get(ExceptionCase, down.id).state == "closed_by_itself"


def test_a_server_that_is_away_is_tried_again(clinic: Clinic, configured: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_API_URL", "ASANA_API_URL", "TRELLO_API_URL"):
        configured.setenv(name, f"http://127.0.0.1:{free_port()}")
    get_settings.cache_clear()
    task(clinic)
    assert work(clinic) == 3
    assert {(job.state, job.reason.split(" ", 1)[1]) for job in jobs(clinic)} == {
        (OutsideState.QUEUED, "could not be reached.")
    }


def test_a_task_settled_before_it_was_shown_is_never_shown(
    clinic: Clinic, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    task(clinic)
    with clinic.writing() as tx:
        close_exception(tx, pharmacy_id=clinic.shop.pharmacy_id, cause_key="out_of_stock:x", outcome="Came.")
    assert work(clinic) == 0
    assert {job.state for job in jobs(clinic)} == {OutsideState.DROPPED}
    assert httpserver.log == []


def test_a_connection_is_tried_once_and_says_what_it_answered(
    clinic: Clinic, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/slack/chat.postMessage").respond_with_json(
        {"ok": False, "error": "invalid_auth"}
    )
    httpserver.expect_request("/asana/tasks", method="POST").respond_with_json(
        {"data": {"gid": "9", "permalink_url": "https://asana.test/9"}}, status=201
    )
    for kind in (OutsideKind.SLACK, OutsideKind.ASANA):
        with clinic.writing() as tx:
            send_test(tx, clinic.shop.pharmacy_id, kind)
    assert work(clinic) == 2
    with clinic.reading() as tx:
        found = program_tests(tx, clinic.shop.pharmacy_id)
    assert (found[OutsideKind.ASANA].state, found[OutsideKind.ASANA].sandbox) == (OutsideState.SENT, False)
    assert (found[OutsideKind.SLACK].state, bool(found[OutsideKind.SLACK].reason)) == (
        OutsideState.FAILED,
        True,
    )
    assert open_kinds(clinic) == set(), "a failed test is no task for anybody"
    with clinic.writing() as tx, pytest.raises(Conflict, match="no settings"):
        send_test(tx, clinic.shop.pharmacy_id, OutsideKind.FAX, "404 555 0100")


def test_a_steps_own_task_goes_to_the_boards_it_names(clinic: Clinic, configured: pytest.MonkeyPatch) -> None:
    task(clinic, ExceptionKind.WORKFLOW)
    assert jobs(clinic) == []
    document = default_document()
    step = next(step for step in document["steps"] if step["id"] == "call_t2")
    step["actions"][0]["mirror"] = ["slack"]
    options = parse(document).step("call_t2").actions[0].options  # type: ignore[union-attr]
    action = ScheduledAction(
        pharmacy_id=clinic.shop.pharmacy_id, step="call_t2", kind="task", payload={"action": dict(options)},
        idempotency_key="t", due_at=clinic.clock.now(), created_at=clinic.clock.now(), updated_at=clinic.clock.now(),
    )  # fmt: skip
    with clinic.writing() as tx:
        tx.add(action)
        do_internally(tx, action, tx.get(Pharmacy, clinic.shop.pharmacy_id), None)
    assert [job.kind for job in jobs(clinic)] == [OutsideKind.SLACK]
    step["actions"][0]["mirror"] = ["fax"]
    with pytest.raises(Invalid, match="asana, slack, trello"):
        parse(document)


def test_without_settings_or_in_the_sandbox_nothing_leaves(
    clinic: Clinic, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    configured.setenv("MEDSYNC_SEND", "sandbox")
    get_settings.cache_clear()
    task(clinic)
    assert work_outside(clinic.database, clinic.clock) == 3
    assert {job.external_ref.split("-")[0] for job in jobs(clinic)} == {"sandbox"}
    assert httpserver.log == []
    for name in ("SLACK_BOT_TOKEN", "ASANA_TOKEN", "TRELLO_KEY"):
        configured.delenv(name)
    assert Settings(_env_file=None).outside == frozenset()  # type: ignore[call-arg]


@pytest.fixture
def lacking(clinic: Clinic, batch: Batch) -> Batch:
    """The batch, the first drug of which has no refill and a prescriber with fax and e-mail."""
    with clinic.writing() as tx:
        rx = tx.get(Prescription, tx.get(Therapy, batch.therapies[0]).current_prescription_id)
        rx.refills_left, rx.sig, rx.quantity = 0, "Take 1 tablet daily (morning)", 30
        prescriber = tx.get(Prescriber, rx.prescriber_id)
        prescriber.fax, prescriber.email = "+14045550777", "doctor@clinic.test"
    return batch


def lacking_drug(clinic: Clinic, batch: Batch) -> bytes:
    with clinic.reading() as tx:
        return tx.get(Therapy, batch.therapies[0]).drug_name.encode()


def ask(clinic: Clinic, batch: Batch, path: str) -> RenewalRequest:
    with clinic.writing() as tx:
        pharmacy = tx.get(Pharmacy, clinic.shop.pharmacy_id)
        pharmacy.rules = {**pharmacy.rules, "renewal_path": path}
        assert request_renewals(tx, batch.id) == 1
    return renewal(clinic)


def renewal(clinic: Clinic) -> RenewalRequest:
    with clinic.reading() as tx:
        return tx.session.scalars(select(RenewalRequest)).one()


def open_kinds(clinic: Clinic) -> set[str]:
    with clinic.reading() as tx:
        rows = tx.session.scalars(select(ExceptionCase).where(ExceptionCase.state == "open"))
        return {row.kind.value for row in rows}


def ring_central(monkeypatch: pytest.MonkeyPatch, server: HTTPServer) -> None:
    for name, value in {
        "RINGCENTRAL_CLIENT_ID": "id", "RINGCENTRAL_CLIENT_SECRET": "secret", "RINGCENTRAL_JWT": "jwt",
        "RINGCENTRAL_API_URL": server.url_for("/rc"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    for name in ("SLACK_BOT_TOKEN", "ASANA_TOKEN", "TRELLO_KEY"):
        monkeypatch.setenv(name, "")
    get_settings.cache_clear()
    server.expect_request("/rc/restapi/oauth/token").respond_with_json({"access_token": "t1"})


FAX = "/rc/restapi/v1.0/account/~/extension/~/fax"


def test_a_renewal_request_is_faxed_and_sent_again_when_nobody_answers(
    clinic: Clinic, lacking: Batch, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    ring_central(configured, httpserver)
    httpserver.expect_request(FAX).respond_with_json({"id": 4711})
    row = ask(clinic, lacking, "fax")
    assert (row.state, row.sent_at) == (RenewalState.OPEN, None)
    assert "renewal" not in open_kinds(clinic), "nobody has to do anything"
    assert work(clinic) == 1
    row = renewal(clinic)
    assert (row.state, row.sent_at) == (RenewalState.SENT, clinic.clock.now())
    (request,) = [request for request, _ in httpserver.log if request.path == FAX]
    assert request.headers["Authorization"] == "Bearer t1"
    assert json.loads(request.files["json"].read())["to"] == [{"phoneNumber": "+14045550777"}]
    pdf = request.files["attachment"].read()
    for part in request.files.values():
        part.close()
    assert pdf.startswith(b"%PDF-1.4")
    named = (
        b"Ada Example",
        lacking_drug(clinic, lacking),
        rb"Take 1 tablet daily \(morning\)",
        b"main pharmacy",
        b"30",
    )
    for words in (*named, b"Approved with changes", b"Denied", b"Replace with", b"Pending"):
        assert words in pdf
    clinic.clock.advance(timedelta(days=3))
    with clinic.writing() as tx:
        follow_up(tx, lacking.id, "resend")
    assert work(clinic) == 1
    with clinic.writing() as tx:
        follow_up(tx, lacking.id, "phone")
    assert "renewal" in open_kinds(clinic)


def test_a_fax_in_doubt_is_never_sent_again_by_itself(
    clinic: Clinic, lacking: Batch, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    ring_central(configured, httpserver)
    httpserver.expect_request(FAX).respond_with_json({}, status=502)
    ask(clinic, lacking, "fax")
    work(clinic)
    clinic.clock.advance(timedelta(days=1))
    assert work(clinic) == 0
    assert [job.state for job in jobs(clinic)] == [OutsideState.IN_DOUBT]
    assert "renewal" in open_kinds(clinic)
    assert len(bodies(httpserver, FAX)) == 1


def test_a_program_that_stopped_during_a_fax_leaves_a_doubt_and_during_a_task_tries_again(
    clinic: Clinic, lacking: Batch, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    configured.setenv("SLACK_BOT_TOKEN", "")
    configured.setenv("TRELLO_KEY", "")
    for name in ("CLIENT_ID", "CLIENT_SECRET", "JWT"):
        configured.setenv(f"RINGCENTRAL_{name}", "x")
    get_settings.cache_clear()
    task(clinic)
    ask(clinic, lacking, "fax")
    with clinic.database.transaction(SYSTEM, clinic.clock) as tx:
        for job in jobs(clinic):
            assert begin(tx, job.id) is not None
            assert begin(tx, job.id) is None, "one at a time"
    clinic.clock.advance(timedelta(minutes=5))
    boards(httpserver)
    work(clinic)
    assert {job.kind.value: job.state for job in jobs(clinic) if job.op != "close"} == {
        "asana": OutsideState.SENT, "fax": OutsideState.IN_DOUBT,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "to"), [("email", "doctor@clinic.test"), ("email_to_fax", "14045550777@efaxsend.com")]
)
def test_a_renewal_request_goes_by_email_with_the_document(
    clinic: Clinic,
    lacking: Batch,
    configured: pytest.MonkeyPatch,
    mailbox: tuple[Mailbox, str],
    path: str,
    to: str,
) -> None:
    box, url = mailbox
    for name in ("SLACK_BOT_TOKEN", "ASANA_TOKEN", "TRELLO_KEY"):
        configured.setenv(name, "")
    configured.setenv("SMTP_URL", url)
    configured.setenv("SMTP_FROM", "rx@pharmacy.test")
    configured.setenv("FAX_EMAIL_DOMAIN", "efaxsend.com")
    get_settings.cache_clear()
    ask(clinic, lacking, path)
    assert work(clinic) == 1
    ((rcpt, mail),) = box.mails
    assert rcpt == [to]
    assert mail["List-Unsubscribe"] is None
    parts = {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk()}
    assert lacking_drug(clinic, lacking) in parts["text/plain"]  # type: ignore[operator]
    assert parts["application/pdf"].startswith(b"%PDF")  # type: ignore[union-attr]
    assert lacking_drug(clinic, lacking) not in mail["Subject"].encode()


def test_a_prescriber_without_a_number_is_a_task(
    clinic: Clinic, lacking: Batch, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    ring_central(configured, httpserver)
    with clinic.writing() as tx:
        for prescriber in tx.session.scalars(select(Prescriber)):
            prescriber.fax = ""
    ask(clinic, lacking, "fax")
    assert work(clinic) == 0
    assert [job.state for job in jobs(clinic)] == [OutsideState.FAILED]
    assert "renewal" in open_kinds(clinic)


def test_an_answer_that_came_first_keeps_the_request_at_home(
    clinic: Clinic, lacking: Batch, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    ring_central(configured, httpserver)
    row = ask(clinic, lacking, "fax")
    with clinic.writing() as tx:
        record_renewal_answer(tx, row.id, "approved")
    assert work(clinic) == 0
    assert [job.state for job in jobs(clinic)] == [OutsideState.DROPPED]
    assert httpserver.log == []


def test_a_portal_and_the_pharmacy_system_get_signed_events(
    clinic: Clinic, lacking: Batch, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    for name in ("SLACK_BOT_TOKEN", "ASANA_TOKEN", "TRELLO_KEY"):
        configured.setenv(name, "")
    for name in ("PORTAL", "PHARMACY"):
        configured.setenv(f"{name}_WEBHOOK_URL", httpserver.url_for(f"/{name.lower()}"))
        configured.setenv(f"{name}_WEBHOOK_SECRET", f"{name}-secret")
        httpserver.expect_request(f"/{name.lower()}").respond_with_data("", status=204)
    get_settings.cache_clear()
    row = ask(clinic, lacking, "portal")
    with clinic.writing() as tx:
        begin_preparation(tx, lacking.id)
        notify_pharmacy(tx, clinic.shop.pharmacy_id, {"event": "own"}, key="k", cycle_id=lacking.id)
        notify_pharmacy(tx, clinic.shop.pharmacy_id, {"event": "own"}, key="k", cycle_id=lacking.id)
    assert work(clinic) == 3
    for request, _ in httpserver.log:
        secret = request.path[1:].upper() + "-secret"
        stamp, body = request.headers["X-MedSync-Timestamp"], request.get_data()
        wanted = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        assert request.headers["X-MedSync-Signature"] == f"sha256={wanted}"
    (portal,) = (json.loads(body) for body in bodies(httpserver, "/portal"))
    assert (portal["event"], portal["id"], portal["request"]["patient"]) == (
        "renewal.requested", row.id, "Ada Example",
    )  # fmt: skip
    events = [json.loads(body) for body in bodies(httpserver, "/pharmacy")]
    (prepared,) = [event for event in events if event["event"] == "batch.preparing"]
    assert {line["rx_number"].split("-")[0] for line in prepared["items"]} == {
        "Lisinopril 10 MG", "Atorvastatin 20 MG",
    }  # fmt: skip
    assert len(events) == 2


def test_a_fax_waits_for_the_agreement_with_who_carries_it(
    clinic: Clinic, lacking: Batch, configured: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    ring_central(configured, httpserver)
    httpserver.expect_request(FAX).respond_with_json({"id": 4711})
    programs = programs_from(get_settings())
    configured.setattr(programs.posts[OutsideKind.FAX], "loopback", False)
    ask(clinic, lacking, "fax")
    assert hand_over(clinic.database, clinic.clock, programs) == 1
    assert [job.state for job in jobs(clinic)] == [OutsideState.QUEUED]
    assert "no agreement with RingCentral" in jobs(clinic)[0].reason
    assert "channel_down" in open_kinds(clinic)
    with clinic.database.transaction(SYSTEM, clinic.clock) as tx:
        set_agreement(tx, clinic.shop.pharmacy_id, Carrier.RINGCENTRAL, clinic.clock.now().date())
    clinic.clock.advance(timedelta(hours=1))
    assert hand_over(clinic.database, clinic.clock, programs) == 1
    assert renewal(clinic).state is RenewalState.SENT
    assert "channel_down" not in open_kinds(clinic)
