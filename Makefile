# `make demo` and `make test` need Python 3.10 or newer, and nothing else on the machine.
PYTHON ?= python3
PG_CONFIG ?= pg_config
python = .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo live test test-property bench sql docs sync lint format

help: ## list these targets
	@awk -F ':.*## ' '/^(# )?[a-z-]+:.*## / { sub(/^# /, ""); printf "make %-13s  %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/.examples ## run the example in examples/corpus on a private server
	$(python) -m examples.corpus

live: .venv/.examples ## serve the example in examples/live, a page that shows a run, on a private server
	$(python) -m examples.live

test: lint ## check everything: generated files, style, types, SQL, then the tests, two at a time
	$(python) -m pytest --numprocesses 2 --dist worksteal

test-property: .venv/.dev ## compare random lives of runs with the model: thousands, or as many as CASES says
	STEPGRES_PROPERTY_CASES=$(or $(CASES),5000) $(python) -m pytest tests/property/test_lifecycle.py

bench: .venv/.examples ## measure throughput on a private server
	$(python) -m bench

sql: .venv/.dev ## build sql/stepgres.sql and the extension script from sql/src
	$(python) tools/build_sql.py

docs: .venv/.dev ## build docs/reference.md from the comments in sql/src
	$(python) tools/build_reference.py

sync: .venv/.dev ## build python/stepgres/_sync from _async
	$(python) tools/generate_sync.py

lint: .venv/.dev ## check everything except the tests
	$(python) tools/build_sql.py --check
	$(python) tools/generate_sync.py --check
	$(python) tools/build_reference.py --check
	$(python) -m ruff check --quiet
	$(python) -m ruff format --check --quiet
	$(python) -m mypy python tools tests $(wildcard bench examples)
	$(python) -m sqlfluff lint --nocolor sql/src

format: .venv/.dev ## format Python and SQL
	$(python) -m ruff check --quiet --fix
	$(python) -m ruff format --quiet
	$(python) -m sqlfluff fix --nocolor sql/src

# install: ## copy the extension into the server of PG_CONFIG, for `create extension stepgres`
# PGXS is read for these targets alone: the others work where no server is installed.
ifneq (,$(filter install uninstall,$(MAKECMDGOALS)))
EXTENSION = stepgres
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
