# Everything runs from here; `make` alone explains itself.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
# A bare Debian python3 has neither pip nor ensurepip, so pip's own wheel stands in tools/.
PIP     = $(PYTHON) $(wildcard tools/pip-*.whl)/pip --python $(BIN)/python
# The locks are whole, so pip has nothing to resolve (and must not: see tool.uv in pyproject.toml).
INSTALL = $(PIP) install --quiet --disable-pip-version-check --no-input --only-binary :all: --no-deps --require-hashes
T      ?= tests
# What depends on the database: run on the oldest PostgreSQL too, before everything runs on the newest.
ON_15   = tests/ledger tests/database tests/background tests/features tests/chaos
export PYTHONUNBUFFERED = 1

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test check fix bench profile db lock clean

help: ## this page
	@echo "qrpay: make demo shows a payment, make test proves it. All targets:"
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# In a worktree .venv may be a link: whoever built there would clear the environment of the checkout that it belongs to.
OWN     = if [ -L $(VENV:/=) ]; then echo "$(VENV) is a link to $$(readlink $(VENV:/=)): building there would clear the\
 environment of another checkout. Use its tools as they are ($(BIN)/python -m pytest, $(BIN)/ruff check, $(BIN)/mypy),\
 or build one of your own: rm $(VENV:/=) && make setup" >&2; exit 1; fi

$(VENV)/.ready: requirements.lock
	@$(OWN)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "qrpay needs Python 3.11 or newer, try: make PYTHON=python3.12")'
	@echo "setting up $(VENV) (once, about ten seconds)"
	@$(PYTHON) -m venv --clear --without-pip $(VENV)
	@$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.dev: dev.lock $(VENV)/.ready
	@$(OWN)
	@echo "adding the tools for tests and checks (once, about twenty seconds)"
	@$(INSTALL) -r dev.lock
	@touch $@

setup: $(VENV)/.dev ## everything for working on qrpay

demo: $(VENV)/.ready ## one payment end to end, then serves wallet and POS (ONCE=1: stops after it)
	@$(BIN)/python -m qrpay demo $(if $(ONCE),--once)

serve: $(VENV)/.ready ## the server, on the embedded PostgreSQL or QRPAY_DATABASE_URL
	@$(BIN)/python -m qrpay serve

test: $(VENV)/.dev ## all tests, in parallel; T=tests/orders for a part
	@$(BIN)/python -m tests.prepare
ifeq ($(T),tests)
	@old=$$($(BIN)/python -m tests.prepare --postgres-15); if [ -n "$$old" ]; then \
		QRPAY_POSTGRES_BIN=$$old $(BIN)/python -m pytest -q $(ON_15); fi
endif
	@$(BIN)/python -m pytest $(T)

check: $(VENV)/.dev ## format, lint, strict types, import rules, locks
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -n 0 tests/test_tidy.py
	@! grep -nE '://|^-' requirements.lock dev.lock

fix: $(VENV)/.dev ## let ruff mend format and simple lint
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.dev ## the load testers' kit: tables, three zeros, plots, and the gate (under ten minutes)
	@$(BIN)/python -m benchmarks --kill worker,connections,database
	@$(BIN)/python -m benchmarks gate

profile: $(VENV)/.dev ## a flame graph of a worker under load, in benchmarks/results/local/
	@$(BIN)/python -m benchmarks profile

db: $(VENV)/.ready ## a psql into the running embedded PostgreSQL
	@$(BIN)/python -m qrpay db

lock: ## renew both lock files (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o dev.lock

clean: ## remove what make made (data in .qrpay/ stays)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
