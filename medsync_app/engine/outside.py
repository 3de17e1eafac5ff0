"""Hands what is due to other programs: a chore of the loop, beside the messages to patients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from medsync_app.clock import Clock
from medsync_app.connections.asana import AsanaProject
from medsync_app.connections.outside import Board, Placed, Post
from medsync_app.connections.protocol import Failure, SendFailed
from medsync_app.connections.ringcentral import RingCentralFax
from medsync_app.connections.slack import SlackChannel
from medsync_app.connections.smtp import SmtpEmail
from medsync_app.connections.smtp.letters import MailedLetters
from medsync_app.connections.trello import TrelloList
from medsync_app.connections.webhook import SignedWebhook
from medsync_app.domain.states import OutsideKind
from medsync_app.engine.deliver import LOOP
from medsync_app.logs import get_logger
from medsync_app.services.agreements import why_not
from medsync_app.services.work_outside import OutsideCall, begin, record_done, record_failed, record_kept
from medsync_app.settings import Settings, get_settings
from medsync_app.store.repositories import outside
from medsync_app.store.session import Database

BATCH = 20


@dataclass(frozen=True, slots=True)
class Programs:
    """The other programs by kind; none in the sandbox."""

    boards: Mapping[OutsideKind, Board] = field(default_factory=lambda: dict[OutsideKind, Board]())
    posts: Mapping[OutsideKind, Post] = field(default_factory=lambda: dict[OutsideKind, Post]())
    hooks: Mapping[OutsideKind, SignedWebhook] = field(
        default_factory=lambda: dict[OutsideKind, SignedWebhook]()
    )

    def find(self, kind: OutsideKind) -> Board | Post | SignedWebhook | None:
        return self.boards.get(kind) or self.posts.get(kind) or self.hooks.get(kind)


def programs_from(settings: Settings) -> Programs:
    """The programs whose settings are complete; none while nothing is really sent."""
    if not settings.live:
        return Programs()
    made: Mapping[OutsideKind, Callable[[], Board | Post | SignedWebhook]] = {
        OutsideKind.SLACK: lambda: SlackChannel(
            token=_value(settings.slack_bot_token), channel=settings.slack_channel or "",
            webhook=_value(settings.slack_webhook_url), api_url=settings.slack_api_url,
        ),
        OutsideKind.ASANA: lambda: AsanaProject(
            token=_value(settings.asana_token), project=settings.asana_project or "",
            api_url=settings.asana_api_url,
        ),
        OutsideKind.TRELLO: lambda: TrelloList(
            key=settings.trello_key or "", token=_value(settings.trello_token),
            list_id=settings.trello_list or "", api_url=settings.trello_api_url,
        ),
        OutsideKind.FAX: lambda: RingCentralFax(
            client_id=settings.ringcentral_client_id or "", jwt=_value(settings.ringcentral_jwt),
            client_secret=_value(settings.ringcentral_client_secret), api_url=settings.ringcentral_api_url,
        ),
        OutsideKind.EMAIL_TO_FAX: lambda: _letters(settings, settings.fax_email_domain or ""),
        OutsideKind.EMAIL: lambda: _letters(settings, ""),
        OutsideKind.PORTAL: lambda: SignedWebhook(
            url=settings.portal_webhook_url or "", secret=_value(settings.portal_webhook_secret),
            who="The prescriber portal",
        ),
        OutsideKind.PHARMACY: lambda: SignedWebhook(
            url=settings.pharmacy_webhook_url or "", secret=_value(settings.pharmacy_webhook_secret),
            who="The pharmacy system",
        ),
    }  # fmt: skip
    found = {kind: make() for kind, make in made.items() if kind in settings.outside}
    return Programs(
        {
            kind: one
            for kind, one in found.items()
            if isinstance(one, SlackChannel | AsanaProject | TrelloList)
        },
        {kind: one for kind, one in found.items() if isinstance(one, RingCentralFax | MailedLetters)},
        {kind: one for kind, one in found.items() if isinstance(one, SignedWebhook)},
    )


def work_outside(db: Database, clock: Clock) -> int:
    """The chore: everything that is due, with the programs of the settings; gives how many calls were made."""
    settings = get_settings()
    return hand_over(db, clock, programs_from(settings), live=settings.live) if settings.outside else 0


def hand_over(db: Database, clock: Clock, programs: Programs = Programs(), *, live: bool = True) -> int:
    """Hand over what is due, one after another, each with a mark before and a record after the call.

    Not `live`: nothing leaves, and what would have gone is kept as sent.
    """
    with db.reading(LOOP, clock) as tx:
        waiting = outside.due_ids(tx, BATCH)
    return sum(_one(db, clock, programs, job_id, live=live) for job_id in waiting)


def _one(db: Database, clock: Clock, programs: Programs, job_id: str, *, live: bool) -> bool:
    with db.transaction(LOOP, clock) as tx:
        call = begin(tx, job_id)
    if call is None:
        return False
    program = programs.find(call.kind)
    leaves = program is not None and not program.loopback
    if not live or (call.is_demo and leaves):
        with db.transaction(LOOP, clock) as tx:
            record_kept(tx, call)
        return True
    try:
        if leaves and call.without is not None:
            raise SendFailed(Failure.CONFIGURATION, why_not(call.without), code="agreement")
        placed = _make(programs, call, clock)
    except SendFailed as failed:
        with db.transaction(LOOP, clock) as tx:
            record_failed(tx, call, failed)
        return True
    except Exception as error:
        get_logger().error("outside_failed", handler=call.kind.value, error_type=type(error).__name__)
        broken = SendFailed(Failure.IN_DOUBT, f"The connection broke ({type(error).__name__}).")
        with db.transaction(LOOP, clock) as tx:
            record_failed(tx, call, broken)
        return True
    with db.transaction(LOOP, clock) as tx:
        record_done(tx, call, placed)
    return True


def _make(programs: Programs, call: OutsideCall, clock: Clock) -> Placed:
    board = programs.boards.get(call.kind)
    if board is not None and call.news is not None:
        return board.place(call.news)
    if board is not None:
        board.finish(call.ref)
        return Placed(call.ref)
    post = programs.posts.get(call.kind)
    if post is not None and call.letter is not None:
        return post.send(call.letter, call.job_id)
    hook = programs.hooks.get(call.kind)
    if hook is not None:
        hook.post(call.event, call.job_id, clock.now())
        return Placed(call.job_id)
    raise SendFailed(Failure.CONFIGURATION, "Its settings are missing.", code="settings")


def _letters(settings: Settings, fax_domain: str) -> MailedLetters:
    sender = settings.smtp_from or ""
    mail = SmtpEmail(url=_value(settings.smtp_url), sender=sender)
    return MailedLetters(mail, sender=sender, fax_domain=fax_domain)


def _value(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
