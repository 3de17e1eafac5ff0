"""The tokens keep the contrast of WCAG 2.2 AA in both themes, and every state has a look."""

from collections.abc import Mapping

import pytest

from medsync_app.domain import states
from medsync_app.ui.components import chips
from medsync_app.ui.theme import DARK, LIGHT, TONES, css


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


TEXT_PAIRS = [
    *((text, ground) for text in ("text", "text-2", "text-3") for ground in ("bg", "surface", "hover")),
    *((text, "selected") for text in ("text", "text-2", "text-3", "accent")),
    *(("accent", ground) for ground in ("bg", "surface", "hover")),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("bg", "text"),
    ("text-3", "surface-2"),
    *((tone, f"{tone}-soft") for tone in TONES),
    *((tone, ground) for tone in TONES for ground in ("surface", "bg")),
]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_PAIRS)
def test_text_can_be_read(theme: Mapping[str, str], text: str, ground: str) -> None:
    assert contrast(theme[text], theme[ground]) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_controls_and_focus_stand_out(theme: Mapping[str, str]) -> None:
    for line in ("border-strong", "focus"):
        for ground in ("bg", "surface"):
            assert contrast(theme[line], theme[ground]) >= 3


def test_dark_names_every_colour_of_light() -> None:
    assert set(DARK) == set(LIGHT)
    assert all(f"--{name}:" in css() for name in LIGHT)


def test_paper_is_light_in_the_dark_mode_too() -> None:
    everywhere, *on_screens = css().split("@media screen")
    assert DARK["bg"] not in everywhere
    assert len(on_screens) == 2
    assert all(f"--bg: {DARK['bg']};" in one for one in on_screens)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("cycle", states.CycleState),
        ("item", states.ItemState),
        ("action", states.ActionState),
        ("enrollment", states.EnrollmentState),
        ("exception", states.ExceptionState),
        ("renewal", states.RenewalState),
        ("severity", states.Severity),
    ],
)
def test_every_state_has_word_icon_and_tone(kind: str, values: type[states.CycleState]) -> None:
    looks = chips.KINDS[kind]
    for value in values:
        assert looks[value].label
        assert looks[value].icon
        assert looks[value].tone in TONES
