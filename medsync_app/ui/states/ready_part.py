"""What the form of a batch that is ready in part says."""

from typing import Any

from medsync_app.errors import Invalid
from medsync_app.services.mark_ready import PROBLEMS, ItemProblem
from medsync_app.ui.states.batch_panel import PanelView
from medsync_app.ui.states.form_fields import optional_day, text_of


def parts_ready(form: dict[str, Any], panel: PanelView) -> tuple[list[str], dict[str, ItemProblem]]:
    """Which items are ready, and what is wrong with the others; what is left as it is stays so.

    Raises `Invalid`, naming the field, for a date or an answer that is none, and when nothing is said.
    """
    items: list[str] = []
    problems: dict[str, ItemProblem] = {}
    for drug in panel["drugs"]:
        key = drug["id"]
        chosen = text_of(form, f"part-{key}")
        if not drug["choice"] or not chosen or chosen == "not_yet":
            continue
        if chosen == "ready":
            items.append(key)
        elif chosen in PROBLEMS:
            day = optional_day(form, f"expected-{key}")
            problems[key] = ItemProblem(chosen, day, text_of(form, f"note-{key}")[:200])
        else:
            raise Invalid("Choose one of the answers.", f"part-{key}")
    if not items and not problems:
        raise Invalid("Say for at least one medicine whether it is ready or what is missing.", "part")
    return items, problems
