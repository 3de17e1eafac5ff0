"""The decorator every event handler of a page state carries: session, role, pharmacy and arguments are
checked first.
"""

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast
from urllib.parse import quote

import reflex as rx
from reflex.istate.proxy import StateProxy

from medsync_app.auth import runtime
from medsync_app.auth.arguments import Argument, arguments_of, parse
from medsync_app.auth.caller import Caller, find_caller
from medsync_app.auth.incidents import message_for, note_incident
from medsync_app.auth.permissions import Permission
from medsync_app.errors import Invalid, MedSyncError, Unauthenticated
from medsync_app.settings import get_settings

RULE_MARK = "medsync_rule"
#: How the names of handlers begin that fill a page when it is opened.
READING = ("load", "look", "open_page", "open_frame", "open_tab")
SIGN_IN_PAGE = "/sign-in"
_OWN_ARGUMENTS = 2  # self and caller

P = ParamSpec("P")
S = TypeVar("S", bound="Guarded")
_Handler = Callable[Concatenate[S, Caller, P], Any]


class Guarded(Protocol):
    """What a state must offer the guard: `AppState` does."""

    problem: Any
    problem_field: Any

    def _bind(self, session_hash: str) -> None: ...
    def _forget(self) -> None: ...
    def _fail(self, problem: str, field: str, *, polled: bool, unread: bool) -> None: ...
    def _poll_went_well(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """How one handler is guarded; tests find it on every handler."""

    permission: Permission
    activity: bool
    arguments: tuple[Argument, ...]
    name: str

    @property
    def reads(self) -> bool:
        """Whether it fills the page and does nothing else: handlers that do are named so."""
        return not self.activity or self.name.rpartition(".")[2].startswith(READING)


def handler(
    permission: Permission, *, activity: bool = True, background: bool = False, **event_options: Any
) -> Callable[[_Handler[S, P]], Callable[Concatenate[S, P], Any]]:
    """Make an async method (or async generator) of an `AppState` an event handler that `permission` is needed
    for.

    The method takes `(self, caller, ...)`; the page calls it without `caller`. Before it runs the session is
    looked up in the database, `caller.scope` is narrowed to the pharmacies where the permission holds, and
    the arguments are
    checked against their annotations. `activity=False` is for polling: it does not put off the automatic
    logoff. A `MedSyncError` it raises becomes `problem` (and `problem_field`) of the state, a lost session
    leads to the sign-in
    page, anything else is logged by place and shown as an id. Further keywords (`supersedes`, `debounce`,
    ...) go to `rx.event`. With `background=True` state is changed inside `async with self:` as always in
    Reflex.
    """

    def decorate(function: _Handler[S, P]) -> Callable[Concatenate[S, P], Any]:
        rule = Rule(permission, activity, arguments_of(function, _OWN_ARGUMENTS), function.__qualname__)
        if inspect.isasyncgenfunction(function):
            run = _guard_generator(cast(Any, function), rule)
        elif inspect.iscoroutinefunction(function):
            run = _guard_coroutine(cast(Any, function), rule)
        else:
            raise TypeError(
                f"{rule.name}: write it async, a plain handler would stop everybody while it runs."
            )
        _present(run, function, rule)
        return cast(Any, rx.event)(run, background=background, **event_options)

    return decorate


def rule_of(function: object) -> Rule | None:
    """The rule of a guarded handler's function; None when it is not guarded."""
    found = getattr(function, RULE_MARK, None)
    return found if isinstance(found, Rule) else None


def _present(run: Callable[..., Any], function: Callable[..., Any], rule: Rule) -> None:
    """Let Reflex see the arguments without `caller`, and tests see the rule."""
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    kinds = {argument.name: argument.kind for argument in rule.arguments}
    shown = [parameters[0]] + [p.replace(annotation=kinds[p.name]) for p in parameters[_OWN_ARGUMENTS:]]
    anyway = cast(Any, run)
    anyway.__signature__ = signature.replace(parameters=shown, return_annotation=signature.empty)
    anyway.__annotations__ = kinds
    setattr(run, RULE_MARK, rule)


def _guard_coroutine(function: Callable[..., Awaitable[Any]], rule: Rule) -> Callable[..., Any]:
    @functools.wraps(function)
    async def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            caller, values = await _admit(self, rule, args, kwargs)
            following = await function(self, caller, **values)
            await _went_well(self, rule)
            return following
        except Exception as error:
            return await _answer(self, rule, error)

    return run


def _guard_generator(function: Callable[..., AsyncGenerator[Any, None]], rule: Rule) -> Callable[..., Any]:
    @functools.wraps(function)
    async def run(self: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        try:
            caller, values = await _admit(self, rule, args, kwargs)
            async for step in function(self, caller, **values):
                yield step
            await _went_well(self, rule)
        except Exception as error:
            yield await _answer(self, rule, error)

    return run


async def _admit(
    state: Any, rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Caller, dict[str, Any]]:
    """Who calls, and the checked arguments; binds what the state holds to this session."""
    router = state.router
    caller = await asyncio.to_thread(
        find_caller, runtime.database(), runtime.clock(), get_settings(), cookies=str(router.headers.cookie),
        permission=rule.permission, at=selected_slug(state), activity=rule.activity,
    )  # fmt: skip
    names = [argument.name for argument in rule.arguments]
    if len(args) > len(names):
        raise Invalid("The page sent something this action does not take. Reload the page.")
    values = parse(rule.arguments, dict(zip(names, args, strict=False)) | kwargs)
    async with changing(state):
        cast(Guarded, state)._bind(caller.session_hash)  # pyright: ignore[reportPrivateUsage]
        if rule.activity:
            state.problem = ""
            state.problem_field = ""
    return caller, values


def selected_slug(state: Any) -> str:
    """The location that the page's address names (`?at=slug`); "" for all of them."""
    return str(state.router.url.query_parameters.get("at", ""))


@asynccontextmanager
async def changing(state: Any) -> AsyncGenerator[None, None]:
    """A place where state may be changed, also from a background handler outside of `async with self`."""
    if isinstance(state, StateProxy) and not state._is_mutable():  # pyright: ignore[reportPrivateUsage]
        async with state:
            yield
    else:
        yield


async def _answer(state: Any, rule: Rule, error: Exception) -> Any:
    """Turn an error into what the person sees; returns an event to run or None."""
    if isinstance(error, Unauthenticated):
        async with changing(state):
            cast(Guarded, state)._forget()  # pyright: ignore[reportPrivateUsage]
        return rx.redirect(sign_in_address(state))
    if isinstance(error, MedSyncError):
        problem, field = error.message, (error.field or "") if isinstance(error, Invalid) else ""
    else:
        problem, field = _unexpected(rule, error), ""
    async with changing(state):
        cast(Guarded, state)._fail(  # pyright: ignore[reportPrivateUsage]
            problem,
            field,
            polled=not rule.activity,
            unread=rule.reads and not isinstance(error, MedSyncError),
        )
    return None


def _unexpected(rule: Rule, error: Exception) -> str:
    return message_for(note_incident(error, rule.name), reading=rule.reads, polled=not rule.activity)


async def _went_well(state: Any, rule: Rule) -> None:
    """What could not be read before is no problem any more when a poll has read it."""
    if not rule.activity:
        async with changing(state):
            cast(Guarded, state)._poll_went_well()  # pyright: ignore[reportPrivateUsage]


def sign_in_address(state: Any) -> str:
    """The sign-in page, with the way back to the page that was open."""
    url = state.router.url
    here = str(url.path) + (f"?{url.query}" if url.query else "")
    return f"{SIGN_IN_PAGE}?problem=idle&next={quote(here, safe='')}"
