"""Rows as an import will leave them: what was stored, what newer data makes of it, and whether that is a
change.
"""

from collections.abc import Mapping
from typing import Any

from medsync_app.services.import_tally import Outcome

Row = dict[str, Any]
_SEPARATOR = "#"


class Draft:
    """One row of a table during a chunk; `values` is how it will be."""

    __slots__ = ("_before", "values")

    def __init__(self, stored: Row | None, new: Row | None = None) -> None:
        """A stored row that may change, or a new one."""
        self._before = None if stored is None else dict(stored)
        self.values: Row = stored if stored is not None else dict(new or {})

    @property
    def is_new(self) -> bool:
        return self._before is None

    @property
    def before(self) -> Mapping[str, Any]:
        """The stored values, empty for a new row."""
        return self._before or {}

    @property
    def is_dirty(self) -> bool:
        """Whether anything must be written."""
        return self._before != self.values

    @property
    def outcome(self) -> Outcome:
        """What a person would see: a newer source of the same data is no change."""
        if self._before is None:
            return Outcome.ADDED
        same = all(self._before[key] == value for key, value in self.values.items() if key != "source_rank")
        return Outcome.UNCHANGED if same else Outcome.CHANGED

    def changed(self, key: str) -> bool:
        """Whether a stored value becomes another one."""
        return self._before is not None and self._before[key] != self.values[key]

    def take(self, values: Mapping[str, Any], rank: str, digest: str) -> bool:
        """Take over values of a source row unless the row holds newer ones; says whether the values were
        taken.

        Equal digests mean that the source says nothing new: what a person corrected since stays.
        """
        stored_rank, _, stored_digest = str(self.values.get("source_rank", "")).partition(_SEPARATOR)
        if rank < stored_rank:
            return False
        self.values["source_rank"] = f"{rank}{_SEPARATOR}{digest}"
        if digest == stored_digest:
            return False
        self.values.update(values)
        return True
