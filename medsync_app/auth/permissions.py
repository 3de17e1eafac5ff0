"""Which role may do what: one table, asked by the guard of every event handler and route."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from medsync_app.domain.states import Role


class Permission(StrEnum):
    """Something a signed-in person may be allowed to do at a pharmacy."""

    VIEW = "view"
    VIEW_PATIENTS = "view_patients"
    ENROLL = "enroll"
    PREPARE = "prepare"
    APPROVE_PLAN = "approve_plan"
    OVERRIDE = "override"
    MOVE_CYCLE = "move_cycle"
    CHANGE_DRUGS = "change_drugs"
    HANDLE_EXCEPTIONS = "handle_exceptions"
    SEND_MESSAGES = "send_messages"
    IMPORT_DATA = "import_data"
    VIEW_ADHERENCE = "view_adherence"
    EDIT_WORKFLOW = "edit_workflow"
    EXPORT = "export"
    MANAGE_SETTINGS = "manage_settings"
    MANAGE_STAFF = "manage_staff"
    VIEW_AUDIT = "view_audit"


_ALL = frozenset(Role)
_PHARMACIST = frozenset({Role.PHARMACIST})
_OWNER = frozenset({Role.OWNER})
_LEADING = frozenset({Role.OWNER, Role.PHARMACIST})

ROLES: Mapping[Permission, frozenset[Role]] = MappingProxyType({
    # The frame around every page: location switcher, counts, own account.
    Permission.VIEW: _ALL,
    # An owner sees patients too: the adherence page leads from a number to the patients behind it.
    Permission.VIEW_PATIENTS: _ALL,
    # The owner of an independent pharmacy works at the counter too: what a technician may, an owner may.
    Permission.ENROLL: _ALL,
    # Ready, picked up, undo of both, return to stock.
    Permission.PREPARE: _ALL,
    # A short fill or a plan outside the rules is a professional judgement: pharmacists only, whoever owns the
    # shop.
    Permission.APPROVE_PLAN: _PHARMACIST,
    Permission.OVERRIDE: _PHARMACIST,
    # A technician moves a date the patient asked for; what breaks a rule still needs OVERRIDE.
    Permission.MOVE_CYCLE: _ALL,
    # Adding or stopping a drug and changing a dose changes therapy in the plan.
    Permission.CHANGE_DRUGS: _ALL,
    Permission.HANDLE_EXCEPTIONS: _ALL,
    Permission.SEND_MESSAGES: _ALL,
    # The owner sets the shop up and imports the first file before anybody else has an account.
    Permission.IMPORT_DATA: _ALL,
    Permission.VIEW_ADHERENCE: _LEADING,
    Permission.EDIT_WORKFLOW: _LEADING,
    # Data leaves the app: not for technicians; every export is audited.
    Permission.EXPORT: _LEADING,
    Permission.MANAGE_SETTINGS: _OWNER,
    Permission.MANAGE_STAFF: _OWNER,
    # Who is watched by the log does not read it.
    Permission.VIEW_AUDIT: _OWNER,
})  # fmt: skip


def allowed(role: Role, permission: Permission) -> bool:
    """True when somebody with `role` may do `permission` at the pharmacy where the role is held."""
    return role in ROLES[permission]


def permissions_of(role: Role) -> frozenset[Permission]:
    """Everything a role may do."""
    return frozenset(permission for permission, roles in ROLES.items() if role in roles)
