"""The chores every loop takes along; each decides by itself whether there is something to do."""

from collections.abc import Sequence

from medsync_app.engine.checks import Chore

_CHORES: list[Chore] = []


def register(chore: Chore) -> None:
    """Add a chore to every loop started after this; one of the same name is replaced."""
    _CHORES[:] = [known for known in _CHORES if known.name != chore.name]
    _CHORES.append(chore)


def usual_chores() -> Sequence[Chore]:
    """The registered chores."""
    return tuple(_CHORES)
