"""The fields about how a patient may be reached: in the wizard, and in the panel of the patient's page."""

from typing import Any

import reflex as rx

from medsync_app.ui.components.chips import chip
from medsync_app.ui.components.forms import check_field, choice_group, radio_field, select_field
from medsync_app.ui.components.layout import card
from medsync_app.ui.components.problems import error_of
from medsync_app.ui.pages.enroll_parts import field

LANGUAGES = (("en", "English"), ("es", "Spanish"))
PREFERRED = (
    ("", "No preference"),
    ("sms", "Text messages"),
    ("voice", "Calls"),
    ("email", "E-mail"),
)
BASES = (
    ("express", "Agreed to the wording below"),
    ("number_given", "Gave it for refill contact, no more"),
    ("declined", "Declined"),
    ("not_asked", "Not asked"),
)
#: Where a mistake of the form is said.
CONTACT_FIELDS = (
    "sms_address", "sms_basis", "voice_address", "voice_basis", "email_address", "email_basis", "language", "preferred",
    "caregiver_name", "caregiver_relation", "caregiver_phone", "caregiver_allowed",
)  # fmt: skip


def contact_fields(contact: Any, *, speak: Any) -> rx.Component:
    """The three channels with their consent, how messages read, and a caregiver; `contact` is a Var of ContactView.

    `speak` is the handler that shows the consent in another language.
    """
    return rx.fragment(
        rx.el.div(
            _way(contact, "Text messages", "sms", "Mobile number", "tel"),
            _way(contact, "Calls", "voice", "Phone number", "tel"),
            _way(contact, "E-mail", "email", "E-mail address", "email"),
            class_name="ways",
        ),
        card(
            rx.el.div(
                select_field(
                    "Language", LANGUAGES, name="language", default_value=contact["language"],
                    on_change=speak, error=error_of("language"),
                ),
                select_field(
                    "First try", PREFERRED, name="preferred", default_value=contact["preferred"],
                    error=error_of("preferred"),
                ),
                class_name="form-grid",
            ),
            check_field(
                "Name the medicines in messages",
                name="drug_names",
                hint="Only when the patient wishes it; otherwise messages say how many there are.",
                default_checked=contact["drug_names"].to(bool),
            ),
            title="How messages read",
        ),
        _caregiver(contact),
    )  # fmt: skip


def _way(contact: Any, title: str, name: str, label: str, kind: str) -> rx.Component:
    way = contact[name]
    wording = contact["wordings"].to(dict[str, str])[name]

    def answer(value: str, words: str) -> rx.Component:
        return radio_field(
            words, name=f"{name}_basis", value=value, default_checked=way["basis"] == value,
            key=f"{value}-{way['basis'] == value}",
        )  # fmt: skip

    return card(
        rx.el.div(
            field(
                label,
                f"{name}_address",
                kind=kind,
                default_value=way["address"],
                key=f"{name}-{way['address']}",
            ),
            choice_group(
                "What did the patient say?",
                *(answer(value, words) for value, words in BASES),
                name=f"{name}_basis",
                error=error_of(f"{name}_basis"),
            ),
            rx.cond(way["revoked"], chip("Stopped earlier: only a new consent lifts it", "warn")),
            rx.el.blockquote(wording, class_name="wording"),
            class_name="stack tight",
        ),
        title=title,
    )


def _caregiver(contact: Any) -> rx.Component:
    return rx.el.details(
        rx.el.summary("Somebody else looks after the refills"),
        rx.el.div(
            rx.el.div(
                field("Caregiver's name", "caregiver_name", default_value=contact["caregiver_name"]),
                field(
                    "Relation",
                    "caregiver_relation",
                    default_value=contact["caregiver_relation"],
                    optional=True,
                ),
                field(
                    "Own mobile number",
                    "caregiver_phone",
                    kind="tel",
                    default_value=contact["caregiver_phone"],
                ),
                class_name="form-grid",
            ),
            check_field(
                "The patient allows messages to this person",
                name="caregiver_allowed",
                default_checked=contact["caregiver_name"] != "",
            ),
            rx.el.div(
                rx.cond(
                    error_of("caregiver_allowed") != "",
                    rx.el.span(error_of("caregiver_allowed"), class_name="field-error"),
                ),
                role="alert",
            ),
            check_field(
                "The caregiver agreed to the wording for text messages",
                name="caregiver_agreed",
                default_checked=contact["caregiver_agreed"].to(bool),
            ),
            class_name="stack tight",
        ),
        class_name="card more",
        open=_open_caregiver(contact),
    )


def _open_caregiver(contact: Any) -> Any:
    return contact["caregiver_name"] != ""
