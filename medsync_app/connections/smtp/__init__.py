"""E-mail by SMTP, one attempt per call."""

import re
import smtplib
import ssl
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

from medsync_app.connections.http import is_loopback
from medsync_app.connections.protocol import (
    CALL_SECONDS,
    Accepted,
    Failure,
    Found,
    LookUpFailed,
    Outgoing,
    SendFailed,
)
from medsync_app.connections.smtp.compose import POLICY, compose_mail

#: Refusals of a recipient (RFC 5321) and what they are about (RFC 3463) that say: no such mailbox, now or later.
_NO_MAILBOX = frozenset({550, 551, 553, 556})
_NO_MAILBOX_ABOUT = re.compile(r"5\.(1\.(?!7|8)\d+|2\.1)")
_ABOUT = re.compile(r"[45]\.\d{1,3}\.\d{1,3}")
#: Security and policy: at this point of the conversation it is we who may not send through that server.
_POLICY = re.compile(r"5\.7\.\d+")


class _InTime(smtplib.SMTP):
    """Gives up when the whole conversation takes longer than its time-out: a lease must outlast it."""

    def __init__(self, *place: Any, timeout: float, **more: Any) -> None:
        self._ends = time.monotonic() + timeout
        super().__init__(*place, timeout=timeout, **more)

    def getreply(self) -> tuple[int, bytes]:
        if self.sock is not None:
            self.sock.settimeout(max(0.001, self._ends - time.monotonic()))
        return super().getreply()


class _InTimeTls(_InTime, smtplib.SMTP_SSL):
    """The same, encrypted from the start."""


class SmtpEmail:
    """E-mails through one mail server (`smtp://` with STARTTLS when it is offered, or `smtps://`)."""

    live = True
    #: A mail server cannot be asked what it accepted: a doubt goes to a person.
    can_look_up = False

    def __init__(
        self,
        *,
        url: str,
        sender: str,
        unsubscribe: Callable[[str], str] = lambda _: "",
        seconds: float = CALL_SECONDS,
    ) -> None:
        """`unsubscribe` gives, for an attempt, the address that ends these e-mails; ValueError for a bad url."""
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("SMTP_URL is smtp://user:password@host:port or smtps://...")
        self._tls_from_start = parts.scheme == "smtps"
        self._host, self._port = parts.hostname, parts.port or (465 if self._tls_from_start else 587)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else ""
        self._sender, self._seconds = sender, seconds
        self._unsubscribe = unsubscribe
        self.loopback = is_loopback(url)

    def send(self, message: Outgoing) -> Accepted:
        to = usable_address(message.to)
        with _composing():
            mail = compose_mail(replace(message, to=to), self._sender, self._unsubscribe(message.attempt_id))
        self.hand_over(to, mail)
        return Accepted(f"<{message.attempt_id}@medsync>")

    def hand_over(self, to: str, mail: EmailMessage) -> None:
        """Give one e-mail to the server, once; SendFailed when it does not take it."""
        with _composing():
            text = mail.as_bytes(policy=POLICY)
        server = self._connect()
        handed_over = False
        try:
            self._log_in(server)
            _command(server.mail(self._sender), _of_sender)
            _command(server.rcpt(to), _of_recipient)
            handed_over = True
            _command(server.data(text), _refused)
        except smtplib.SMTPDataError as error:
            raise _refused(error.smtp_code) from None  # answered: not accepted
        except smtplib.SMTPAuthenticationError as error:
            raise _refused(error.smtp_code, final=Failure.CONFIGURATION) from None
        except (smtplib.SMTPException, OSError) as error:
            raise _lost(error, handed_over) from None
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()

    def look_up(self, to: str, since: datetime) -> list[Found]:
        raise LookUpFailed("A mail server cannot be asked.")

    def _connect(self) -> smtplib.SMTP:
        try:
            if self._tls_from_start:
                context = ssl.create_default_context()
                return _InTimeTls(self._host, self._port, timeout=self._seconds, context=context)
            return _InTime(self._host, self._port, timeout=self._seconds)
        except ssl.SSLError as error:
            raise SendFailed(
                Failure.CONFIGURATION, "The mail server's certificate was refused.", code="tls"
            ) from error
        except smtplib.SMTPConnectError as error:
            raise _refused(error.smtp_code) from None
        except (OSError, smtplib.SMTPException) as error:
            raise SendFailed(
                Failure.TRANSIENT, "The mail server could not be reached.", code="not_connected"
            ) from error

    def _log_in(self, server: smtplib.SMTP) -> None:
        server.ehlo_or_helo_if_needed()
        if not self._tls_from_start and server.has_extn("starttls"):
            # On this machine a certificate for "localhost" is nobody's: the connection does not leave it.
            context = ssl.create_default_context()
            if self.loopback:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            try:
                server.starttls(context=context)
            except ssl.SSLError as error:
                raise SendFailed(
                    Failure.CONFIGURATION, "The mail server's certificate was refused.", code="tls"
                ) from error
            server.ehlo()
        if self._user is not None:
            server.login(self._user, self._password)


