# `make demo` and `make test` need Python 3.10 or newer, and nothing else on the machine.
PYTHON ?= python3
PG_CONFIG ?= pg_config
python = .venv/bin/python

# Compiled modules make the processes of the tests start faster.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo live test test-property screenshots bench bench-peers sql docs sync
.PHONY: lint check-sql check-python format release packages next

help: ## list these targets
	@awk -F ':.*## ' '/^(# )?[a-z-]+:.*## / { sub(/^# /, ""); printf "make %-13s  %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/.examples sql ## run the example in examples/corpus on a private server
	$(python) -m examples.corpus

live: .venv/.examples sql ## serve the example in examples/live, a page and the dashboard, on a private server
	$(python) -m examples.live

test: lint ## check everything: generated files, style, types, SQL, then the tests, three at a time
	$(python) -m pytest --numprocesses 3 --dist worksteal

test-property: .venv/.dev sql ## compare random lives of runs with the model: thousands, or as many as CASES says
	STEPGRES_PROPERTY_CASES=$(or $(CASES),5000) STEPGRES_TEST_PATIENCE=1200 \
		$(python) -m pytest tests/property/test_lifecycle.py

screenshots: .venv/.dev sql ## make the pictures of docs/images, in Chromium
	STEPGRES_SCREENSHOTS=docs/images STEPGRES_TEST_SERVERS=18 \
		$(python) -m pytest tests/dashboard/test_screenshots.py

bench: .venv/.bench sql ## measure what users get, on a private server: throughput, latency, cost, growth
	$(python) -m bench

bench-peers: .venv/.bench sql ## the same of other systems, which it installs into a folder for caches
	$(python) -m bench.peers

sql: sql/stepgres.sql ## build the scripts that install and upgrade from sql/src

sql/stepgres.sql: tools/build_sql.py python/stepgres/_version.py $(shell find sql/src -name '*.sql')
	@$(PYTHON) tools/build_sql.py
	@touch $@

docs: .venv/.dev ## build docs/reference.md from the comments in sql/src, and check the names in docs/internals.md
	$(python) tools/build_reference.py
	$(python) tools/check_names.py

sync: .venv/.dev ## build the synchronous modules from their asynchronous siblings
	$(python) tools/generate_sync.py

lint: .venv/.dev sql ## check everything except the tests
	@$(MAKE) --no-print-directory --jobs 2 check-sql check-python

check-sql:
	$(python) -m sqlfluff lint --nocolor sql/src

check-python:
	$(python) tools/generate_sync.py --check
	$(python) tools/build_reference.py --check
	$(python) tools/check_names.py
	$(python) -m ruff check --quiet
	$(python) -m ruff format --check --quiet
	$(python) -m mypy python tools tests $(wildcard bench examples)

format: .venv/.dev ## format Python and SQL
	$(python) -m ruff check --quiet --fix
	$(python) -m ruff format --quiet
	$(python) -m sqlfluff fix --nocolor sql/src

release: .venv/.dev ## prepare the release VERSION: versions, changelog, scripts, packages, checks
	$(python) tools/release.py $(VERSION)

packages: .venv/.dev ## build the sdist and the wheel, and try both in clean environments
	$(python) tools/release.py --packages

next: .venv/.dev ## begin VERSION after a release: versions, changelog, and the file of its changes of tables
	$(python) tools/release.py --next $(VERSION)

# install: ## copy the extension into the server of PG_CONFIG, for `create extension stepgres`
# PGXS is read for these targets alone: the others work where no server is installed.
ifneq (,$(filter install uninstall,$(MAKECMDGOALS)))
EXTENSION = stepgres
$(shell $(PYTHON) tools/build_sql.py >&2)
DATA = $(wildcard sql/stepgres--*.sql)
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq (,$(wildcard $(PGXS)))
$(error "$(PG_CONFIG)" finds no PGXS: install the server's development package, or set PG_CONFIG)
endif
include $(PGXS)
endif

# .venv/.EXTRA says that the package is installed with that extra, as pyproject.toml has it now.
.venv/.%: pyproject.toml | .venv/bin/pip
	$(python) -m pip --disable-pip-version-check install --quiet --editable '.[$*]'
	@touch $@

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo '$(PYTHON) is not Python 3.10 or newer: make PYTHON=...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo '$(PYTHON) cannot make a virtual environment: install its venv package' \
			'(on Debian and Ubuntu: apt install python3-venv)' >&2; exit 1; }
	$(PYTHON) -m venv .venv
