"""How Reflex builds and serves MedSync."""

from urllib.parse import urlsplit

import reflex as rx
from reflex.plugins.sitemap import SitemapPlugin
from reflex_base.constants.state import StateManagerMode

from medsync_app.settings import LOOPBACK_HOSTS, get_settings
from medsync_app.ui import packages
from medsync_app.ui.same_origin import SameOriginPlugin


def allowed_origins(public_url: str) -> list[str]:
    """The origins whose pages may open the event socket: the public one, and on loopback every spelling of
    it."""
    parts = urlsplit(public_url)
    if (parts.hostname or "") not in LOOPBACK_HOSTS:
        return [f"{parts.scheme}://{parts.netloc}"]
    port = f":{parts.port}" if parts.port else ""
    return [f"{parts.scheme}://{host}{port}" for host in ("localhost", "127.0.0.1", "[::1]")]


settings = get_settings()

config = rx.Config(
    app_name="medsync_app",
    # Port and host here only have to be loopback: SameOriginPlugin lets the page use the address it came
    # from.
    api_url="http://localhost:3000",
    deploy_url=settings.medsync_public_url,
    cors_allowed_origins=allowed_origins(settings.medsync_public_url),
    redis_url=settings.redis_url,
    # Never the default "disk": it would pickle what a signed-in person sees into files.
    state_manager_mode=StateManagerMode.REDIS if settings.redis_url else StateManagerMode.MEMORY,
    telemetry_enabled=False,
    show_built_with_reflex=False,
    frontend_packages=list(packages.ALL),
    # The libraries that only dynamic components need (none here: they need eval) stay out of every page's
    # first load.
    frontend_lazy_bundled_libraries=True,
    plugins=[rx.plugins.RadixThemesPlugin(), SameOriginPlugin()],
    disable_plugins=[SitemapPlugin],
)
