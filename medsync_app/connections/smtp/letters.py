"""Letters to prescribers by e-mail, and by e-mail to a fax service, with the PDF attached."""

from email.headerregistry import Address
from email.message import EmailMessage

from medsync_app.connections.outside import Letter, Placed
from medsync_app.connections.smtp import SmtpEmail, usable_address
from medsync_app.connections.smtp.compose import POLICY


class MailedLetters:
    """Letters through the pharmacy's mail server; with `fax_domain` `to` is a fax number there."""

    def __init__(self, mail: SmtpEmail, *, sender: str, fax_domain: str = "") -> None:
        self._mail, self._sender, self._fax_domain = mail, sender, fax_domain
        self.loopback = mail.loopback

    def send(self, letter: Letter, job_id: str) -> Placed:
        to = usable_address(
            f"{letter.to.removeprefix('+')}@{self._fax_domain}" if self._fax_domain else letter.to
        )
        mail = EmailMessage(policy=POLICY)
        mail["From"] = Address(display_name=" ".join(letter.sender_name.split()), addr_spec=self._sender)
        mail["To"] = Address(addr_spec=to)
        mail["Subject"] = " ".join(letter.subject.split())
        mail["Message-ID"] = f"<{job_id}@medsync>"
        if letter.reply_to:
            mail["Reply-To"] = Address(addr_spec=letter.reply_to)
        mail.set_content(letter.text)
        mail.add_attachment(letter.pdf, maintype="application", subtype="pdf", filename="renewal.pdf")
        self._mail.hand_over(to, mail)
        return Placed(f"<{job_id}@medsync>")
