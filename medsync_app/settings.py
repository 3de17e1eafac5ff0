"""Settings from the environment and `.env`: the only place that reads them."""

from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from medsync_app.domain.states import OutsideKind

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class Settings(BaseSettings):
    """What the environment says. Secrets are `SecretStr`, so that no repr or log shows them."""

    model_config = SettingsConfigDict(env_file=ROOT / ".env", env_prefix="", extra="ignore", frozen=True)

    database_url: str = Field(
        default=f"sqlite:///{ROOT / 'data' / 'medsync.db'}",
        description="Where everything is kept: sqlite:///FILE or postgresql+psycopg://...",
    )
    redis_url: str | None = Field(default=None, description="Shared page state for several web workers")
    medsync_send: Literal["sandbox", "live"] = Field(default="sandbox", description="live really sends")
    medsync_public_url: str = Field(
        default="http://localhost:3000", description="The address people and providers reach MedSync at"
    )
    medsync_data_dir: Path = Field(default=ROOT / "data", description="Uploads, backups, local keys")
    medsync_loop: bool = Field(default=True, description="Run the background loop inside the web process")
    medsync_idle_minutes: int = Field(
        default=15, ge=1, le=24 * 60, description="Automatic logoff after idling"
    )
    medsync_proxy: bool = Field(
        default=False, description="A reverse proxy in front sets X-Forwarded-For: believe its last entry"
    )
    medsync_audit_key: SecretStr | None = Field(default=None, description="HMAC key of the audit log")
    medsync_backup_key: SecretStr | None = Field(default=None, description="Key (Fernet) of nightly backups")
    medsync_payload_days: int = Field(
        default=90, ge=1, le=3_650, description="Days for which what others sent is kept after it was worked"
    )
    medsync_log_level: Literal["debug", "info", "warning", "error"] = Field(default="info")
    medsync_staff_minutes: dict[str, float] = Field(
        default_factory=dict[str, float],
        description='Minutes per kind of work in simulate, as JSON: {"call_patient": 4, "hand.renewal": 6}',
    )
    twilio_account_sid: str | None = Field(default=None)
    twilio_auth_token: SecretStr | None = Field(default=None)
    twilio_from: str | None = Field(default=None, description="Sending number, E.164")
    twilio_messaging_service_sid: str | None = Field(default=None)
    twilio_voice_from: str | None = Field(
        default=None, description="Calling number, E.164: one that Twilio lets make calls"
    )
    twilio_api_url: str = Field(default="https://api.twilio.com", description="A local server in tests")
    twilio_messages_per_second: float = Field(
        default=100,
        gt=0,
        le=1_000,
        description="Texts handed over in a second at most, by all loops together",
    )
    twilio_calls_per_second: float = Field(
        default=1,
        gt=0,
        le=100,
        description="Calls started in a second at most, by all loops together (Twilio: 1)",
    )
    smtp_per_second: float = Field(
        default=10,
        gt=0,
        le=1_000,
        description="E-mails handed over in a second at most, by all loops together",
    )
    smtp_url: SecretStr | None = Field(default=None, description="smtp://user:password@host:port")
    smtp_from: str | None = Field(default=None, description="Sender address of e-mail")
    slack_bot_token: SecretStr | None = Field(
        default=None, description="Tasks go to Slack too: a bot's token"
    )
    slack_channel: str | None = Field(default=None, description="... and the channel's id")
    slack_webhook_url: SecretStr | None = Field(default=None, description="... or an incoming webhook alone")
    slack_api_url: str = Field(default="https://slack.com/api", description="A local server in tests")
    asana_token: SecretStr | None = Field(default=None, description="Tasks go to Asana too: a service token")
    asana_project: str | None = Field(default=None, description="... and the project's gid")
    asana_api_url: str = Field(default="https://app.asana.com/api/1.0", description="A local server in tests")
    trello_key: str | None = Field(default=None, description="Tasks go to Trello too: an API key")
    trello_token: SecretStr | None = Field(default=None, description="... a member's token")
    trello_list: str | None = Field(default=None, description="... and the list's id")
    trello_api_url: str = Field(default="https://api.trello.com/1", description="A local server in tests")
    ringcentral_client_id: str | None = Field(default=None, description="Renewal requests by fax")
    ringcentral_client_secret: SecretStr | None = Field(default=None)
    ringcentral_jwt: SecretStr | None = Field(default=None)
    ringcentral_api_url: str = Field(
        default="https://platform.ringcentral.com", description="A local server in tests"
    )
    fax_email_domain: str | None = Field(
        default=None, description="Renewal requests by e-mail to fax: NUMBER@this, such as efaxsend.com"
    )
    portal_webhook_url: str | None = Field(
        default=None, description="Renewal requests to a prescriber portal"
    )
    portal_webhook_secret: SecretStr | None = Field(default=None)
    pharmacy_webhook_url: str | None = Field(
        default=None, description="The pharmacy system is told which batches are prepared"
    )
    pharmacy_webhook_secret: SecretStr | None = Field(default=None)
    typeform_webhook_secret: SecretStr | None = Field(
        default=None, description="Requests to take part by Typeform: the secret of its webhook"
    )
    google_form_secret: SecretStr | None = Field(
        default=None, description="Requests to take part by a Google form: the secret of its script"
    )
    pharmacy_events_secret: SecretStr | None = Field(
        default=None, description="Events of the pharmacy system: the secret it signs them with"
    )
    pharmacy_events_secrets: dict[str, SecretStr] = Field(
        default_factory=dict[str, SecretStr],
        description='... of locations that have their own, by the end of their address: {"main": "SECRET"}',
    )

    @field_validator("medsync_public_url", "twilio_api_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    def events_secret(self, slug: str) -> str:
        """The secret of one location's events; "" when there is none."""
        secret = self.pharmacy_events_secrets.get(slug, self.pharmacy_events_secret)
        return secret.get_secret_value() if secret is not None else ""

    def own_events_secret(self, slug: str) -> str:
        """The secret that only this location's sender knows; "" when it has none of its own."""
        secret = self.pharmacy_events_secrets.get(slug)
        return secret.get_secret_value() if secret is not None else ""

    @property
    def live(self) -> bool:
        return self.medsync_send == "live"

    @property
    def outside(self) -> frozenset[OutsideKind]:
        """The programs besides the patient's channels whose settings are complete."""
        needed: dict[OutsideKind, tuple[object, ...]] = {
            OutsideKind.SLACK: (self.slack_webhook_url or (self.slack_bot_token and self.slack_channel),),
            OutsideKind.ASANA: (self.asana_token, self.asana_project),
            OutsideKind.TRELLO: (self.trello_key, self.trello_token, self.trello_list),
            OutsideKind.FAX: (
                self.ringcentral_client_id,
                self.ringcentral_client_secret,
                self.ringcentral_jwt,
            ),
            OutsideKind.EMAIL_TO_FAX: (self.smtp_url, self.smtp_from, self.fax_email_domain),
            OutsideKind.EMAIL: (self.smtp_url, self.smtp_from),
            OutsideKind.PORTAL: (self.portal_webhook_url, self.portal_webhook_secret),
            OutsideKind.PHARMACY: (self.pharmacy_webhook_url, self.pharmacy_webhook_secret),
        }
        return frozenset(kind for kind, values in needed.items() if all(values))

    @property
    def https(self) -> bool:
        return urlsplit(self.medsync_public_url).scheme == "https"


@lru_cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()


def is_loopback(url: str) -> bool:
    """True when the host of `url` is this machine's loopback interface."""
    return (urlsplit(url).hostname or "") in LOOPBACK_HOSTS
