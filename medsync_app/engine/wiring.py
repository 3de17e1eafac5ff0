"""Chooses the connections by the settings: the sandbox, or the real ones (DESIGN.md decision 6)."""

from medsync_app.auth.unsubscribe import unsubscribe_token
from medsync_app.connections.guarded import GuardedConnection
from medsync_app.connections.protocol import Connections
from medsync_app.connections.sandbox import SandboxConnection
from medsync_app.connections.smtp import SmtpEmail
from medsync_app.connections.twilio import TwilioApi, TwilioSms, TwilioVoice
from medsync_app.domain.provider import Pace
from medsync_app.domain.states import Channel
from medsync_app.errors import Invalid
from medsync_app.settings import Settings

#: Where the API is mounted: providers call back below it.
API = "/api/v1"


def connections_from(settings: Settings) -> Connections:
    """The connection of each channel; a channel whose settings are missing has none."""
    if not settings.live:
        return {channel: SandboxConnection() for channel in Channel}
    result: Connections = _twilio(settings)
    public = settings.medsync_public_url + API
    if settings.smtp_url:
        if not settings.smtp_from:
            raise Invalid("Set SMTP_FROM to the sender's address of e-mails.", "SMTP_FROM")
        try:
            mail = SmtpEmail(
                url=settings.smtp_url.get_secret_value(), sender=settings.smtp_from,
                unsubscribe=lambda attempt: f"{public}/unsubscribe/{unsubscribe_token(attempt)}",
            )  # fmt: skip
        except ValueError as error:
            raise Invalid(
                "SMTP_URL cannot be read: write smtp://user:password@host:port.", "SMTP_URL"
            ) from error
        result[Channel.EMAIL] = GuardedConnection(mail, Pace(settings.smtp_per_second))
    return result


def _twilio(settings: Settings) -> Connections:
    """Texts and calls, each when there is a number it can come from."""
    if not (settings.twilio_account_sid and settings.twilio_auth_token):
        return {}
    api = TwilioApi(
        account_sid=settings.twilio_account_sid,
        auth_token=settings.twilio_auth_token.get_secret_value(),
        api_url=settings.twilio_api_url,
    )
    callback, result = settings.medsync_public_url + API, Connections()
    if settings.twilio_messaging_service_sid or settings.twilio_from:
        texts = TwilioSms(
            api, callback_url=callback, from_number=settings.twilio_from,
            messaging_service_sid=settings.twilio_messaging_service_sid,
        )  # fmt: skip
        result[Channel.SMS] = GuardedConnection(texts, Pace(settings.twilio_messages_per_second))
    if settings.twilio_voice_from:
        calls = TwilioVoice(api, callback_url=callback, from_number=settings.twilio_voice_from)
        result[Channel.VOICE] = GuardedConnection(calls, Pace(settings.twilio_calls_per_second))
    return result
