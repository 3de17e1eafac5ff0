"""Settings from the environment and `.env`: the only place that reads them."""

from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

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
        default=100, gt=0, le=1_000, description="Texts that one loop hands over in a second at most"
    )
    twilio_calls_per_second: float = Field(
        default=1, gt=0, le=100, description="Calls that one loop starts in a second at most (Twilio: 1)"
    )
    smtp_per_second: float = Field(
        default=10, gt=0, le=1_000, description="E-mails that one loop hands over in a second at most"
    )
    smtp_url: SecretStr | None = Field(default=None, description="smtp://user:password@host:port")
    smtp_from: str | None = Field(default=None, description="Sender address of e-mail")

    @field_validator("medsync_public_url", "twilio_api_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @property
    def live(self) -> bool:
        return self.medsync_send == "live"

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
