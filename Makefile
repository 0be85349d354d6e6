# Everything a fresh machine needs is Python 3.11 or newer and make. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_ENV := .env-demo
PORT ?= 5001

.PHONY: help demo test test-e2e test-contract test-plain test-ui check format lint types layers web web-check web-dev unit frameworks bench reliability components servers clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(DEMO_ENV)/.ready: requirements/demo.lock pyproject.toml
	$(PYTHON) -m venv $(DEMO_ENV)
	$(DEMO_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.lock
	touch $@

demo: $(DEMO_ENV)/.ready ## Train ten models on the digits data set, compare them, serve the result
	$(DEMO_ENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall .
	$(DEMO_ENV)/bin/python examples/demo.py --port $(PORT)

# pip installs uv, as locked, and uv all else: a sixth of the time of the processor, most of which pip spends on
# unpacking. Nothing is compiled: most of it is never imported, and what is gets compiled then. It must be kept then,
# also where an image forbids it, or each of the thousand processes that tests start compiles all anew.
export PYTHONDONTWRITEBYTECODE :=
UV := $(BIN)/uv
INSTALL := requirements/install.sh $(UV)

$(UV):
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.lock

$(VENV)/.ready: requirements/dev.lock pyproject.toml | $(UV)
	$(INSTALL) $(VENV) --require-hashes --no-deps --requirement requirements/dev.lock
	ASSAY_SKIP_UI=1 $(INSTALL) $(VENV) --no-deps --editable .
	touch $@

components: .env-frameworks/.ready servers web ## Install the real servers, frameworks and browser that the tests talk to

servers: | $(UV)
	tests/services/install.sh $(UV)

# The lock has all but torch, whose builds differ by accelerator: pip takes the one that fits the machine.
.env-frameworks/.ready: requirements/frameworks.lock | $(UV)
	$(PYTHON) -m venv .env-frameworks
	$(INSTALL) .env-frameworks --require-hashes --no-deps --requirement requirements/frameworks.lock
	.env-frameworks/bin/python -m pip install --quiet --disable-pip-version-check --no-compile torch==2.13.0
	ASSAY_SKIP_UI=1 $(INSTALL) .env-frameworks --no-deps --editable .
	touch $@

# Three parts at a time, side by side: they wait for servers, disks and other processes as much as they compute. What
# takes longest to install comes first, what takes longest to run next. Under make's own -j, since a shell starts what it
# puts in the background deaf to Ctrl-C, which tests send.
test: ## Format, lint, types, layers, and every test against real components
	$(MAKE) --jobs=3 --output-sync=target .env-frameworks/.ready check test-e2e test-plain test-ui frameworks test-contract

# Two files at a time (tests/e2e/conftest.py): what they start takes its time to start, and both wait.
test-e2e: servers web
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadgroup tests/e2e --ignore=tests/e2e/ui

test-ui: servers web
	$(BIN)/python -m pytest tests/e2e/ui

test-contract: servers web
	$(BIN)/python -m pytest tests/contract

test-plain: servers web
	$(BIN)/python -m pytest tests/golden tests/property tests/unit tests/compat

frameworks: .env-frameworks/.ready servers web ## The flavors, with every real framework in an environment of its own
	.env-frameworks/bin/python -m pytest --confcutdir=tests/frameworks tests/frameworks

NPM := $(BIN)/python web/bundle.py npm

web/node_modules/.package-lock.json: web/package-lock.json $(VENV)/.ready
	$(NPM) ci --no-audit --no-fund --loglevel=error
	touch $@

web: web/node_modules/.package-lock.json ## Build the web UI, if its sources changed
	$(BIN)/python web/bundle.py

web-check: web/node_modules/.package-lock.json ## Types, lint and unit tests of the web UI
	$(NPM) run --silent api
	$(NPM) run --silent types
	$(NPM) run --silent lint
	$(NPM) run --silent test

web-dev: web/node_modules/.package-lock.json ## The web UI with hot reload, before a server: make web-dev ASSAY_SERVER=http://127.0.0.1:5000
	$(NPM) run --silent dev

check: format lint types layers web-check ## All that needs no test to run

format: $(VENV)/.ready ## Is everything formatted?
	$(BIN)/ruff format --check .

lint: $(VENV)/.ready ## ruff over the tree
	$(BIN)/ruff check .

types: $(VENV)/.ready ## mypy, strict, over the package
	$(BIN)/mypy

layers: $(VENV)/.ready ## Do imports point down?
	$(BIN)/python -m pytest -q tests/architecture

unit: $(VENV)/.ready ## The quick tests, without servers
	$(BIN)/python -m pytest -q tests/unit tests/property tests/architecture

bench: $(VENV)/.ready ## Beside MLflow, W&B and trackio, in environments of their own; writes docs/performance.md
	$(BIN)/python -m benchmarks.run

reliability: $(VENV)/.ready ## The reliability cases in full; prints their figures
	$(BIN)/python -m benchmarks.reliability

clean: ## Remove environments and caches
	rm -rf $(VENV) $(DEMO_ENV) .env-* .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build \
		web/node_modules src/assay/server/static
