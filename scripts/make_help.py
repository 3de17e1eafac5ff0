"""Lists the targets of the Makefile with what they do."""

import re
from pathlib import Path


def targets(makefile: str) -> list[tuple[str, str]]:
    """The documented targets (`name: ... ## what it does`) in their order."""
    return re.findall(r"^([a-z0-9-]+):[^#\n]*## (.+)$", makefile, flags=re.MULTILINE)


if __name__ == "__main__":
    for name, purpose in targets((Path(__file__).parent.parent / "Makefile").read_text("utf-8")):
        print(f"  make {name:<12} {purpose}")
