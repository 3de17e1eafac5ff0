"""No handler of any page is left without a rule, and the real app has the gate in front."""

import reflex as rx

import medsync_app.medsync_app as root
from medsync_app.auth.guard import rule_of
from medsync_app.ui.gate import INTERNAL, Gate, may_run

#: What Reflex puts on every state, refused by the gate.
REFUSED_BY_THE_GATE = {"setvar"}


def _states(kind: type[rx.State]) -> list[type[rx.State]]:
    return [kind, *(below for child in kind.get_substates() for below in _states(child))]


def _ours() -> list[type[rx.State]]:
    return [state for state in _states(rx.State) if state.__module__.startswith("medsync_app.")]


def test_every_handler_of_every_state_has_a_rule() -> None:
    unguarded = [
        f"{state.__name__}.{name}"
        for state in _ours()
        for name, event in state.event_handlers.items()
        if name not in REFUSED_BY_THE_GATE and rule_of(event.fn) is None
    ]
    assert _ours()
    assert unguarded == []


def test_the_gate_lets_guarded_handlers_and_the_page_machinery_pass_only() -> None:
    for state in _states(rx.State):
        for name, event in state.event_handlers.items():
            full = f"{state.get_full_name()}.{name}"
            assert may_run(full) == (full in INTERNAL or rule_of(event.fn) is not None), full
    assert not may_run("no.such.handler")
    assert all(may_run(name) for name in INTERNAL)


def test_no_variable_can_be_set_by_an_automatic_setter() -> None:
    setters = [
        f"{state.__name__}.{name}"
        for state in _ours()
        for name, event in state.event_handlers.items()
        if name.startswith("set_") and rule_of(event.fn) is None
    ]
    assert setters == []


def test_the_app_has_the_gate_in_front() -> None:
    assert [type(middleware) for middleware in root.app._middlewares] == [Gate]