def usable_address(address: str) -> str:
    """The address as mail servers take it, its domain in ASCII; SendFailed when it is none."""
    local, at, domain = address.rpartition("@")
    try:
        return Address(addr_spec=f"{local}{at}{domain.encode('idna').decode()}").addr_spec
    except (ValueError, IndexError):
        raise SendFailed(
            Failure.PERMANENT, "The e-mail address cannot be used.", code="address", bad_address=True
        ) from None


@contextmanager
def _composing() -> Generator[None]:
    """What cannot be put together although the recipient is right is ours: our sender's or reply address."""
    try:
        yield
    except (ValueError, IndexError):
        raise SendFailed(
            Failure.CONFIGURATION, "The sender's or the reply address cannot be used.", code="sender"
        ) from None


def _command(answer: tuple[int, bytes], refused: Callable[[int, str], SendFailed]) -> None:
    code, words = answer
    if not 200 <= code < 300:
        about = _ABOUT.match(words.decode(errors="replace"))
        raise refused(code, about[0] if about else "")


def _refused(
    code: int, about: str = "", final: Failure = Failure.PERMANENT, *, bad_address: bool = False
) -> SendFailed:
    """5xx is final, 4xx asks to come back; 530, 534 and 535 say that we are not signed in."""
    said = f"{code} {about}".strip()
    if code in (530, 534, 535):
        return SendFailed(Failure.CONFIGURATION, "The mail server wants us to sign in.", code=said)
    failure = final if code >= 500 else Failure.TRANSIENT
    bad = bad_address and failure is Failure.PERMANENT
    return SendFailed(failure, f"The mail server answered {said}.", code=said, bad_address=bad)


def _of_sender(code: int, about: str) -> SendFailed:
    return _refused(code, about, Failure.CONFIGURATION)


def _of_recipient(code: int, about: str) -> SendFailed:
    """A full mailbox is one that exists; a matter of policy is our account's, or all patients would be struck off."""
    if _POLICY.fullmatch(about):
        return _refused(code, about, Failure.CONFIGURATION)
    known_gone = _NO_MAILBOX_ABOUT.fullmatch(about) if about else code in _NO_MAILBOX
    return _refused(code, about, bad_address=bool(known_gone))


def _lost(error: Exception, handed_over: bool) -> SendFailed:
    """Before the text was handed over nothing can have been accepted; after it nobody knows."""
    if handed_over:
        return SendFailed(
            Failure.IN_DOUBT, "The connection was lost while the e-mail was handed over.", code="answer_lost"
        )
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return SendFailed(
            Failure.CONFIGURATION, "The mail server does not support what we need.", code="support"
        )
    return SendFailed(Failure.TRANSIENT, "The connection to the mail server was lost.", code="not_connected")
