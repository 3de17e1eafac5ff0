"""Who is acting and which pharmacies that caller sees: applied where SQL is built, never in a page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from medsync_app.domain.states import Role
from medsync_app.errors import Forbidden, NotFound

_NO_ROLES: Mapping[str, Role] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Scope:
    """A caller: `pharmacy_ids` None means all of them (system scopes only)."""

    actor_id: str
    actor_name: str
    pharmacy_ids: frozenset[str] | None
    roles: Mapping[str, Role] = field(default_factory=lambda: _NO_ROLES)

    @classmethod
    def system(cls, name: str) -> "Scope":
        """The named system scope of the loop, the command line, sign-in or a provider's callback: sees everything."""
        return cls(actor_id=f"system:{name}", actor_name=name, pharmacy_ids=None)

    @classmethod
    def staff(cls, staff_id: str, name: str, roles: Mapping[str, Role]) -> "Scope":
        """A person, with the role held at each pharmacy."""
        return cls(staff_id, name, frozenset(roles), MappingProxyType(dict(roles)))

    def only(self, pharmacy_id: str) -> "Scope":
        """The same caller narrowed to one pharmacy; NotFound when it is outside the scope."""
        if not self.sees(pharmacy_id):
            raise NotFound("There is no such pharmacy among yours.")
        roles = {pharmacy_id: self.roles[pharmacy_id]} if pharmacy_id in self.roles else {}
        return Scope(self.actor_id, self.actor_name, frozenset({pharmacy_id}), MappingProxyType(roles))

    @property
    def is_system(self) -> bool:
        return self.actor_id.startswith("system:")

    def sees(self, pharmacy_id: str) -> bool:
        return self.pharmacy_ids is None or pharmacy_id in self.pharmacy_ids

    def require(self, pharmacy_id: str, *roles: Role) -> None:
        """Raise unless the caller holds one of `roles` at the pharmacy (system scopes hold all)."""
        if not self.sees(pharmacy_id):
            raise NotFound("There is no such pharmacy among yours.")
        if roles and not self.is_system and self.roles.get(pharmacy_id) not in roles:
            names = " or ".join(role.value for role in roles)
            raise Forbidden(f"This needs the role {names}. Ask somebody who has it.")
