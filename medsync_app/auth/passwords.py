"""Passwords: what a good one is, and hashing by Argon2id in a few threads of its own."""

import asyncio
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from medsync_app.errors import Invalid, Unavailable

MIN_LENGTH = 12
#: Longer ones are refused before they are hashed: no password is a megabyte.
MAX_LENGTH = 256
_FEWEST_DIFFERENT = 5
#: Each hash takes 64 MiB and a tenth of a second of one core: more at once would only starve everybody else.
_THREADS = 2
_MOST_WAITING = 20

_hasher = PasswordHasher()
_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="password")
_waiting = 0

#: A hash nobody's password has, with the costs of real ones: an unknown account takes as long as a wrong
#: password.
DUMMY_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$daCxPlgXMG3EqLIwAiHXig$9pkolWM2sggLP2nnh+JtDSgpRuRKKVbtbLdMp74XpdA"
)


def check_strength(password: str, *, email: str = "", name: str = "") -> None:
    """Raise Invalid unless the password is 12 to 256 characters and not the person's own name or address."""
    if len(password) < MIN_LENGTH:
        raise Invalid(
            f"Choose a password of {MIN_LENGTH} characters at least; a few words are fine.", "password"
        )
    if len(password) > MAX_LENGTH:
        raise Invalid(f"Choose a password of {MAX_LENGTH} characters at most.", "password")
    if len(set(password)) < _FEWEST_DIFFERENT:
        raise Invalid("Choose a password with more different characters.", "password")
    if password.casefold() in {email.casefold(), name.casefold()}:
        raise Invalid("Choose a password that is not your name or address.", "password")


def hash_password(password: str) -> str:
    """The Argon2id hash to keep. Takes about a tenth of a second: never on the event loop."""
    return _hasher.hash(_normal(password))


def matches(password_hash: str, password: str) -> bool:
    """True when the password is the one that was hashed. Never on the event loop."""
    if len(password) > MAX_LENGTH:
        return False
    try:
        return _hasher.verify(password_hash, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


async def matches_soon(password_hash: str, password: str) -> bool:
    """`matches` in the password threads; Unavailable when too many are waiting already."""
    global _waiting
    if _waiting >= _MOST_WAITING:
        raise Unavailable("Many people are signing in at this moment. Try again in a few seconds.")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool, matches, password_hash, password)
    finally:
        _waiting -= 1


async def hash_soon(password: str) -> str:
    """`hash_password` in the password threads."""
    return await asyncio.get_running_loop().run_in_executor(_pool, hash_password, password)


def new_password() -> str:
    """A password to hand to somebody: 96 random bits in four groups that can be read out."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


def _normal(password: str) -> str:
    """One form of a text that keyboards compose differently."""
    return unicodedata.normalize("NFKC", password)
