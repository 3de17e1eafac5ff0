"""Counts what an import did to distinct patients, prescriptions and fills, whatever chunk their rows were
in.
"""

from collections.abc import Hashable, Mapping
from enum import IntEnum
from typing import Any


class Outcome(IntEnum):
    """What became of one thing over the whole run; the larger one counts."""

    UNCHANGED = 0
    CHANGED = 1
    ADDED = 2
    #: Counted before the run was interrupted.
    COUNTED = 3


class Tally:
    """Distinct things by outcome; keeps a hash of each key, about 100 bytes."""

    def __init__(self, before: Mapping[str, Any] | None = None) -> None:
        self._seen: dict[int, Outcome] = {}
        self._counts = {
            outcome: int((before or {}).get(outcome.name.lower(), 0))
            for outcome in Outcome
            if outcome != Outcome.COUNTED
        }

    def mark(self, key: Hashable, outcome: Outcome) -> None:
        """Note the outcome of one row for the thing with that key."""
        digest = hash(key)
        before = self._seen.get(digest)
        if before is not None and before >= outcome:
            return
        self._seen[digest] = outcome
        if before is not None:
            self._counts[before] -= 1
        if outcome != Outcome.COUNTED:
            self._counts[outcome] += 1

    def counts(self) -> dict[str, int]:
        """{"added": n, "changed": n, "unchanged": n}."""
        return {
            "added": self._counts[Outcome.ADDED],
            "changed": self._counts[Outcome.CHANGED],
            "unchanged": self._counts[Outcome.UNCHANGED],
        }


class ImportTallies:
    """The tallies of one run, and the rows it has seen."""

    def __init__(self, before: Mapping[str, Any] | None = None) -> None:
        counts = before or {}
        self.patients = Tally(counts.get("patients"))
        self.prescriptions = Tally(counts.get("prescriptions"))
        self.fills = Tally(counts.get("fills"))
        self._rows: set[int] = set()

    def repeats(self, content: int) -> bool:
        """Whether an equal row was seen before in this run; remembers this one."""
        if content in self._rows:
            return True
        self._rows.add(content)
        return False
