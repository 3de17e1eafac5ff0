"""E-mail by SMTP, one attempt per call."""

import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

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

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


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
        self.loopback = parts.hostname in _LOOPBACK

    def send(self, message: Outgoing) -> Accepted:
        try:
            local, at, domain = message.to.rpartition("@")
            message = replace(message, to=f"{local}{at}{domain.encode('idna').decode()}")
            mail = compose_mail(message, self._sender, self._unsubscribe(message.attempt_id))
        except (ValueError, IndexError) as error:
            raise SendFailed(
                Failure.PERMANENT, "The e-mail address cannot be used.", code="address", bad_address=True
            ) from error
        self.hand_over(message.to, mail)
        return Accepted(f"<{message.attempt_id}@medsync>")

    def hand_over(self, to: str, mail: EmailMessage) -> None:
        """Give one e-mail to the server, once; SendFailed when it does not take it."""
        server = self._connect()
        handed_over = False
        try:
            self._log_in(server)
            _command(server.mail(self._sender), final=Failure.CONFIGURATION)
            _command(server.rcpt(to), bad_address=True)
            handed_over = True
            code, _ = server.data(mail.as_bytes(policy=POLICY))
            if not 200 <= code < 300:
                raise _refused(code)
        except smtplib.SMTPDataError as error:
            raise _refused(error.smtp_code) from None  # answered: not accepted
        except smtplib.SMTPAuthenticationError as error:
            raise SendFailed(
                Failure.CONFIGURATION, "The mail server refused our sign-in.", code=str(error.smtp_code)
            ) from None
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
                return smtplib.SMTP_SSL(
                    self._host, self._port, timeout=self._seconds, context=ssl.create_default_context()
                )
            return smtplib.SMTP(self._host, self._port, timeout=self._seconds)
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


def _command(
    answer: tuple[int, bytes], *, final: Failure = Failure.PERMANENT, bad_address: bool = False
) -> None:
    code, _ = answer
    if not 200 <= code < 300:
        raise _refused(code, final=final, bad_address=bad_address)


def _refused(code: int, *, final: Failure = Failure.PERMANENT, bad_address: bool = False) -> SendFailed:
    """5xx is final, 4xx asks to come back; 530 and 535 say that we are not signed in."""
    if code in (530, 534, 535):
        return SendFailed(Failure.CONFIGURATION, "The mail server wants us to sign in.", code=str(code))
    failure = final if code >= 500 else Failure.TRANSIENT
    bad = bad_address and failure is Failure.PERMANENT
    return SendFailed(failure, f"The mail server answered {code}.", code=str(code), bad_address=bad)


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
