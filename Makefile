# `make demo` and `make test` do their whole set-up; everything else assumes nothing more.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo-workspace
LOCK := uv pip compile pyproject.toml --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q

export DO_NOT_TRACK := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# A run starts a dozen processes; without stored bytecode each compiles the tools anew (10 s more a run).
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-slow lint lock bench up clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.default  ## run the main job on the default example, up to a candidate that waits for review
	$(BIN)/signoff demo $(DEMO)

test: $(VENV)/.dev tools  ## all tests, with real parts
	$(BIN)/pytest tests -n 2 --dist loadfile --no-loadscope-reorder

test-slow: $(VENV)/.dev tools  ## the long fault and load suites
	SIGNOFF_SLOW=1 $(BIN)/pytest tests -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(VENV)/.default  ## ratios against bare baselines, see benchmarks/README.md
	$(BIN)/python benchmarks/run.py

up: $(VENV)/.default  ## Prefect server, schedules and endpoint of the demo workspace
	$(BIN)/signoff up --workspace $(DEMO)

lock: $(VENV)/.dev  ## compile the exact pins again
	$(BIN)/$(LOCK) --upgrade -o requirements/default.txt
	$(BIN)/$(LOCK) --group dev --all-extras -c requirements/default.txt -o requirements/dev.txt

clean:
	rm -rf $(DEMO) .pytest_cache .mypy_cache .ruff_cache

# The locked packages: pip brings uv (by hash), uv brings the rest in seconds.
$(BIN)/uv:
	@echo "setting up $(VENV), once for each clone: 1.3 GB of locked packages, 10 seconds to a minute, silently"
	@$(PYTHON) -m venv $(VENV)
	@grep -A 40 '^uv==' requirements/default.txt | awk 'NR==1 || /^    --hash/ {print; next} {exit}' > $(VENV)/uv.txt
	$(BIN)/pip install --quiet --require-hashes --no-deps -r $(VENV)/uv.txt

$(VENV)/.default: $(BIN)/uv requirements/default.txt pyproject.toml
	@test -e $(VENV)/.dev || echo "installing the packages that requirements/default.txt names"
	@test -e $(VENV)/.dev || $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/default.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(BIN)/uv requirements/dev.txt pyproject.toml
	@echo "installing the packages that requirements/dev.txt names"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.default

# What the tests need beyond Python: PostgreSQL for the store, Chromium for the dossier.
.PHONY: tools
tools:
	@if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || ! command -v chromium >/dev/null; then \
	  echo "installing PostgreSQL and Chromium with apt-get"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql chromium >/dev/null; \
	fi
