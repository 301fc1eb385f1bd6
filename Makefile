# Everything a person or a machine does with this source. `make help` lists it.

PYTHON ?= python3
JOBS ?= 2
ARGS ?=
TESTS ?= tests

VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.run-installed
DEV := $(VENV)/.dev-installed
# Nothing but the locked versions and hashes is installed; the build tool itself is locked as well.
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet
LOCKED := $(PIP) --require-hashes --no-deps --only-binary :all:
# The flat layout with a file in twisted/plugins works only in this editable mode.
EDITABLE := $(PIP) --no-deps --no-build-isolation --config-settings editable_mode=compat --editable .
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --build-deps-for editable

.DEFAULT_GOAL := help
.PHONY: help demo test chaos lint format docs bench wheel lock generated proto clean

help: ## List what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

$(BIN)/python:
	@echo "Making $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; set PYTHON=")'
	@$(PYTHON) -m venv $(VENV)

$(RUN): requirements.lock setup.cfg setup.py | $(BIN)/python
	@echo "Installing what the program needs (a minute, once) ..."
	@$(LOCKED) -r requirements.lock
	@$(EDITABLE)
	@touch $@

$(DEV): requirements-dev.lock $(RUN)
	@echo "Installing what tests, lint and documents need (a minute, once) ..."
	@$(LOCKED) -r requirements-dev.lock
	@touch $@

demo: $(RUN) ## Run a whole tree in one process on loopback; ARGS=--check tries it and stops
	@exec $(BIN)/otectl demo $(ARGS)

test: $(DEV) ## Run the whole test suite; TESTS=tests.wire runs a part, JOBS=4 uses more processors
	@$(BIN)/trial -j$(JOBS) $(TESTS)

chaos: $(DEV) ## Kill processes of a tree at random during 100,000 tasks; ARGS="--seed 7" repeats a run
	@$(BIN)/python -m tests.functional.chaos $(ARGS)

lint: $(DEV) ## Check style, types, generated files and news fragments
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/towncrier build --draft --version next >/dev/null

format: $(DEV) ## Put the source into the house form
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

docs: $(DEV) ## Build the documentation site into docs/_build/html
	@$(BIN)/sphinx-build -W --keep-going -q -b html -d docs/_build/doctrees docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(DEV) ## Run the benchmarks; ARGS="B1 --quick" runs one, shortened
	@$(BIN)/python -m benchmarks $(ARGS)

wheel: $(DEV) ## Build wheel and source archive into dist/
	@$(BIN)/python -m build --no-isolation --quiet --outdir dist .
	@ls dist

lock: $(DEV) ## Choose the newest allowed version of every dependency anew
	@$(COMPILE) --upgrade --output-file requirements.lock setup.cfg
	@$(COMPILE) --upgrade --all-extras --constraint requirements.lock --output-file requirements-dev.lock setup.cfg

generated: $(DEV) ## Write anew what is made from declarations: manual pages and examples
	@$(BIN)/python docs/generate.py

proto: $(DEV) ## Write anew the classes of the wire's messages
	@$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. ote_twisted/wire/clustermessage.proto

clean: ## Remove what was built, not .venv
	@rm -rf build dist docs/_build _trial_temp* *.egg-info .mypy_cache .ruff_cache .hypothesis
