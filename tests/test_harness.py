"""The harness itself: servers really run, foreign sockets are refused, marks follow from fixtures."""

import socket
import warnings

import psycopg
import pytest
import redis
from pytest_socket import SocketConnectBlockedError

from medsync_app.store.session import Database
from tests.conftest import marks_for


def test_a_socket_to_another_machine_is_refused() -> None:
    with (
        socket.socket() as client,
        pytest.warns(UserWarning, match="192.0.2.1"),
        pytest.raises(SocketConnectBlockedError),
    ):
        client.connect(("192.0.2.1", 80))


def test_a_loopback_socket_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()


def test_a_warning_is_an_error() -> None:
    with pytest.raises(UserWarning, match="careful"):
        warnings.warn("careful", stacklevel=1)


def test_marks_follow_from_the_fixtures_a_test_uses() -> None:
    assert marks_for(["redis_url", "clock", "serve_app"]) == {"redis", "e2e"}


def test_a_fresh_postgresql_database_is_migrated_and_alone(
    fresh_postgres_url: str, bare_postgres_url: str
) -> None:
    plain = fresh_postgres_url.replace("+psycopg", "")
    with psycopg.connect(plain) as connection:
        tables = connection.execute(
            "select count(*) from information_schema.tables where table_schema = 'public'"
        )
        assert (tables.fetchone() or (0,))[0] > 10
    with psycopg.connect(bare_postgres_url.replace("+psycopg", "")) as connection:
        tables = connection.execute(
            "select count(*) from information_schema.tables where table_schema = 'public'"
        )
        assert tables.fetchone() == (0,)
    database = Database(fresh_postgres_url)
    assert not database.is_sqlite
    database.dispose()


def test_redis_keeps_what_it_is_told(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.set("harness", "works", ex=5)
        assert client.get("harness") == b"works"
