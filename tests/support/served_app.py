"""The real app in a process of its own: own port, own database, nothing sent."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest

from medsync_app.cli.frontend import ensure_built
from medsync_app.settings import ROOT
from tests.support.forms import SECRETS
from tests.support.ports import free_port, wait_until

START_SECONDS = 60
STOP_SECONDS = 15
_direct = build_opener(ProxyHandler({}))


@dataclass
class ServedApp:
    """One served app. `environment` overrides; change it and `restart()` for other settings.

    `module` is what is run: the app's commands, or something that runs them in other circumstances.
    """

    folder: Path
    demo: bool = False
    workers: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    module: str = "medsync_app"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def database_url(self) -> str:
        return self.environment.get("DATABASE_URL", f"sqlite:///{self.folder / 'medsync.db'}")

    @property
    def log(self) -> Path:
        """What the process wrote, over all its starts."""
        return self.folder / "server.log"

    def start(self) -> None:
        """Start the process and wait until it answers; AssertionError with its last words when it does
        not."""
        arguments = ["serve", "--port", str(self.port), "--workers", str(self.workers)]
        if not self.demo:
            arguments.append("--no-demo")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, *arguments],
                cwd=ROOT, env=self._environment(), stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        wait_until(
            self.answers, seconds=START_SECONDS, what="The app did not start", why_not=self._reason_of_its_end
        )

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; returns the exit code. Whatever is left of it after 15 s is killed."""
        assert self.process is not None, "the app was not started"
        process, self.process = self.process, None
        process.send_signal(how)
        try:
            return process.wait(STOP_SECONDS)
        finally:
            _kill_group(process.pid)

    def kill(self) -> None:
        """End the process and its workers with SIGKILL, as a power cut would."""
        assert self.process is not None, "the app was not started"
        process, self.process = self.process, None
        _kill_group(process.pid)
        process.wait(STOP_SECONDS)

    def restart(self) -> None:
        self.stop()
        self.start()

    def command(self, *arguments: str, stdin: str = "") -> Any:
        """Run another command of the app against the same database; gives the JSON that it prints."""
        done = subprocess.run(
            [sys.executable, "-m", self.module, *arguments],
            cwd=ROOT, env=self._environment(), input=stdin, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments[0]} ended with {done.returncode}:\n{done.stderr[-3000:]}"
        return json.loads(done.stdout)

    def answers(self) -> bool:
        try:
            with _direct.open(f"{self.url}/ping", timeout=2) as answer:
                return answer.status == 200
        except (URLError, ConnectionError, TimeoutError):
            return False

    def _environment(self) -> Mapping[str, str]:
        mine = {
            "DATABASE_URL": self.database_url,
            "MEDSYNC_DATA_DIR": str(self.folder),
            "MEDSYNC_SEND": "sandbox",
            "MEDSYNC_PUBLIC_URL": self.url,
        }
        return os.environ | mine | self.environment

    def _reason_of_its_end(self) -> str | None:
        assert self.process is not None
        if self.process.poll() is None:
            return None
        last_words = self.log.read_text("utf-8", errors="replace")[-3000:]
        return f"it ended with {self.process.returncode}:\n{last_words}"


def _kill_group(pid: int) -> None:
    """Kill the process group that `start` made for this app alone."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


ServeApp = Callable[..., ServedApp]


@pytest.fixture(scope="session")
def _front_end() -> None:
    """A built front end; built before the first server's time to start is counted."""
    ensure_built(sys.stderr)


@pytest.fixture(scope="session")
def serve_app(_front_end: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeApp]:
    """Starts further apps: `serve_app(demo=True, environment={...})`; they end with the session."""
    started: list[ServedApp] = []

    def serve(**options: object) -> ServedApp:
        app = ServedApp(tmp_path_factory.mktemp("served"), **options)  # pyright: ignore[reportArgumentType]
        app.start()
        started.append(app)
        return app

    yield serve
    for app in started:
        if app.process is not None:
            app.kill()


@pytest.fixture(scope="session")
def served_app(serve_app: ServeApp) -> ServedApp:
    """The app on an empty, migrated SQLite database; it knows the secrets of those who send forms."""
    return serve_app(environment=dict(SECRETS))


@pytest.fixture(scope="session")
def demo_app(serve_app: ServeApp) -> ServedApp:
    """The app with the demo pharmacy. Tests that change it must not rely on what others left."""
    return serve_app(demo=True)
