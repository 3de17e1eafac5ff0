"""How long a sign-in must wait after failed ones: the delay doubles, for an account and for where they come
from.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from medsync_app.errors import MedSyncError

#: Failures older than this are forgotten.
WINDOW = timedelta(hours=1)


class Throttled(MedSyncError):
    """Too many sign-ins failed: wait. Told to anybody alike, whether the account exists or not."""

    code = "throttled"

    def __init__(self, wait: timedelta) -> None:
        super().__init__("Too many sign-ins failed. Wait a few minutes and try again.")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Limit:
    """So many failures are free; from then on the wait is one second, doubled with each, up to `longest`."""

    free: int
    longest: timedelta

    def wait(self, failed: int, last: datetime | None, now: datetime) -> timedelta:
        """How long from `now` until the next try is heard (zero or more); `last` is the newest failure."""
        if failed < self.free or last is None:
            return timedelta(0)
        delay = min(timedelta(seconds=2 ** min(failed - self.free, 20)), self.longest)
        return max(timedelta(0), last + delay - now)


#: An account: somebody guessing is stopped, the person locked out by it waits five minutes at most.
ACCOUNT = Limit(free=5, longest=timedelta(minutes=5))
#: A source may be a whole shop behind one router: more is free, and the wait may grow longer.
SOURCE = Limit(free=20, longest=timedelta(minutes=15))


def keyed_hash(kind: str, text: str, key: bytes) -> str:
    """What is kept of an address or source: equal for equal ones, and useless to who cannot read the key."""
    return hmac.new(key, f"{kind}:{text}".encode(), hashlib.sha256).hexdigest()
