"""Stands before every event of the socket: only guarded handlers run, and no state shows what a former
session left.
"""

import asyncio
from typing import Any, cast

import reflex as rx
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, OnLoadInternalState, State, StateUpdate, UpdateVarsInternalState
from reflex_base.event import Event
from reflex_base.registry import RegistrationContext

from medsync_app.auth import runtime
from medsync_app.auth.caller import session_is_open
from medsync_app.auth.guard import rule_of
from medsync_app.auth.sessions import hash_secret, secret_from_cookies
from medsync_app.logs import get_logger
from medsync_app.settings import get_settings
from medsync_app.ui.states.base import AppState

#: What Reflex's own page machinery calls; none of it reads or writes anything of ours but the state of its
#: own browser.
INTERNAL = frozenset({
    f"{kind.get_full_name()}.{name}"
    for kind, name in (
        (State, "hydrate"), (State, "hydrate_and_load"), (State, "set_is_hydrated"),
        (OnLoadInternalState, "on_load_internal"), (OnLoadInternalState, "set_is_hydrated"),
        (UpdateVarsInternalState, "update_vars_internal"),
    )
})  # fmt: skip
#: These send the whole state to the browser.
_SHOWING = frozenset({f"{State.get_full_name()}.hydrate", f"{State.get_full_name()}.hydrate_and_load"})


class Gate(Middleware):
    """Refuses every handler without a rule (setvar among them), and clears a state before it is shown to a
    stranger.
    """

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """None lets the event pass; an empty update stops it."""
        if not may_run(event.name):
            get_logger().warning("event_refused", handler=event.name[-80:])
            return StateUpdate()
        if event.name in _SHOWING:
            await _clear_unless_own(state)
        return None


def may_run(name: str) -> bool:
    """True for a guarded handler and for Reflex's own page machinery."""
    if name in INTERNAL:
        return True
    registered = RegistrationContext.get().event_handlers.get(name)
    return registered is not None and rule_of(registered.handler.fn) is not None


async def _clear_unless_own(state: BaseState) -> None:
    """Before the whole state goes to the browser: empty it unless the same session, still open, filled it."""
    shell = cast(Any, await state.get_state(AppState))
    cookies = str(shell.router.headers.cookie)
    settings = get_settings()
    secret = secret_from_cookies(cookies, settings)
    if secret is not None and shell._session_hash == hash_secret(secret):
        args = (runtime.database(), runtime.clock(), settings, cookies)
        if await asyncio.to_thread(session_is_open, *args):
            return
    shell._forget()
