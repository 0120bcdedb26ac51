# make demo    the whole method on generated images, ending in a report
# make test    every test that this machine can run
# make test-label    the tests against a real MONAI Label server, in an environment of its own: LABEL_VENV=folder (8 GB more)
# make lint    ruff and mypy
# make clean   what building and testing left behind (results in runs/ stay)
#
# VENV=folder moves the environment, PYTHON=python3.12 picks the interpreter that creates it,
# PIP_ARGS="--index-url ..." reaches pip, ARGS="..." reaches ssgnet demo, pytest (make test ARGS="tests/ops -k scan").

PYTHON ?= python3
VENV ?= .venv
LABEL_VENV ?= .venv-label
PIP_ARGS ?=
ARGS ?=
# One thread in each of two workers beats two spinning threads on two cores.
WORKERS ?= 2

# OpenMP's spinning threads make a busy machine ten times slower; the defaults below only fill what is unset.
export OMP_WAIT_POLICY ?= PASSIVE
export GOMP_SPINCOUNT ?= 0

BIN := $(VENV)/bin
RUN_PIP := $(BIN)/python -m pip --disable-pip-version-check
# Stamps carry checksums: of the packaging files (what is installed) and of this folder's path (whose code it runs).
PACKAGING := $(shell cat setup.cfg pyproject.toml | cksum | cut -d ' ' -f 1)
CHECKOUT := $(shell pwd -P | cksum | cut -d ' ' -f 1)
INSTALLED = $(VENV)/.ssgnet-installed-$(PACKAGING)
LINKED = $(VENV)/.ssgnet-linked-$(PACKAGING)-$(CHECKOUT)
TOOLS = $(VENV)/.ssgnet-tools-$(PACKAGING)
UNFINISHED = $(VENV)/.ssgnet-unfinished

.PHONY: demo test test-label lint clean environment label-environment
.DEFAULT_GOAL := demo

demo: environment
	$(BIN)/ssgnet demo $(ARGS)
	@report=$$(ls -t runs/*/report.html 2>/dev/null | head -n 1); \
	if [ -n "$$report" ]; then echo "Open the report: $$(pwd)/$$report"; fi

test: environment
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

# Complete ones are left as they are.
label-environment: environment
	$(BIN)/python -m ssgnet_monai.cli label setup --env "$(LABEL_VENV)"

test-label: label-environment
	SSGNET_LABEL_ENV="$(abspath $(LABEL_VENV))" OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} \
	  $(BIN)/python -m pytest tests/label $(ARGS)

lint: environment $(TOOLS)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage
	find ssgnet_monai tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

environment: $(LINKED)

# An environment whose creation was cut short is begun again; one that this file did not begin is only added to.
$(INSTALLED):
	@if [ -e "$(UNFINISHED)" ]; then echo "$(VENV) was left half-built: building it again"; rm -rf "$(VENV)"; fi
	@if [ ! -x "$(BIN)/python" ]; then \
	  if [ -d "$(VENV)" ] && [ -n "$$(ls -A "$(VENV)")" ]; then \
	    echo "error: $(VENV) is a folder without bin/python. Remove it or choose another with VENV=folder."; exit 1; fi; \
	  command -v $(PYTHON) >/dev/null || { \
	    echo "error: $(PYTHON) was not found. Debian: apt-get install python3 python3-venv; or PYTHON=path."; exit 1; }; \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "error: Python >= 3.11 is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1). Give another: PYTHON=python3.12."; exit 1; }; \
	  $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "error: $(PYTHON) cannot create environments. Debian: apt-get install python3-venv."; exit 1; }; \
	  echo "Creating $(VENV) (some minutes and about 8 GB, once)"; \
	  mkdir -p "$(VENV)" && touch "$(UNFINISHED)" && $(PYTHON) -m venv "$(VENV)"; fi
	$(RUN_PIP) install --quiet $(PIP_ARGS) "setuptools>=68" wheel
	$(RUN_PIP) install --quiet $(PIP_ARGS) --editable ".[pipeline,numba,test]"
	@rm -f "$(VENV)"/.ssgnet-installed-* "$(VENV)"/.ssgnet-linked-* "$(VENV)"/.ssgnet-tools-* "$(UNFINISHED)"
	@touch "$@"

# The same environment serves another checkout of the same packaging files: only the link to the code changes.
$(LINKED): $(INSTALLED)
	$(RUN_PIP) install --quiet --no-deps --no-build-isolation --editable .
	@rm -f "$(VENV)"/.ssgnet-linked-*
	@touch "$@"

$(TOOLS): $(INSTALLED)
	$(RUN_PIP) install --quiet $(PIP_ARGS) --editable ".[dev]"
	@touch "$@"
