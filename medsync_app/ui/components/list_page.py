"""What pages that show one long list have in common: search, filters, the table with its pager, and emptiness.

`state` is a page state with `text`, `group`, `counts`, `filters`, `rows`, `sort`, `heads`, the pager's three and the
handler `search`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import reflex as rx

from medsync_app.ui.components.buttons import link_button
from medsync_app.ui.components.feedback import empty_state
from medsync_app.ui.components.forms import filter_bar, filter_link, search_field
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.tables import Column, data_table, pager


def list_filters(state: Any, groups: Mapping[str, str], *, placeholder: str) -> rx.Component:
    """The search field and a link for each group (code -> label, "" for all) with how many are in it."""
    return filter_bar(
        search_field(
            "Search this list",
            name="list-search",
            placeholder=placeholder,
            on_change=state.search.debounce(250),
            default_value=state.text,
        ),
        *[
            filter_link(
                label,
                href=state.filters[group],
                selected=state.group == group,
                count=state.counts[group],
                test_id=f"show-{group or 'all'}",
            )
            for group, label in groups.items()
        ],
    )


def listed(
    state: Any,
    columns: Sequence[Column],
    cells: Callable[[Any], list[Any]],
    *,
    name: str,
    all_link: tuple[str, str],
    nothing: rx.Component,
) -> rx.Component:
    """The rows as a table named `name` with its pager.

    Without rows: `nothing` when there are none at all, else that nobody fits, with a link (label, address) to all.
    """
    label, href = all_link
    nobody_fits = empty_state(
        "Nobody fits this search and filter.", link_button(label, href=href), icon_name="search_x"
    )
    table = data_table(
        list(columns),
        state.rows,
        cells,
        caption=name,
        sort=state.sort,
        sort_href=lambda key: state.heads[key],
        test_id=name.lower(),
    )
    pages = pager(state.summary, previous_href=state.previous_href, next_href=state.next_href)
    return rx.cond(
        state.rows.length() > 0,
        rx.fragment(table, pages),
        card(rx.cond((state.text != "") | (state.group != ""), nobody_fits, nothing)),
    )
