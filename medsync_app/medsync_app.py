"""The composition root: the Reflex app, its pages, and the HTTP site around it."""

import reflex as rx

from medsync_app.collector import collect_rarely
from medsync_app.engine.chores import usual_chores
from medsync_app.engine.supervise import background_loop
from medsync_app.logs import configure
from medsync_app.settings import get_settings
from medsync_app.ui.failures import report_failure
from medsync_app.ui.gate import Gate
from medsync_app.ui.pages.registry import add_pages
from medsync_app.web.site import site_around

ICON = rx.el.link(  # pyright: ignore[reportUnknownMemberType]
    rel="icon", href="/favicon.svg", type="image/svg+xml"
)


def build_app() -> rx.App:
    """The app with every page; handlers and routes do their own guarding."""
    collect_rarely()
    reflex_app = rx.App(
        html_lang="en",
        head_components=[ICON],
        # No toasts: they run through eval, which the content security policy forbids.
        toaster=None,
        backend_exception_handler=report_failure,
        api_transformer=site_around,
    )
    reflex_app.add_middleware(Gate())
    add_pages(reflex_app)
    # In the process that serves only: its log is ours, a test's is not.
    reflex_app.register_lifespan_task(  # pyright: ignore[reportUnknownMemberType]
        configure, level=get_settings().medsync_log_level
    )
    if get_settings().medsync_loop:
        reflex_app.register_lifespan_task(  # pyright: ignore[reportUnknownMemberType]
            background_loop, chores=usual_chores()
        )
    return reflex_app


app = build_app()
