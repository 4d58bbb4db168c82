# slad: see README.md. Needs Python 3.11 or newer, with its venv module, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 10999
SHORT_TESTS := $(BIN)/python -m pytest -m "not long" -n 3 --dist loadgroup
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run hub-demo test test-shuffled test-long lint bench mutants man mixin site screenshots lock wheel install deb sbom clean

help: ## Show what there is to make.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

$(VENV)/.run: requirements.lock pyproject.toml
	@echo "1 of 3: a place for slad and what it needs, $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "2 of 3: what slad needs, as requirements.lock pins it; a minute or two"
	@$(PIP) install --require-hashes -r requirements.lock
	@echo "3 of 3: slad itself"
	@$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@echo "What the tests need, as requirements-dev.lock pins it"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/.run ## Run the demo: make run PORT=10999; or the daemon: make run CONFIG=slad.toml
ifdef CONFIG
	@$(BIN)/slad run --config $(CONFIG)
else
	@$(BIN)/slad demo --port $(PORT)
endif

hub-demo: $(VENV)/.run ## Two monitors, two hubs, Prometheus and Alertmanager on this machine: deploy/hub/README.md.
	deploy/hub/up

test: $(VENV)/.dev ## Install what the tests need and run every test but the long ones.
	tests/install-peers
	$(SHORT_TESTS)

test-shuffled: $(VENV)/.dev ## The tests of make test in random order, another each time: make test-shuffled, or SEED=7 as a run printed it.
	tests/install-peers
	$(SHORT_TESTS) -p randomly $(if $(SEED),--randomly-seed $(SEED))

test-long: $(VENV)/.dev ## The same and the tests that take long: more seeds, more kills.
	tests/install-peers
	$(BIN)/python -m pytest

lint: $(VENV)/.dev ## Formatter, linter, types, architecture.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## Measure speed and memory; prints the tables of README.md.
	$(BIN)/python -m bench

mutants: $(VENV)/.dev ## Mutation testing of sla/: which changes to the arithmetic no test would notice.
	$(BIN)/mutmut run --max-children 2
	$(BIN)/mutmut results

screenshots: $(VENV)/.dev ## Make the pictures of docs/screenshots anew (needs Chromium).
	$(BIN)/python -m tests.browser.screenshots
# The day of the last commit, so that the same sources make the same pages; elsewhere today.
EPOCH = $${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || date +%s)}

man: $(VENV)/.run ## Write the man pages and the completion for shells into build/manual.
	rm -rf build/manual
	$(BIN)/python -m deploy.manual.build build/manual "$$(date -u -d "@$(EPOCH)" +%F)"

mixin: $(VENV)/.run ## Write rules, alerts, dashboards and runbooks into build/mixin: make mixin OPTIONS="--runbook-url URL"
	rm -rf build/mixin
	$(BIN)/python -m deploy.mixin.build build/mixin $(OPTIONS)

site: $(VENV)/.dev ## Build docs/ as a site into build/site; a link that leads nowhere fails.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

lock: ## Pin the dependencies anew, with hashes (needs uv).
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra report --extra hub pyproject.toml build.in -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --extra report --extra hub pyproject.toml build.in --group dev -c requirements.lock -o requirements-dev.lock

WHEEL = $$(ls -t dist/slad-*.whl | head -n 1)

wheel: $(VENV)/.run ## Build the wheel into dist/.
	$(PIP) wheel --quiet --no-deps --no-build-isolation -w dist .

install: wheel man mixin ## Install slad as a service (as root; DESTDIR, PREFIX=/opt/slad, BASE=/usr/local).
	deploy/install "$(WHEEL)"

deb: wheel man mixin ## Build a package for this release of Debian into dist/.
	deploy/debian/build "$(WHEEL)"

sbom: $(VENV)/.run ## Write the bill of materials, of the lock, into dist/ (CycloneDX).
	mkdir -p dist
	$(BIN)/python -m deploy.sbom > dist/slad.cdx.json

clean: ## Remove what was built.
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
