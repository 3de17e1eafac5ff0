"""Asks the server again every few seconds while the page is visible."""

from typing import Any

import reflex as rx
from reflex_base.event import no_args_event_spec


class Every(rx.Fragment):
    """Calls `on_tick` every `milliseconds` while the tab is visible, and when it becomes so again."""

    milliseconds: int = 4_000
    on_tick: rx.EventHandler[no_args_event_spec]

    def _exclude_props(self) -> list[str]:
        return [*super()._exclude_props(), *self.event_triggers.keys(), "milliseconds"]

    def add_imports(self) -> dict[str, str]:
        return {"react": "useEffect"}

    def add_hooks(self) -> list[str | rx.Var[Any]]:
        tick = rx.Var.create(self.event_triggers["on_tick"])
        return [
            rx.Var(f"""
useEffect(() => {{
    const tick = () => {{ if (!document.hidden) {{ ({tick})(); }} }};
    const timer = setInterval(tick, {self.milliseconds});
    document.addEventListener("visibilitychange", tick);
    return () => {{ clearInterval(timer); document.removeEventListener("visibilitychange", tick); }};
}}, []);
""")
        ]


def every(seconds: float, handler: Any) -> rx.Component:
    """Runs `handler` (give it `.temporal`: nothing queues up while the server is away) every `seconds`."""
    return Every.create(milliseconds=int(seconds * 1000), on_tick=handler)
