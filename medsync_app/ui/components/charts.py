"""Charts: one look for all, in light and dark, each with words for screen readers and a table behind it.

A page's state holds the figure as plain data without colours (`{"data": [...], "layout": {...}}`); they come
from the template here, so that one figure fits both modes. Plotly's partial bundle is pinned in ui/packages.py.
"""

from collections.abc import Mapping
from typing import Any, Final

import reflex as rx
from reflex_components_core.core.cond import color_mode_cond

from medsync_app.ui import theme
from medsync_app.ui.components.tables import Column, data_table

#: No tool bar and no zooming: a chart is looked at, the table behind it is worked with.
CONFIG: Final = {"displayModeBar": False, "responsive": True, "scrollZoom": False, "doubleClick": False}
_FONT: Final = theme.SCALE["font"]


def _template(tokens: Mapping[str, str]) -> dict[str, Any]:
    """Colours by meaning: the first series is what is counted, the second what falls short, the third a mark."""
    axis = {
        "gridcolor": tokens["border"], "linecolor": tokens["border-strong"], "zeroline": False,
        "fixedrange": True, "automargin": True, "tickfont": {"size": 12},
    }  # fmt: skip
    return {
        "layout": {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": tokens["text-2"], "family": _FONT, "size": 12},
            "colorway": [tokens["bar"], tokens["border-strong"], tokens["text"]],
            "hoverlabel": {
                "bgcolor": tokens["surface"],
                "bordercolor": tokens["border-strong"],
                "font": {"color": tokens["text"], "family": _FONT, "size": 12},
            },
            # Marks that nobody sees keep the labels of one axis off those of the other.
            "xaxis": axis
            | {"showgrid": False, "ticks": "outside", "ticklen": 6, "tickcolor": "rgba(0,0,0,0)"},
            "yaxis": axis | {"rangemode": "tozero"},
            "margin": {"l": 40, "r": 12, "t": 12, "b": 36},
            "dragmode": False,
            "showlegend": False,
            "legend": {"orientation": "h", "y": 1.14, "x": 0},
            "bargap": 0.35,
        }
    }


def chart(figure: Any, *, words: Any, test_id: str) -> rx.Component:
    """The figure; `words` is a Var that says in a sentence what it shows."""
    # Only while pages are drawn: a request needs no plotly.
    from plotly.graph_objs import Figure
    from plotly.graph_objs.layout import Template

    colours: Any = color_mode_cond(
        light=rx.Var.create(_template(theme.LIGHT)), dark=rx.Var.create(_template(theme.DARK))
    )
    drawn = rx.plotly.cartesian(
        data=figure.to(Figure),
        template=colours.to(Template),
        config=CONFIG,
        width="100%",
        height="100%",
    )
    return rx.el.div(
        drawn, class_name="chart", role="img", custom_attrs={"aria-label": words, "data-testid": test_id}
    )


def behind(columns: list[Column], rows: Any, cells: Any, *, caption: str, test_id: str) -> rx.Component:
    """The numbers of a chart as a table, closed at first."""
    return rx.el.details(
        rx.el.summary("Show as a table", custom_attrs={"data-testid": f"{test_id}-open"}),
        data_table(columns, rows, cells, caption=caption, test_id=test_id),
        class_name="behind",
    )
