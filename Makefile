# make only calls Python; every recipe has an equivalent without make (README).
PYTHON ?= python3
# Options of the command, such as make run ARGS="--port 3100 --no-demo".
ARGS ?=
ifeq ($(OS),Windows_NT)
VENV := .venv/Scripts
else
VENV := .venv/bin
endif
PY := $(VENV)/python

.DEFAULT_GOAL := help
.PHONY: help setup env env-dev run test test-fast test-faults check e2e bench migrate demo screenshots

help: ## list the targets
	@$(PYTHON) scripts/make_help.py

setup: env-dev ## environment, requirements and front end; offline when nothing changed
	@$(PY) scripts/build_frontend.py

env:
	@$(PYTHON) scripts/setup_env.py

env-dev:
	@$(PYTHON) scripts/setup_env.py --dev

run: env ## set up and run the app at http://localhost:3000
	@$(PY) -m medsync_app serve $(ARGS)

test: setup ## all tests: unit, property, services, migrations, PostgreSQL, Redis, browser
	@$(PY) scripts/get_services.py
	@$(PY) -m pytest -n 2 --dist loadgroup

test-fast: env-dev ## the tests that need neither browser nor servers, under a minute
	@$(PY) -m pytest -n 2 --dist loadgroup -m "not (e2e or postgres or redis or slow)"

# scripts/test_faults.py says which tests these are.
test-faults: env-dev ## the fault tests of docs/reliability.md in their long forms, an hour or more
	@$(PY) scripts/test_faults.py $(ARGS)

check: env-dev ## lint, format, types, import contracts, unused requirements
	@$(PY) scripts/check.py

e2e: setup ## the browser tests only
	@$(PY) scripts/get_services.py chromium
	@$(PY) -m pytest -m e2e

bench: env-dev ## the benchmarks of docs/performance.md
	@$(PY) -m medsync_app bench $(ARGS)

migrate: env ## bring the database schema up to date
	@$(PY) -m medsync_app migrate

demo: env ## load the demo pharmacy
	@$(PY) -m medsync_app demo load

screenshots: env-dev ## pictures of every page, of a demo of its own (ARGS="--patients 500 --into FOLDER")
	@$(PY) scripts/get_services.py chromium
	@$(PY) scripts/screenshots.py $(ARGS)
