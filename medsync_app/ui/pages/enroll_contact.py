"""Step 4 of the wizard: how the patient may be reached, and the consent that was read."""

import reflex as rx

from medsync_app.ui.pages.contact_fields import contact_fields
from medsync_app.ui.pages.enroll_parts import footer
from medsync_app.ui.states.enroll import EnrollState


def contact_step() -> rx.Component:
    """The step."""
    return rx.el.form(
        contact_fields(EnrollState.contact, speak=EnrollState.speak),
        footer("Review", back=3),
        on_submit=EnrollState.save_contact,
        class_name="stack",
        key=EnrollState.contact["key"],
    )
