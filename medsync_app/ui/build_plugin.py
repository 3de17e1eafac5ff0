"""What MedSync changes in Reflex's front-end build: the page's own origin, and all packages in the lock."""

from typing import Unpack

from reflex.plugins import Plugin
from reflex_base.plugins.base import CommonContext, PreCompileContext

from medsync_app.ui import packages

STATE_MODULE = "utils/state.js"
# Reflex bakes its address into the build and replaces only the host name in the browser. Two ports (a test, an
# office with several servers) would need two builds, and an https port other than 443 could not work at all.
BAKED = "    endpoint.hostname = frontend_hostname;\n"
SAME_ORIGIN = BAKED + "    endpoint.port = window.location.port;\n"
BAKED_HTTPS = '      endpoint.port = ""; // Assume websocket is on https port via load balancer.\n'


def use_page_origin(source: str) -> str:
    """Return Reflex's state module with the page's own port as the back end's; may be applied again to its result.

    Raises RuntimeError when the module no longer has the lines this relies on (a new Reflex version).
    """
    if SAME_ORIGIN in source and BAKED_HTTPS not in source:
        return source
    if source.count(BAKED) != 1 or source.count(BAKED_HTTPS) != 1:
        raise RuntimeError(f"{STATE_MODULE} of this Reflex version is not the one build_plugin.py was written for.")
    return source.replace(BAKED, SAME_ORIGIN).replace(BAKED_HTTPS, "")


class BuildPlugin(Plugin):
    """Applies `use_page_origin` to every build, and asks for every package whether or not a page uses it today."""

    def get_frontend_dependencies(self, **context: Unpack[CommonContext]) -> tuple[str, ...]:
        return packages.ALL

    def pre_compile(self, **context: Unpack[PreCompileContext]) -> None:
        context["add_modify_task"](STATE_MODULE, use_page_origin)
