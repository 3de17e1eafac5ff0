"""The errors MedSync raises on purpose: each message tells a person what to do and holds no patient data."""


class MedSyncError(Exception):
    """Base of every expected error; `message` may be shown to the person who caused it."""

    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(MedSyncError):
    """The input cannot be used; `field` names the part to correct (a path such as `medications[0].fills`)."""

    code = "invalid"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class Unreadable(MedSyncError):
    """What a program sent is not what was agreed on; the message says what is wrong with it."""

    code = "unreadable"


class NotFound(MedSyncError):
    """Nothing with that id is visible to the caller (also raised for another pharmacy's rows)."""

    code = "not_found"


class Forbidden(MedSyncError):
    """The caller is known, and may not do this."""

    code = "forbidden"


class Unauthenticated(Forbidden):
    """No valid session: sign in first."""

    code = "unauthenticated"


class Conflict(MedSyncError):
    """Somebody else changed the thing first; the message says what and by whom."""

    code = "conflict"


class Unavailable(MedSyncError):
    """An outside party did not do what was asked; `permanent` says that trying again will not help."""

    code = "unavailable"

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
