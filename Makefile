# Thin names over plain commands. "make" alone lists them.

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format types contracts conformance bench bench-large soak lock clean

PYTHON ?= python3
JOBS ?= 2
ARGS ?=

help: ## List what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# A stamp per set of packages: set-up runs again only when a pin or the project's own metadata changed.
.venv/.runtime: requirements/runtime.txt requirements/install pyproject.toml
	@PYTHON='$(PYTHON)' requirements/install runtime
	@touch $@

.venv/.dev: requirements/dev.txt requirements/install pyproject.toml
	@PYTHON='$(PYTHON)' requirements/install dev
	@touch .venv/.runtime $@

setup: .venv/.runtime ## Make .venv with the switchyard command in it
	@echo "Ready: .venv/bin/switchyard --help"

demo: .venv/.runtime ## Start everything on 127.0.0.1, walk the first story, stay up (ARGS="--base-port 9000")
	@.venv/bin/switchyard demo $(ARGS)

test: .venv/.dev ## Pass every test: SQLite, a real PostgreSQL, a real browser, real relying parties (ARGS="tests/unit")
	@requirements/browser
	@requirements/clients
	@.venv/bin/pytest -n $(JOBS) -rfEs $(ARGS)

lint: .venv/.dev ## Style, types and the import law; every check runs, whatever the one before says
	@failed=0; \
	.venv/bin/ruff check || failed=1; \
	.venv/bin/ruff format --check || failed=1; \
	.venv/bin/lint-imports || failed=1; \
	.venv/bin/mypy || failed=1; \
	.venv/bin/djlint --lint --quiet . || failed=1; \
	exit $$failed

format: .venv/.dev ## Put the code into the one format
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

conformance: .venv/.dev ## Run the SCIM suites, real relying parties, the foundation's modules and its earlier suite; write docs/conformance (ARGS=--lines)
	@requirements/clients
	.venv/bin/python -m tests.support.scim_conformance $(ARGS)
	.venv/bin/python -m tests.support.oidc_conformance $(ARGS)

bench: .venv/.dev ## Measure the workloads beside the framework's own limit
	.venv/bin/python -m bench $(ARGS)

bench-large: .venv/.dev ## Measure SCIM at 1,000, 10,000 and 100,000 users, on both databases
	.venv/bin/python -m bench --large --database sqlite $(ARGS)
	.venv/bin/python -m bench --large --database postgresql $(ARGS)

soak: .venv/.dev ## Walk the story again and again while processes are killed (ARGS="--minutes 60")
	.venv/bin/python -m bench.soak $(ARGS)

lock: ## Pin the packages anew (ARGS="flask" raises one, ARGS=--all raises all)
	@PYTHON='$(PYTHON)' requirements/lock $(ARGS)

clean: ## Remove what the commands here made
	rm -rf tests/conformance/clients/node/node_modules .venv build dist var test-artifacts *.egg-info .mypy_cache .ruff_cache .import_linter_cache .hypothesis
