"""What every test gets."""

pytest_plugins = ["tests.support.store"]
