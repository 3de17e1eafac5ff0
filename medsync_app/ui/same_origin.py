"""A build plugin: makes the built front end talk to the address it was loaded from, whatever host or port
that is."""

from typing import Unpack

from reflex.plugins import Plugin
from reflex_base.plugins.base import PreCompileContext

STATE_MODULE = "utils/state.js"
# Reflex bakes its address into the build and replaces only the host name in the browser. Two ports (a test,
# an office with several servers) would need two builds, and an https port other than 443 could not work at
# all.
BAKED = "    endpoint.hostname = frontend_hostname;\n"
SAME_ORIGIN = BAKED + "    endpoint.port = window.location.port;\n"
BAKED_HTTPS = '      endpoint.port = ""; // Assume websocket is on https port via load balancer.\n'


def use_page_origin(source: str) -> str:
    """Return Reflex's state module with the page's own port as the back end's; may be applied again to its
    result.

    Raises RuntimeError when the module no longer has the lines this relies on (a new Reflex version).
    """
    if SAME_ORIGIN in source and BAKED_HTTPS not in source:
        return source
    if source.count(BAKED) != 1 or source.count(BAKED_HTTPS) != 1:
        raise RuntimeError(
            f"{STATE_MODULE} of this Reflex version is not the one same_origin.py was written for."
        )
    return source.replace(BAKED, SAME_ORIGIN).replace(BAKED_HTTPS, "")


class SameOriginPlugin(Plugin):
    """Applies `use_page_origin` to every build."""

    def pre_compile(self, **context: Unpack[PreCompileContext]) -> None:
        context["add_modify_task"](STATE_MODULE, use_page_origin)
