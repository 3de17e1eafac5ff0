"""Builds the front end: `python -m medsync_app.ui.build TARGET` leaves what the server needs in the folder
TARGET.

Run in a process of its own from the project's root (cli/frontend.py does), because compiling the pages
changes global state of Reflex that a serving process must not have.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from reflex.utils import export, path_ops, prerequisites
from reflex_base import constants
from reflex_base.environment import environment

# Packages and intermediate files stay where they were built; a server reads only the rest.
LEFT_BEHIND = shutil.ignore_patterns(
    "node_modules", ".react-router", "app", "app_components", "utils", "components"
)


def build(target: Path) -> None:
    """Build into Reflex's work folder and publish the result as `target`, at once or not at all.

    Builders in several processes wait for each other; one that finds `target` there does nothing.
    """
    environment.REFLEX_COMPILE_CONTEXT.set(constants.CompileContext.EXPORT)
    work = prerequisites.get_web_dir()
    with path_ops.file_lock(work):
        if target.exists():
            return
        if prerequisites.needs_reinit():
            prerequisites.initialize_reflex_user_directory()
            prerequisites.initialize_frontend_dependencies()
        export.export(zipping=False, frontend=True, backend=False)
        _settle_lock(Path(constants.Bun.ROOT_LOCKFILE_DIR) / constants.PackageJson.PATH)
        unfinished = target.with_name(f"{target.name}.{os.getpid()}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(work, unfinished, ignore=LEFT_BEHIND, symlinks=True)
        unfinished.rename(target)


def _settle_lock(package_json: Path) -> None:
    """Write the locked package.json in one order: npm's own depends on what was installed before."""
    content = json.loads(package_json.read_text("utf-8"))
    settled = json.dumps(content, indent=2, sort_keys=True) + "\n"
    if settled != package_json.read_text("utf-8"):
        package_json.write_text(settled, "utf-8")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
