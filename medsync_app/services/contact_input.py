"""Reads phone numbers and e-mail addresses as people type them."""

from medsync_app.connections.csv.values import BadValue, parse_email, parse_phone
from medsync_app.errors import Invalid

MAX_NAME = 80


def phone_number(text: str, field: str) -> str:
    """The number in E.164, "" when empty; Invalid, naming the field, when it cannot be one."""
    try:
        return parse_phone(text) or ""
    except BadValue:
        raise Invalid("Enter a phone number with its area code, such as 404 555 0123.", field) from None


def email_address(text: str, field: str) -> str:
    """The address in lower case, "" when empty; Invalid, naming the field, when it cannot be one."""
    try:
        return parse_email(text)
    except BadValue:
        raise Invalid("Enter an e-mail address such as name@example.com.", field) from None


def person_name(text: str, field: str) -> str:
    """A first or last name with single spaces; Invalid, naming the field, when it cannot be one."""
    name = " ".join(text.split())
    if not 0 < len(name) <= MAX_NAME or not name.isprintable() or not any(char.isalpha() for char in name):
        raise Invalid(f"Enter a name of 1 to {MAX_NAME} characters.", field)
    return name
