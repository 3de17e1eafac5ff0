"""Finds out who is behind a cookie and what that person may do, in the database, at every request."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from medsync_app.auth.permissions import Permission, allowed
from medsync_app.auth.sessions import ACTIVITY_STEP, hash_secret, secret_from_cookies, still_counts
from medsync_app.clock import Clock
from medsync_app.domain.states import Role
from medsync_app.errors import Forbidden, Unauthenticated
from medsync_app.logs import get_logger
from medsync_app.settings import Settings
from medsync_app.store.repositories import people
from medsync_app.store.repositories.people import Place, SessionFacts
from medsync_app.store.scope import Scope
from medsync_app.store.session import Database

_GUARD = Scope.system("guard")


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in person in one event or request, already allowed to do what was asked."""

    staff_id: str
    name: str
    session_id: str
    #: Hash of the session's secret: marks what a page state holds as this session's.
    session_hash: str
    #: Every pharmacy the person works at, by name.
    places: tuple[Place, ...]
    #: Only the pharmacies where the asked permission holds: queries and writes stay inside by themselves.
    scope: Scope
    #: The pharmacy that the address names (?at=slug); None shows all of them.
    selected: Place | None = None

    @property
    def roles(self) -> Mapping[str, Role]:
        return MappingProxyType({place.id: place.role for place in self.places})

    @property
    def shown(self) -> tuple[Place, ...]:
        """The pharmacies the page shows: the selected one, or all."""
        return (self.selected,) if self.selected is not None else self.places

    @property
    def scope_here(self) -> Scope:
        """`scope` narrowed to the selected pharmacy; Forbidden when the permission does not hold there."""
        if self.selected is None:
            return self.scope
        if not self.scope.sees(self.selected.id):
            raise Forbidden(
                f"Your role at {self.selected.name} does not include this. Choose another location."
            )
        return self.scope.only(self.selected.id)

    def may(self, permission: Permission, pharmacy_id: str | None = None) -> bool:
        """True when the permission holds at that pharmacy, or (None) at one of those shown at least."""
        return any(
            allowed(place.role, permission)
            for place in (self.places if pharmacy_id else self.shown)
            if pharmacy_id in (None, place.id)
        )

    def scope_for(self, permission: Permission) -> Scope:
        """The pharmacies where another permission holds."""
        return _scope(self.staff_id, self.name, self.places, permission)


def find_caller(
    database: Database, clock: Clock, settings: Settings, *, cookies: str, permission: Permission,
    at: str = "", activity: bool = True,
) -> Caller:  # fmt: skip
    """The person whose session secret is in the Cookie header `cookies`, allowed `permission` somewhere.

    `at` is the slug of the selected pharmacy; an unknown one, or somebody else's, selects nothing. `activity`
    False (for polling) leaves the idle clock running. Raises Unauthenticated without a session that counts,
    Forbidden when the
    permission holds at none of the person's pharmacies. Blocks on the database: call it in a thread.
    """
    facts, session_hash = _session(database, clock, settings, cookies)
    if activity and clock.now() - facts.last_activity_at >= ACTIVITY_STEP:
        _note_activity(database, clock, facts.session_id)
    scope = _scope(facts.staff_id, facts.name, facts.places, permission)
    if not scope.pharmacy_ids:
        raise Forbidden(
            "Your role does not include this. Ask the owner of the pharmacy, or somebody who has it."
        )
    selected = next((place for place in facts.places if at and place.slug == at), None)
    return Caller(facts.staff_id, facts.name, facts.session_id, session_hash, facts.places, scope, selected)


def session_is_open(database: Database, clock: Clock, settings: Settings, cookies: str) -> bool:
    """True when the Cookie header holds a session that counts; never counts as activity."""
    try:
        _session(database, clock, settings, cookies)
    except Unauthenticated:
        return False
    return True


def _session(database: Database, clock: Clock, settings: Settings, cookies: str) -> tuple[SessionFacts, str]:
    secret = secret_from_cookies(cookies, settings)
    if secret is None:
        raise Unauthenticated("Sign in first.")
    session_hash = hash_secret(secret)
    with database.reading(_GUARD, clock) as tx:
        facts = people.session_facts(tx, session_hash)
    if facts is None or not still_counts(
        facts, clock.now(), timedelta(minutes=settings.medsync_idle_minutes)
    ):
        raise Unauthenticated("Your session has ended. Sign in again.")
    return facts, session_hash


def _note_activity(database: Database, clock: Clock, session_id: str) -> None:
    try:
        with database.transaction(_GUARD, clock) as tx:
            people.note_activity(tx, session_id, tx.now)
    except Exception as error:
        # A long write of somebody else may hold the file: what the person does still counts, the next event
        # notes it.
        get_logger().warning("activity_not_noted", error_type=type(error).__name__)


def _scope(staff_id: str, name: str, places: tuple[Place, ...], permission: Permission) -> Scope:
    return Scope.staff(
        staff_id, name, {place.id: place.role for place in places if allowed(place.role, permission)}
    )
