# make run          everything on this machine, at http://127.0.0.1:8000  (PORT=, HOST=)
# make test         all tests: SQLite, or what DATABASE_URL and REDIS_URL name; BROWSER=off leaves
#                   the browser out, ARGS="-k approve" chooses, MARKS=simulation tries the simulation
# make lint         style, types, arrows between the layers, migrations, settings for deployment
# make simulate     months of sending under faults: SEEDS=20 DAYS=100, or one alone: SEED=17 DAYS=100
# make mutants      the simulation without one guard at a time: does it notice? (ARGS="--seeds 10")
# make chaos        kill, freeze, restart and fill everything that sending rests on, with real processes
#                   and servers of its own (CHAOS_SCALE=4 is larger; ARGS="F01 F21" chooses)
# make corpora      how well mail is read: CORPORA=<folder> with bounces and reply_text (ARGS=--failed)
# make fakes        Google and Microsoft on this machine, to connect mailboxes to (PORT=9050)
# make bench        the figures of the README, on the PostgreSQL that DATABASE_URL names
# make screenshots  the pictures of the README

SHELL := /bin/sh
.DEFAULT_GOAL := run
.PHONY: run test lint lint-style lint-types lint-arrows lint-migrations lint-deployment simulate mutants chaos corpora fakes bench screenshots install install-dev lock

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3.14 python3 python,\
	$(shell $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $(name))))
BIN := .venv/bin
DJANGO := $(BIN)/python manage.py
CHROMIUM ?= $(shell command -v chromium-headless-shell || command -v chromium || command -v chromium-browser || command -v google-chrome)
BROWSER ?= $(if $(CHROMIUM),on,off)
JOBS ?= auto
MARKS ?= not simulation$(if $(filter on,$(BROWSER)),, and not browser)
export CHROMIUM

run: install
	@exec $(DJANGO) run

test: install-dev
	@echo "Tests on $(if $(DATABASE_URL),the database of DATABASE_URL,SQLite)," \
	"$(if $(REDIS_URL),the Redis of REDIS_URL,no Redis)," \
	"$(if $(filter on,$(BROWSER)),browser: $(CHROMIUM),browser tests left out$(if $(CHROMIUM),, (no Chromium found)))."
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "$(MARKS)" $(ARGS)

# The settings of a deployment, so that Django's own deployment check has something to check.
DEPLOYED := DEBUG=false BASE_URL=https://outreach.example.com \
	SECRET_KEY=a-key-that-only-this-check-uses-0123456789-abcdefghijklmnopqrstuvwxyz \
	FIELD_ENCRYPTION_KEYS=b25seS10aGlzLWNoZWNrLXVzZXMtdGhpcy1rZXktMDE=

lint: lint-style lint-types lint-arrows lint-migrations lint-deployment

lint-style: install-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

lint-types: install-dev
	@$(BIN)/mypy

lint-arrows: install-dev
	@$(BIN)/lint-imports

lint-migrations: install-dev
	@$(DJANGO) makemigrations --check --dry-run

lint-deployment: install-dev
	@$(DEPLOYED) $(DJANGO) check --deploy --fail-level WARNING

SEEDS ?= 20
DAYS ?= 100
simulate: install-dev
	@$(BIN)/python -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) --days $(DAYS) $(ARGS)

mutants: install-dev
	@$(BIN)/python -m tests.simulation.mutants $(ARGS)

chaos: install-dev
	@$(BIN)/python -m tests.chaos $(ARGS)

corpora: install-dev
	@$(BIN)/python -m tests.corpora $(ARGS) "$(CORPORA)"

fakes: install-dev
	@exec $(BIN)/python -m tests.fakes $(if $(PORT),--port $(PORT)) $(ARGS)

bench: install-dev
	@$(BIN)/python -m tests.benchmarks $(ARGS)

screenshots: install-dev
	@$(BIN)/python -m tests.screenshots $(ARGS)

lock: install-dev
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --extra dev pyproject.toml -o requirements-dev.lock

install: $(BIN)/python
	@$(call installed,requirements.lock)

install-dev: $(BIN)/python
	@$(call installed,requirements-dev.lock)

# Installs a lock file unless exactly this one is installed already.
define installed
want="$$($(BIN)/python -c 'import hashlib, sys; print(sys.version.split()[0], hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' $(1))"; \
if [ "$$(cat .venv/$(1).installed 2>/dev/null)" != "$$want" ]; then \
	echo "Installing $(1)."; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(1) \
	&& printf '%s\n' "$$want" > .venv/$(1).installed; \
fi
endef

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer is needed, and none was found. Install it, or name it: make run PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; $(PYTHON) is " + sys.version.split()[0] + ".")'
	@$(PYTHON) -m venv .venv || { \
		rm -rf .venv; \
		echo "Python could not make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; \
	}
