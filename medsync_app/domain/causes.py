"""What opens an exception, as a key that stays the same while the cause lasts: made and read here, nowhere else."""

from collections.abc import Mapping
from enum import StrEnum

from medsync_app.domain.states import ExceptionKind


class Cause(StrEnum):
    """The causes besides the problems of step 6 and the tasks of a workflow (`of_kind`), each with what it is about."""

    #: A therapy: its prescriber is to be asked, it was changed, or nobody knows whether it takes part.
    RENEWAL = "renewal"
    CHANGED = "changed"
    RENEWED_CHANGED = "renewed_changed"
    NEW_DRUG = "new_drug"
    #: A cycle (the second with the meaning of a reply, the third also a patient without one).
    PLAN_REVIEW = "plan_review"
    CALL_BACK = "call_back"
    CALL = "call"
    NO_DATE = "replan"
    REQUEST = "request"
    FAILED_CYCLE = "failed_cycle"
    CALLED_OFF = "called_off"
    STOCK_CHECK = "stock_check"
    PREPARE = "prepare"
    RETURN_TO_STOCK = "return_to_stock"
    TOO_OLD = "too_old"
    #: An item of a batch: stopped, or taken at another dose, after it was filled; or reversed after it was fetched.
    STOPPED = "stopped"
    OLD_DOSE = "old_dose"
    REVERSED = "reversed"
    #: An enrollment.
    PAUSED = "paused"
    INACTIVE = "inactive"
    FILLED = "filled"
    #: A patient (the second with a channel).
    OPTED_OUT = "opted_out"
    UNREACHABLE = "unreachable"
    IMPORT = "import"
    #: A patient, or the case of a call to somebody unknown.
    WRONG_NUMBER = "wrong_number"
    #: An errand to the other pharmacies of the group.
    GROUP = "group"
    #: A reply, a request by the public form.
    REPLY = "reply"
    JOIN = "join"
    #: A scheduled action.
    DOUBT = "doubt"
    DOUBLE = "double"
    FAILED = "failed"
    #: Who carries patients' data without an agreement on record.
    AGREEMENT = "agreement"
    #: A channel, or a program outside.
    CHANNEL = "channel"
    PROVIDER = "provider"
    OUTSIDE = "outside"

    def of(self, *subject: str) -> str:
        """The key of this cause about a subject; `of("")` is how all its keys begin."""
        return ":".join((self.value, *subject))

    def subject(self, key: str) -> str | None:
        """What a key of this cause is about; None for a key of another cause."""
        name, _, about = key.partition(":")
        return about if name == self.value else None


def cause_of(key: str) -> Cause | None:
    """The cause that a key names; None for those of `of_kind` that have no other name."""
    name = key.partition(":")[0]
    return Cause(name) if name in list(Cause) else None


def of_kind(kind: ExceptionKind, *subject: str) -> str:
    """The key of a problem of step 6 (about a therapy or patient), or of a workflow's task (step and cycle)."""
    return ":".join((kind.value, *subject))


def is_of_kind(kind: ExceptionKind, key: str) -> bool:
    """Whether a key was made by `of_kind` for this kind."""
    return key.startswith(f"{kind.value}:")


def about_others(key: str, ids: Mapping[str, str]) -> str:
    """The key of the same problem of other rows: each id in it that `ids` knows (old -> new) is replaced."""
    return ":".join(ids.get(part, part) for part in key.split(":"))
