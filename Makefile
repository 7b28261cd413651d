# The project's commands. `make` alone lists them.
#
# The tools live in .venv: uv from a hash-pinned one-line lock by pip, everything else from hash-pinned locks by uv, or by
# pip where uv cannot. Two stamps, so that `make run` never waits for the test tools. The project itself is not installed:
# `python -m app` from this folder finds app/ and migrations/. Written for GNU make 3.81 and newer.

PY ?= python3
ARGS ?=
BIN := .venv/bin
CODE := app kit migrations bench tests
export UV_SYSTEM_CERTS = 1
# Bytecode is kept whatever the shell says: each test process reads every test, and hundreds of servers read all of app/.
export PYTHONDONTWRITEBYTECODE :=

# Published JavaScript clients that the tests let log in, where there is a node to run them.
CLIENTS := tests/clients/node
NODE := $(if $(shell command -v npm 2>/dev/null),$(CLIENTS)/node_modules/.package-lock.json)

# One more than there are processors: some tests wait. Each takes its share of the tests in their order and helps others at the end, so that
# the servers and databases which a module's tests share are not made in every one of them.
PROCESSES ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

# Rooms whose branch coverage is gated, and the gate in percent.
GATED := core dialects oauth2 storage
GATE := 95
# Their own tests, without the thousands of golden exchanges that take the same few paths, and those of what only a whole server shows.
GATING := $(GATED:%=tests/%) --ignore tests/dialects/conformance tests/models $(addprefix tests/security/,test_openid.py test_client_assertions.py test_resources.py)

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run demo test coverage lint format lock locales schema support screenshots bench bench-sandbox timing faults clean

help:  ## print this list
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name text; do printf '%-18s %s\n' "$$name" "$$text"; done

setup: .venv/.run  ## build .venv with what the server needs

setup-dev: .venv/.dev  ## the same, and the tools for tests, lint and locks

run: .venv/.compiled  ## start the sandbox                       ARGS="--port 8080"
	@$(BIN)/python -m app sandbox $(ARGS)

demo: .venv/.compiled  ## one whole login without a browser, step by step
	@$(BIN)/python kit/demo.py

# Shortly before a test is ended for hanging, every thread says where it is. Slow faults go without: the look itself may end a process.
HOW := --dist worksteal -m 'not faults and not timing' -o faulthandler_timeout=110

test: .venv/.dev .venv/.compiled $(NODE)  ## run the tests without the slow faults    ARGS="tests/core -k name"
	@$(BIN)/python -m pytest -n $(PROCESSES) $(HOW) $(ARGS)

coverage: .venv/.dev .venv/.compiled  ## gate the branch coverage of the rooms that decide and write, by their own tests
	@$(BIN)/python -m pytest -n $(PROCESSES) $(HOW) $(GATING) --cov --cov-report= $(ARGS)
	@$(BIN)/python -m coverage report --fail-under=$(GATE)

lint: .venv/.dev  ## check style, types and who imports whom
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy $(wildcard $(CODE))
	@$(BIN)/lint-imports --no-logo

format: .venv/.dev  ## format the code and fix what can be fixed
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

lock: $(BIN)/uv  ## recompile the lock files                ARGS=--upgrade raises the pins
	@$(call compile,pyproject.toml,requirements.txt)
	@$(call compile,pyproject.toml --group test --group lint --constraint requirements.txt,requirements-dev.txt)
	@$(call compile,--group installer,requirements-uv.txt)

locales: .venv/.dev  ## bring the catalogues of what pages say up to date, and compile them
	@$(BIN)/python -m tests.browser.catalogues

schema: .venv/.dev  ## write the models' schema as SQL, which an empty database gets
	@$(BIN)/python -m tests.migrations.statements

support: .venv/.dev  ## bring the README's table of standards up to date
	@$(BIN)/python -m tests.architecture.support

screenshots: .venv/.dev  ## take pictures of every page in build/screenshots   ARGS=login.zh takes those alone
	@$(BIN)/python -m tests.browser.screenshots $(ARGS)

bench: .venv/.dev .venv/.compiled  ## measure the server                      ARGS="--help"
	@$(BIN)/python -m bench $(ARGS)

bench-sandbox: .venv/.dev .venv/.compiled  ## measure how soon a sandbox is ready, beside others
	@$(BIN)/python -m bench.sandboxes $(ARGS)

timing: .venv/.dev .venv/.compiled  ## compare how long answers take that must not differ, on an idle machine
	@$(BIN)/python -m pytest -m timing tests/security $(ARGS)

faults: .venv/.dev .venv/.compiled  ## run the slow tests that kill and break things
	@TMPDIR="$${TMPDIR:-/tmp}" $(BIN)/python -m pytest -m faults tests/faults $(ARGS)

clean:  ## remove .venv, caches and build results
	@rm -rf .venv $(CLIENTS)/node_modules build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Same pins for Python 3.11 and newer on every platform, every file by its hash, and no address of any index.
compile = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links $(ARGS) $(1) --output-file $(2)

define install
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode --requirement $(1) \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(1)
endef

$(BIN)/uv: requirements-uv.txt
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "this needs Python 3.11 or newer as $(PY): try  make PY=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PY) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "$(PY) has no venv module: apt-get install python3-venv" >&2; exit 2; }
	@$(PY) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

.venv/.run: requirements.txt $(BIN)/uv
	$(call install,$<)
	@touch $@

# Bytecode ahead of the first start, also where the environment tells Python to write none.
.venv/.compiled: .venv/.run $(shell find app migrations -name '*.py')
	@$(BIN)/python -m compileall -q app migrations
	@touch $@

.venv/.dev: requirements-dev.txt .venv/.run
	$(call install,$<)
	@touch $@

# Without the registry the tests that need them say so.
$(CLIENTS)/node_modules/.package-lock.json: $(CLIENTS)/package-lock.json
	@cd $(CLIENTS) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json \
	  || echo "the JavaScript clients could not be installed: their tests will be skipped" >&2
