"""Twilio's connections are tested against a real HTTP server."""

from collections.abc import Iterator

import pytest

from tests.support.fake_twilio import FakeTwilio


@pytest.fixture
def provider() -> Iterator[FakeTwilio]:
    with FakeTwilio().running() as fake:
        yield fake
