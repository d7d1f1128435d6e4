# Every target makes .venv when it is missing or older than its lock.
PYTHON ?= python3
BIN := .venv/bin
# Both cores for tests; loopback only.
PYTEST := $(BIN)/pytest -n 2

.PHONY: demo up test test-slow check bench chart-docs format lock clean

demo: .venv/runtime  ## the whole product in one minute, installing included: sessions over REST, clients over wss, a killed worker
	$(BIN)/moorage demo

up: .venv/runtime  ## gateway, scheduler, REST API and two example workers in one process
	$(BIN)/moorage up

test: .venv/dev
	$(PYTEST) -m "not slow" tests

test-slow: .venv/dev  ## storms, soaks and sanitizers; those that measure or kill have the machine to themselves
	$(PYTEST) -m slow --timeout 900 tests/scheduler tests/controlplane
	$(BIN)/pytest -m slow --timeout 900 --ignore tests/scheduler --ignore tests/controlplane tests

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

bench: .venv/dev  ## all benchmarks beside their peers; one alone: .venv/bin/python -m bench relay
	$(BIN)/python -m bench all

chart-docs: .venv/dev  ## the chart's README and values.schema.json, from values.yaml
	$(BIN)/python -m helm

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:  ## pins the newest versions that pyproject.toml allows; needs uv
	uv pip compile -q pyproject.toml --extra server --extra redis --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements.lock
	uv pip compile -q pyproject.toml --extra server --extra redis --group dev --group bench --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/runtime: .venv/bin/python requirements.lock pyproject.toml setup.py $(wildcard gateway/*.pyx gateway/io/compiled/*.p*)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

.venv/dev: .venv/bin/python requirements-dev.lock .venv/runtime
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@
