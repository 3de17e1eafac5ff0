"""A form that the browser itself posts: Reflex's own prevents that, also without any handler."""

from typing import Any

import reflex as rx
from reflex_components_core.el.elements.base import BaseHTML


class PostForm(BaseHTML):
    """An HTML form with nothing listening."""

    tag = "form"
    action: rx.Var[str]
    method: rx.Var[str]


def post_form(*children: Any, action: str, **props: Any) -> rx.Component:
    """Posts its fields to `action`, a route of ours, and follows the answer with a full page load."""
    return PostForm.create(*children, action=action, method="post", **props)
