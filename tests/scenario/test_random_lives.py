"""Random lives: whatever people do in whatever order, no patient is told something wrong and none is forgotten.

MEDSYNC_PROPERTY_EXAMPLES=200 lives as many lives; a breach names its seed and tells all that happened before.
"""

import os
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest

from medsync_app.services.record_outcome import steady_jitter
from medsync_app.store.ids import counted_ids
from medsync_app.store.session import Database
from tests.support.life_acts import act
from tests.support.life_rules import look
from tests.support.life_texts import Ear
from tests.support.lives import Life, begin, pass_time

pytestmark = pytest.mark.slow

_ACTS = 60
_SEEDS = range(4, 4 + int(os.environ.get("MEDSYNC_PROPERTY_EXAMPLES", "4")))
#: Lived on SQLite and on PostgreSQL.
_EVERYWHERE = 1
_HOURS = (1, 3, 7, 24, 24, 48, 120)


@pytest.fixture(autouse=True)
def _the_same_every_time() -> Generator[None]:
    with counted_ids():
        steady_jitter("lives")
        yield


def live(seed: int, database: Database, folder: Path, acts: int = _ACTS) -> Life:
    """One life; AssertionError tells what broke, after which acts."""
    life = Life(seed, database, folder)
    life.hear = Ear().hear
    try:
        begin(life)
        look(life)
        for _ in range(acts):
            act(life)
            look(life)
            if life.luck.random() < 0.5:
                pass_time(life, timedelta(hours=life.luck.choice(_HOURS)), look)
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error!r}\n" + "\n".join(life.story)) from error
    return life


@pytest.mark.both_databases
def test_a_life_is_the_same_on_both_databases(database: Database, tmp_path: Path) -> None:
    live(_EVERYWHERE, database, tmp_path, acts=25)


@pytest.mark.parametrize("seed", _SEEDS)
def test_a_life_of_any_acts_in_any_order_keeps_the_promises(
    seed: int, database: Database, tmp_path: Path
) -> None:
    live(seed, database, tmp_path)
