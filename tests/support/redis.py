"""A Redis server for the session."""

import subprocess
from collections.abc import Iterator

import pytest
import redis

from scripts.get_services import find_redis
from tests.support.ports import free_port, wait_until


def _answers(port: int) -> bool:
    with redis.Redis(port=port) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server that keeps nothing on disk. Fails when there is no redis-server."""
    binary = find_redis()
    assert binary is not None, "redis-server is missing: run `python scripts/get_services.py redis`"
    port = free_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    folder = tmp_path_factory.mktemp("redis")
    process = subprocess.Popen([binary, *options, "--dir", str(folder)], stdout=subprocess.DEVNULL)
    try:
        wait_until(
            lambda: _answers(port),
            seconds=10,
            what="Redis did not start",
            why_not=lambda: None if process.poll() is None else f"it ended with {process.returncode}",
        )
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)
