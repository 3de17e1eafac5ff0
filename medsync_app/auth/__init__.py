"""Accounts, sessions, roles and the guard every handler and route goes through."""
