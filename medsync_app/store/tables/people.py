"""Staff accounts, their role at each pharmacy, their sessions, and failed sign-ins."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from medsync_app.domain.states import Role
from medsync_app.store.tables.base import PharmacyScoped, Table, choice, id_field, instant, ref


class Staff(Table, table=True):
    """A person who may sign in."""

    id: str = id_field()
    organization_id: str = ref("organization")
    email: str = Field(unique=True)
    name: str
    password_hash: str
    #: Of the PIN for a quick switch, see services/quick_switch.py; None while there is none.
    pin_hash: str | None = None
    active: bool = True
    created_at: datetime = instant()


class Membership(PharmacyScoped, table=True):
    """The role of one person at one pharmacy."""

    __table_args__ = (UniqueConstraint("staff_id", "pharmacy_id"),)

    id: str = id_field()
    staff_id: str = ref("staff")
    role: Role = Field(sa_type=choice(Role))


class StaffSession(Table, table=True):
    """One signed-in browser; the cookie's secret is kept only as a hash."""

    id: str = id_field()
    staff_id: str = ref("staff")
    token_hash: str = Field(unique=True)
    created_at: datetime = instant()
    last_activity_at: datetime = instant()
    ended_at: datetime | None = instant(optional=True)
    end_reason: str | None = None
    #: The workstation of a full sign-in, and until when the PIN opens another session there.
    station_hash: str | None = Field(default=None, index=True)
    pin_until: datetime | None = instant(optional=True)
    pin_failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class SignInFailure(Table, table=True):
    """One failed sign-in, kept to throttle the next; the address typed is kept only as a hash."""

    id: str = id_field()
    account_hash: str = Field(index=True)
    source_hash: str = Field(index=True)
    at: datetime = instant(index=True)
