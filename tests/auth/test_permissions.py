"""The permission table: complete, and strict where the law and the work are."""

from medsync_app.auth.permissions import ROLES, Permission, allowed, permissions_of
from medsync_app.domain.states import Role


def test_every_permission_is_in_the_table_and_somebody_holds_it() -> None:
    assert set(ROLES) == set(Permission)
    assert all(ROLES.values())


def test_only_a_pharmacist_approves_and_overrides() -> None:
    for permission in (Permission.APPROVE_PLAN, Permission.OVERRIDE):
        assert [role for role in Role if allowed(role, permission)] == [Role.PHARMACIST]


def test_only_an_owner_manages_staff_and_settings_and_reads_the_audit_log() -> None:
    for permission in (Permission.MANAGE_STAFF, Permission.MANAGE_SETTINGS, Permission.VIEW_AUDIT):
        assert [role for role in Role if allowed(role, permission)] == [Role.OWNER]


def test_a_technician_takes_no_data_out() -> None:
    assert Permission.EXPORT not in permissions_of(Role.TECHNICIAN)
    assert {Permission.ENROLL, Permission.PREPARE, Permission.MOVE_CYCLE} <= permissions_of(Role.TECHNICIAN)
