"""Which databases a test runs on: SQLite unless its mark or the whole run says PostgreSQL."""

import os

SQLITE = "sqlite"
POSTGRES = "postgres"
#: What `database` is when a test does not say: MEDSYNC_TEST_DATABASE=postgres runs a whole selection there.
DEFAULT_DATABASE = os.environ.get("MEDSYNC_TEST_DATABASE", SQLITE)
