"""Makes `.venv` and installs the requirements into it; does nothing, and needs no network, when nothing
changed.

Runs under any Python >= 3.11 with the standard library only. `--dev` adds the tools of tests and checks.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 11)


def venv_python() -> Path:
    """The interpreter inside `.venv`."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def stamp_text(requirements: Path) -> str:
    """What the stamp of an installed requirements file says: the file's content and the Python it was
    installed for."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    return f"{sys.version_info.major}.{sys.version_info.minor} {digest}\n"


def install(requirements: Path) -> None:
    """Install one requirements file unless its stamp says that it is installed; exits when pip fails."""
    stamp = VENV / f"{requirements.stem}.stamp"
    wanted = stamp_text(requirements)
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    print(f"Installing {requirements.name} ...", flush=True)
    pip = [str(venv_python()), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--requirement", str(requirements)], check=False)
    if done.returncode != 0:
        sys.exit(f"{requirements.name} could not be installed; the lines above say why.")
    stamp.write_text(wanted, "utf-8")


def main() -> None:
    if sys.version_info < OLDEST:
        sys.exit(f"MedSync needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}.")
    if not venv_python().exists():
        venv.create(VENV, with_pip=True)
    install(ROOT / "requirements.txt")
    if "--dev" in sys.argv[1:]:
        install(ROOT / "requirements-dev.txt")


if __name__ == "__main__":
    main()
