# `make run` and `make test` do all the set-up. `make help` lists the rest.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help run test test-mujoco3 test-slow check format canary bench bench-detection build clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 17

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "soak needs Python 3.11 or newer: make PYTHON=python3.13 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $(READY)

run: $(READY) ## the main job: soak the simulation for one minute
	$(BIN)/soak run mutation_storm start_stop mutate_after_done close_while_running render_storm --minutes 1

# Most tests wait for processes that they have started: four at once use two cores well. They are handed out
# one by one, for a long one at the end of somebody's pile keeps everybody waiting.
test: $(READY) ## the tests
	$(BIN)/python -m pytest -n 4 --maxschedchunk 1

test-mujoco3: $(READY) ## what needs MuJoCo 3, in an environment of its own
	$(PYTHON) -m venv $(VENV)-mujoco3
	$(VENV)-mujoco3/bin/python -m pip install --quiet --editable '.[all]' pytest
	$(VENV)-mujoco3/bin/python -m pytest tests/targets tests/scenarios/test_env.py

test-slow: $(READY) ## the longer soaks
	$(BIN)/python -m pytest -m slow

check: $(READY) ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## rewrite the files as the formatter and the linter like them
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

canary: $(READY) ## every planted defect must be found
	$(BIN)/soak canary

bench: $(READY) ## measure what benchmarks/README.md says
	$(BIN)/python -m benchmarks

bench-detection: $(READY) ## how soon a race is found, by soak and by others
	$(BIN)/python -m benchmarks.detection
	$(BIN)/python -m benchmarks.detection --twins

build: $(READY) ## wheel and sdist
	$(BIN)/python -m build

clean: ## remove what was built
	rm -rf $(VENV) $(VENV)-mujoco3 build dist .mypy_cache .ruff_cache .pytest_cache
