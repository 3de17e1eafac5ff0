"""Gets what the tests need beside Python: a Chromium and a Redis server. Says plainly what it could not get,
and fails.

Names on the command line choose (`chromium`, `redis`); without any, all. PostgreSQL comes with the
requirements.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

APT = {"chromium": "chromium", "redis": "redis-server"}


def find_system_chromium() -> str | None:
    """The path of the system's Chromium."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def find_chromium() -> str | None:
    """The path of a usable Chromium: the system's, else the one Playwright installed for itself."""
    if found := find_system_chromium():
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def find_redis() -> str | None:
    """The path of a Redis server."""
    return shutil.which("redis-server")


def _apt_install(package: str) -> bool:
    """Install a Debian package; only root on a machine with apt-get can."""
    if shutil.which("apt-get") is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
        subprocess.run(["apt-get", *arguments], env=environment, check=False, stdout=subprocess.DEVNULL)
    return True


def _playwright_install() -> None:
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def get(name: str, find: Callable[[], str | None]) -> str | None:
    """Find `name`, installing it when it is missing; returns what is still wrong, or None."""
    if find() is not None:
        return None
    _apt_install(APT[name])
    if find() is None and name == "chromium":
        _playwright_install()
    if find() is None:
        return (
            f"{name} is missing and could not be installed. Install it (Debian: apt-get install {APT[name]})."
        )
    return None


FINDERS: dict[str, Callable[[], str | None]] = {"chromium": find_chromium, "redis": find_redis}

if __name__ == "__main__":
    names = sys.argv[1:] or list(FINDERS)
    problems = [problem for name in names if (problem := get(name, FINDERS[name]))]
    if problems:
        sys.exit("The tests cannot run:\n" + "\n".join(f"- {problem}" for problem in problems))
