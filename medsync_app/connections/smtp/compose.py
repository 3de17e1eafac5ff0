"""Puts an e-mail together: the text, the same as a page, a calendar entry, and the ways to unsubscribe."""

from datetime import UTC, timedelta
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import quote
from html import escape
from string import Template
from typing import Any

from medsync_app.connections.protocol import Outgoing, PickupEvent


class _Policy(EmailPolicy):
    """SMTP's, but for two headers.

    A long address to unsubscribe is neither folded nor encoded: some programs would not find it. The sender's name
    keeps its quotes: the library loses them where it folds, and a comma would make two senders of one.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name == "From":
            (sender,) = value.addresses
            value = f"{_phrase(sender.display_name, self.linesep)}<{sender.addr_spec}>"
        if name in ("From", "List-Unsubscribe"):
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


def _phrase(name: str, linesep: str) -> str:
    if not name.isascii():
        words = Header(name, "utf-8", maxlinelen=74, header_name="From")
        return f"{words.encode(linesep=linesep)}{linesep} "
    return f'"{quote(name)}" ' if name else ""


#: Lines with encoded words have at most 76 characters (RFC 2047, section 2).
POLICY = _Policy(linesep=SMTP.linesep, max_line_length=76)
_UNSUBSCRIBE = {"en": "Get no more of these e-mails", "es": "No recibir más estos correos"}
_PAGE = Template("""<!doctype html>
<html lang="$language"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$subject</title></head>
<body style="margin:0;background:#f4f6f8;color:#1b2733;font:16px/1.5 Arial,Helvetica,sans-serif">
<div style="max-width:34rem;margin:0 auto;padding:24px">
<div style="font-weight:bold;font-size:18px;padding-bottom:12px">$sender</div>
<div style="background:#ffffff;border-radius:8px;padding:20px 24px">
$paragraphs
</div>
$footer
</div></body></html>
""")


def compose_mail(message: Outgoing, sender: str, unsubscribe_url: str = "") -> EmailMessage:
    """The whole e-mail. ValueError or IndexError when an address cannot be used.

    `unsubscribe_url` works by one click of a mail program (RFC 8058) and leads a person to a page that asks.
    """
    mail = EmailMessage(policy=POLICY)
    mail["From"] = Address(display_name=_one_line(message.sender_name), addr_spec=sender)
    mail["To"] = Address(addr_spec=message.to)
    mail["Subject"] = _one_line(message.subject)
    mail["Message-ID"] = f"<{message.attempt_id}@medsync>"
    if message.reply_to:
        mail["Reply-To"] = Address(addr_spec=message.reply_to)
    by_mail = f"<mailto:{message.reply_to or sender}?subject=STOP>"
    mail["List-Unsubscribe"] = f"<{unsubscribe_url}>, {by_mail}" if unsubscribe_url else by_mail
    if unsubscribe_url.startswith("https://"):  # RFC 8058 knows no other
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = message.language
    words = _UNSUBSCRIBE.get(message.language, _UNSUBSCRIBE["en"])
    mail.set_content(message.body + (f"\n\n{words}: {unsubscribe_url}" if unsubscribe_url else ""))
    mail.add_alternative(_page(message, words, unsubscribe_url), subtype="html")
    if message.event is not None:
        mail.add_attachment(
            calendar(message.event).encode(), maintype="text", subtype="calendar", filename="pickup.ics",
            params={"method": "PUBLISH", "charset": "utf-8"},
        )  # fmt: skip
    return mail


def calendar(event: PickupEvent) -> str:
    """One day's entry (RFC 5545). The same `uid` with a higher `sequence` moves the entry that is there."""
    stamp = event.made_at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//MedSync//Pickup//EN", "METHOD:PUBLISH", "BEGIN:VEVENT",
        f"UID:{event.uid}", f"DTSTAMP:{stamp}", f"SEQUENCE:{event.sequence}",
        f"DTSTART;VALUE=DATE:{event.day:%Y%m%d}", f"DTEND;VALUE=DATE:{event.day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_value(event.summary)}", *([f"LOCATION:{_value(event.place)}"] if event.place else []),
        "TRANSP:TRANSPARENT", "STATUS:CONFIRMED", "END:VEVENT", "END:VCALENDAR",
    ]  # fmt: skip
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _page(message: Outgoing, words: str, unsubscribe_url: str) -> str:
    paragraphs = "\n".join(
        f'<p style="margin:0 0 12px">{escape(part).replace(chr(10), "<br>")}</p>'
        for part in message.body.split("\n\n")
        if part.strip()
    )
    footer = ""
    if unsubscribe_url:
        link = f'<a href="{escape(unsubscribe_url)}" style="color:#51606f">{escape(words)}</a>'
        footer = f'<p style="font-size:13px;padding-top:12px">{link}</p>'
    return _PAGE.substitute(
        language=escape(message.language), subject=escape(_one_line(message.subject)),
        sender=escape(message.sender_name), paragraphs=paragraphs, footer=footer,
    )  # fmt: skip


def _value(text: str) -> str:
    """A text value: marks that mean something there are escaped, other control characters become spaces."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    for mark in ("\\", ";", ","):
        plain = plain.replace(mark, f"\\{mark}")
    return plain


def _folded(line: str) -> str:
    """At most 75 octets a line, never through a character."""
    parts, room = [""], 75
    for character in line:
        if len((parts[-1] + character).encode()) > room:
            parts.append("")
            room = 74  # the space that says: goes on
        parts[-1] += character
    return "\r\n ".join(parts)


def _one_line(text: str) -> str:
    return " ".join(text.split())
