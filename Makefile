# Every target makes .venv when it is missing or older than its lock.
PYTHON ?= python3
BIN := .venv/bin
# Both cores for tests; loopback only.
PYTEST := $(BIN)/pytest -n 2
# Images: the name, the Python of the base (the extensions are compiled for it, on this machine's Linux), and docker, podman or buildah.
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
TAG ?= $(VERSION)
IMAGE ?= moorage
WORKER_IMAGE ?= moorage-example-worker
IMAGE_PYTHON ?= python3.11
CONTAINERS ?= $(shell for tool in docker podman buildah; do $$tool info >/dev/null 2>&1 && echo $$tool && break; done)
BUILD_docker = docker build
BUILD_podman = podman build --format docker
BUILD_buildah = buildah bud --isolation chroot --format docker --layers=false
BUILD = $(or $(BUILD_$(CONTAINERS)),$(error neither docker nor podman nor buildah answers here: set CONTAINERS to one of them))
SOURCES = $(shell find moorage scheduler gateway controlplane autoscaler -type f ! -name '*.so' ! -name '*.c' ! -name '*.pyc')

.PHONY: demo up test test-slow check bench chart-docs format lock clean wheels image image-worker

demo: .venv/runtime  ## the whole product in one minute, installing included: sessions over REST, clients over wss, a killed worker
	$(BIN)/moorage demo

up: .venv/runtime  ## gateway, scheduler, REST API and two example workers in one process
	$(BIN)/moorage up

test: .venv/dev
	$(PYTEST) -m "not slow" tests

test-slow: .venv/dev  ## storms, soaks and sanitizers; those that measure or kill have the machine to themselves
	$(PYTEST) -m slow --timeout 900 tests/scheduler tests/controlplane
	$(BIN)/pytest -m "slow and not kubernetes" --timeout 900 --ignore tests/scheduler --ignore tests/controlplane tests
	$(BIN)/pytest -m "slow and kubernetes" --timeout 900 tests # one kwok and one node for all of them, beside nothing that measures

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

bench: .venv/dev  ## all benchmarks beside their peers; one alone: .venv/bin/python -m bench relay
	$(BIN)/python -m bench all

chart-docs: .venv/dev  ## the chart's README and values.schema.json, from values.yaml; its dashboards, from helm/dashboards
	$(BIN)/python -m helm

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheels: build/wheels/.locked build/wheels/.own  ## everything the image installs, for its Python

image: wheels  ## gateway, control plane, autoscaler and Valkey in one image: TAG=, IMAGE=
	$(BUILD) -t $(IMAGE):$(TAG) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(shell git rev-parse --short HEAD 2>/dev/null || echo unknown) .

image-worker: wheels  ## the example worker, as you would write it: TAG=, WORKER_IMAGE=
	rm -rf examples/worker/wheels
	build/pip/bin/pip wheel -q --no-index --find-links build/wheels -w examples/worker/wheels moorage
	$(BUILD) -t $(WORKER_IMAGE):$(TAG) examples/worker

lock:  ## pins the newest versions that pyproject.toml allows; needs uv
	uv pip compile -q pyproject.toml --extra server --extra redis --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements.lock
	uv pip compile -q pyproject.toml --extra server --extra redis --extra postgres --extra kubernetes --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -c requirements.lock -o requirements-image.lock
	uv pip compile -q pyproject.toml --extra server --extra redis --group dev --group bench --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf .venv build dist examples/worker/wheels *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/runtime: .venv/bin/python requirements.lock pyproject.toml setup.py $(wildcard gateway/*.pyx gateway/io/compiled/*.p*)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

.venv/dev: .venv/bin/python requirements-dev.lock .venv/runtime
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

build/pip/bin/pip:
	$(IMAGE_PYTHON) -m venv build/pip
	build/pip/bin/pip install -q --disable-pip-version-check wheel

build/wheels/.locked: requirements-image.lock | build/pip/bin/pip
	rm -rf build/wheels build/original && mkdir -p build/wheels
	sed "s/ ; python_full_version [^\\\\]*/ /" requirements-image.lock >build/requirements.lock # the base's patch release may be another than this machine's
	build/pip/bin/pip wheel -q --disable-pip-version-check --no-deps --require-hashes -r build/requirements.lock -w build/original
	for wheel in build/original/*linux*.whl; do \
	  rm -rf build/open && build/pip/bin/wheel unpack -d build/open $$wheel >/dev/null && \
	  find build/open -name '*.so' -exec strip --strip-debug {} + && build/pip/bin/wheel pack -d build/wheels build/open/* >/dev/null && rm $$wheel || exit; \
	done # symbols for debuggers are 45 MB of 150
	mv build/original/*.whl build/wheels && rm -rf build/original build/open
	touch $@

build/wheels/.own: build/wheels/.locked pyproject.toml setup.py README.md $(SOURCES)
	rm -rf build/lib* build/bdist* build/wheels/moorage-*.whl
	LDFLAGS=-s build/pip/bin/pip wheel -q --disable-pip-version-check --no-deps . -w build/wheels
	touch $@
