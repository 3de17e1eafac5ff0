"""The session cookie among whatever else a browser sends."""

import pytest

from medsync_app.auth.sessions import cookie_name, hash_secret, new_secret, secret_from_cookies
from medsync_app.settings import Settings

PLAIN = Settings(medsync_public_url="http://localhost:3000")
SECURE = Settings(medsync_public_url="https://medsync.example.com")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("medsync=abc", "abc"),
        ("a=1; medsync=abc; b=2", "abc"),
        ("odd name{}=1; medsync=abc", "abc"),
        ('medsync="abc"', "abc"),
        ("medsync=first; medsync=second", "first"),
        ("medsync=", None),
        ("xmedsync=abc", None),
        ("__Host-medsync=abc", None),
        ("", None),
        ("medsync", None),
        ("a=1;" * 10_000 + "medsync=abc", None),
    ],
)
def test_the_secret_is_found(header: str, found: str | None) -> None:
    assert secret_from_cookies(header, PLAIN) == found


def test_over_https_only_the_host_bound_cookie_counts() -> None:
    assert cookie_name(SECURE) == "__Host-medsync"
    assert secret_from_cookies("medsync=evil; __Host-medsync=abc", SECURE) == "abc"
    assert secret_from_cookies("medsync=evil", SECURE) is None


def test_secrets_are_256_bits_and_kept_as_a_hash() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(new_secret()) == 43
    assert hash_secret("a") != hash_secret("b")
