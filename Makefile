# Two commands on a fresh machine: `make search` and `make test`. Both make .venv first, if it is not there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Real data sets, where a checkout has them beside it; `digits` needs none.
ifndef SPARSENAS_DATA
ifneq ($(wildcard ../shared/data),)
export SPARSENAS_DATA := $(abspath ../shared/data)
endif
endif

.PHONY: search test lint format install clean

search: install
	$(BIN)/sparsenas search --task digits --max-density 0.2 --name digits

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: $(VENV)/.installed

# torch first and by its exact version: a range would let pip take a build with gigabytes of CUDA packages.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "sparsenas needs Python 3.11 or newer; got " + sys.version.split()[0] + ". Run: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(shell grep '^torch==' constraints.txt)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache
