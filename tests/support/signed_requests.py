"""The API as Twilio reaches it: a client of the real routes, and requests that carry a true signature."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from twilio.request_validator import RequestValidator

from medsync_app.settings import Settings, get_settings
from medsync_app.store.session import Database, get_database
from medsync_app.web.api import build_api

TOKEN = "the-token"
PUBLIC = "https://shop.example"


@contextmanager
def api_client(
    database: Database, behind: Callable[[ASGIApp], ASGIApp] = lambda api: api
) -> Iterator[TestClient]:
    """The API on this database, at `PUBLIC`, with `TOKEN` as Twilio's; `behind` puts a middleware before it."""
    settings = Settings(
        _env_file=None, medsync_public_url=PUBLIC, twilio_auth_token=SecretStr(TOKEN)  # type: ignore[call-arg]
    )  # fmt: skip
    api = build_api()
    api.dependency_overrides[get_database] = lambda: database
    api.dependency_overrides[get_settings] = lambda: settings
    with TestClient(behind(api), raise_server_exceptions=False) as client:
        yield client


def signed(url: str, fields: Mapping[str, str], token: str = TOKEN) -> dict[str, str]:
    """The headers that Twilio sends with these fields to this address."""
    return {"X-Twilio-Signature": RequestValidator(token).compute_signature(url, dict(fields))}


def post_signed(
    client: TestClient, path: str, fields: Mapping[str, str], token: str = TOKEN, signed_for: str = ""
) -> Any:
    """Post to a path of the API, signed for it or for another one."""
    headers = signed(f"{PUBLIC}/api/v1{signed_for or path}", fields, token)
    return client.post(path, data=dict(fields), headers=headers)
