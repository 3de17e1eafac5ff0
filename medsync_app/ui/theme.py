"""The look: every colour, size and space as a named token, for light and dark.

Pages never write a colour or a pixel: they use the classes of assets/medsync.css, which use these tokens.
They stand in the head of every prerendered page (`head()`), so that nothing flashes before the scripts run.
Colour means state and nothing else, and never stands without an icon or a word; the accent marks what can be
clicked.
"""

from collections.abc import Mapping
from typing import Any, Final

import reflex as rx

#: Tones a state may have; each has a text colour, a soft background and a strong line.
TONES: Final = ("neutral", "info", "good", "warn", "bad", "review")

LIGHT: Final[Mapping[str, str]] = {
    "bg": "#f5f6f8",
    "surface": "#ffffff",
    "surface-2": "#eef1f4",
    "hover": "#f2f5f7",
    "selected": "#e3f1f3",
    "border": "#dde2e7",
    "border-strong": "#7d8894",
    "text": "#182027",
    "text-2": "#45505b",
    "text-3": "#5c6772",
    "accent": "#0b6675",
    "accent-hover": "#08525e",
    "on-accent": "#ffffff",
    "focus": "#0b6675",
    "neutral": "#45505b",
    "neutral-soft": "#eaedf0",
    "info": "#1f56a8",
    "info-soft": "#e6eefa",
    "good": "#17693a",
    "good-soft": "#e2f3e8",
    "warn": "#7d4e00",
    "warn-soft": "#fcf0d6",
    "bad": "#a82018",
    "bad-soft": "#fce8e6",
    "review": "#643a9c",
    "review-soft": "#f0eafa",
    "bar": "#5aa3ad",
    "bar-planned": "#b9dce0",
    "shade": "rgba(17, 24, 32, 0.45)",
    "shadow": "0 1px 2px rgba(17, 24, 32, 0.05)",
    "shadow-2": "0 8px 28px rgba(17, 24, 32, 0.18)",
}

DARK: Final[Mapping[str, str]] = {
    "bg": "#101418",
    "surface": "#181d22",
    "surface-2": "#20262c",
    "hover": "#1e242a",
    "selected": "#173338",
    "border": "#2b333b",
    "border-strong": "#76828e",
    "text": "#e9edf1",
    "text-2": "#b7c0ca",
    "text-3": "#98a4b0",
    "accent": "#5cc0cd",
    "accent-hover": "#83d3dd",
    "on-accent": "#06262b",
    "focus": "#83d3dd",
    "neutral": "#b7c0ca",
    "neutral-soft": "#262d34",
    "info": "#8fb8f2",
    "info-soft": "#18283f",
    "good": "#7fd09a",
    "good-soft": "#14301f",
    "warn": "#e9bd6a",
    "warn-soft": "#362a10",
    "bad": "#f59a92",
    "bad-soft": "#401d1a",
    "review": "#c5a8f0",
    "review-soft": "#2c2140",
    "bar": "#3f8f9a",
    "bar-planned": "#255259",
    "shade": "rgba(0, 0, 0, 0.6)",
    "shadow": "0 1px 2px rgba(0, 0, 0, 0.4)",
    "shadow-2": "0 8px 28px rgba(0, 0, 0, 0.55)",
}

#: One type scale and one spacing scale (pixels).
SCALE: Final[Mapping[str, str]] = {
    "font": 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
    "text-xs": "12px",
    "text-sm": "13px",
    "text-md": "14px",
    "text-lg": "16px",
    "text-xl": "20px",
    "text-2xl": "26px",
    "s1": "4px",
    "s2": "8px",
    "s3": "12px",
    "s4": "16px",
    "s5": "24px",
    "s6": "32px",
    "radius": "8px",
    "radius-s": "5px",
    "rail": "208px",
    "top": "54px",
}

STYLESHEETS: Final = ["/medsync.css"]

#: Radix's own components (menus, selects) follow the same neutral grey and accent.
RADIX: Final = {"accent_color": "cyan", "gray_color": "slate", "radius": "medium", "scaling": "95%"}


def _block(tokens: Mapping[str, str]) -> str:
    return "".join(f"--{name}: {value};" for name, value in tokens.items())


def css() -> str:
    """All tokens as CSS custom properties; dark follows the person's choice, else the system's. Paper is light."""
    light = f"color-scheme: light; {_block(SCALE)} {_block(LIGHT)}"
    dark = f"color-scheme: dark; {_block(DARK)}"
    return (
        f":root {{ {light} }} @media screen {{ :root.dark {{ {dark} }} }}"
        f" @media screen and (prefers-color-scheme: dark) {{ :root:not(.light) {{ {dark} }} }}"
    )


def head() -> list[rx.Component]:
    """What every page's head needs: the tokens, and the helpers of assets/*.js."""
    element: Any = rx.el
    return [
        element.style(css()),
        element.meta(name="color-scheme", content="light dark"),
        # once.js comes first: what it refuses, the others never hear of.
        *(
            element.script(src=f"/{name}.js", custom_attrs={"defer": True})
            for name in ("once", "medsync", "drafts", "upload")
        ),
    ]
