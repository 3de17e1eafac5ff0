"""`serve`: brings the schema up to date, loads the demo into an empty database, builds what changed and runs
the app."""

import argparse
import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TextIO, cast

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from medsync_app.cli.frontend import ensure_built, tool_environment
from medsync_app.errors import Invalid
from medsync_app.settings import ROOT, get_settings

APP = "medsync_app.medsync_app:app"
# Long enough for a send in flight to be recorded (client time-out 10 s), short enough for a deploy.
STOP_SECONDS = 10


class _Demo(Protocol):
    def load_if_empty(self, url: str) -> Sequence[str]: ...


def run(argv: list[str], stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Serve until SIGINT or SIGTERM; returns 0 then. Wrong options exit with 2, a failed build raises
    Unavailable."""
    options = _options(argv)
    _prepare_environment(options.port)
    settings = get_settings()
    if options.workers > 1 and not settings.redis_url:
        raise Invalid(
            "Several workers share what people see through Redis: set REDIS_URL, or use --workers 1."
        )
    _prepare_database(settings.database_url, options.demo, stderr)
    _use_build(ensure_built(stderr))
    print(f"MedSync is at {settings.medsync_public_url} (stop with Ctrl C)", file=stderr, flush=True)
    _serve(options)
    return 0


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m medsync_app serve", description="Run MedSync.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine only)"
    )
    parser.add_argument("--port", type=int, default=3000, help="port to listen on")
    parser.add_argument("--workers", type=int, default=1, help="processes; more than one needs REDIS_URL")
    parser.add_argument("--no-demo", dest="demo", action="store_false", help="leave an empty database empty")
    return parser.parse_args(argv)


def _prepare_environment(port: int) -> None:
    """Settle what every module reads from the environment, before the first of them is imported.

    The default public address follows --port; one that was set (environment or .env) stays.
    """
    if get_settings().medsync_public_url == "http://localhost:3000" and port != 3000:
        os.environ["MEDSYNC_PUBLIC_URL"] = f"http://localhost:{port}"
        get_settings.cache_clear()
    os.environ.update(tool_environment())
    os.chdir(ROOT)


def _prepare_database(url: str, demo: bool, stderr: TextIO) -> None:
    migrate = importlib.import_module("medsync_app.store.migrate")
    migrate.upgrade(url)
    if demo:
        loader = cast(_Demo, importlib.import_module("medsync_app.demo"))
        for line in loader.load_if_empty(url):
            print(line, file=stderr, flush=True)


def _use_build(folder: Path) -> None:
    """Tell Reflex to serve `folder` as it is; the double underscores are Reflex's mark of its internal
    settings."""
    os.environ["REFLEX_WEB_WORKDIR"] = str(folder.relative_to(ROOT))
    os.environ["REFLEX_ENV_MODE"] = "prod"
    os.environ["__REFLEX_SKIP_COMPILE"] = "true"
    os.environ["__REFLEX_MOUNT_FRONTEND_COMPILED_APP"] = "true"


def _serve(options: argparse.Namespace) -> None:
    server = Server(
        target=APP,
        factory=True,
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI,
        workers=options.workers,
        workers_kill_timeout=STOP_SECONDS,
        respawn_failed_workers=True,
        log_level=LogLevels.warning,
    )
    server.serve()
