"""Builds the front end when its sources changed (part of `make setup`)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from medsync_app.cli.frontend import ensure_built
from medsync_app.errors import MedSyncError

if __name__ == "__main__":
    try:
        ensure_built(sys.stderr)
    except MedSyncError as error:
        sys.exit(f"error: {error.message}")
