# `make` lists the targets. Everything they need they make: .venv here, the engine in your cache folder.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
# Where somebody looks on, pip shows what it fetches.
QUIET = $$([ -t 2 ] || echo --quiet)
# The engine's folder is asked for when a target runs, after the virtual environment is there.
WITH_ENGINE = engine=$$($(PYTHON) tools/engine/engine.py) && export PATH="$(CURDIR)/$(VENV)/bin:$$engine:$$PATH" &&
# A file's tests share what they start, so they stay in one process; files run beside each other, quick ones first.
PYTEST = python -m pytest
BESIDE = --numprocesses auto --dist loadfile --no-loadscope-reorder
IN_VENV = export PATH="$(CURDIR)/$(VENV)/bin:$$PATH" &&

.PHONY: help up preview env refresh destroy test test-all check pages site wheel bench bench-scale lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=/path/to/it")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "this Python has no venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing the locked dependencies into $(VENV) (about 1.5 GB, two to four minutes)"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/pip install $(QUIET) --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(VENV)/bin/pip install $(QUIET) --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

up: $(STAMP) ## tune, deploy and ask the stack demo-local on this machine
	@$(WITH_ENGINE) python tools/rehearsal.py up

preview: $(STAMP) ## show what `make up` would change
	@$(WITH_ENGINE) python tools/rehearsal.py preview

env: $(STAMP) ## print what a shell takes to use the demo, for eval as in README
	@$(WITH_ENGINE) python tools/rehearsal.py env

refresh: $(STAMP) ## read back what is really there
	@$(WITH_ENGINE) python tools/rehearsal.py refresh

destroy: $(STAMP) ## take demo-local down, but keep its weights
	@$(WITH_ENGINE) python tools/rehearsal.py destroy

test: check ## the checks, then the whole test suite, the real engine included
	@$(WITH_ENGINE) $(PYTEST) $(BESIDE) -m "not exhaustive and not alone" && $(PYTEST) -m "not exhaustive and alone"

test-all: $(STAMP) ## what `make test` runs, and what takes too long for it
	@$(WITH_ENGINE) $(PYTEST) $(BESIDE) -m "not alone" && $(PYTEST) -m alone

check: $(STAMP) ## format, lint, types, import layers, workflows, documents
	@$(IN_VENV) ruff format --check . && ruff check . && mypy && lint-imports && python tools/lint/words.py && python -m tools.pages --check && python -m tools.docs
	@$(IN_VENV) zizmor --offline --quiet --no-progress .github
	@if command -v go >/dev/null; then cd tools/lint && go tool actionlint -shellcheck= -pyflakes= ../../.github/workflows/*.yml; \
	  else echo "actionlint: skipped, there is no Go here" >&2; fi

pages: $(STAMP) ## write again what is made from the code: schemas, reference pages, tables
	@$(IN_VENV) python -m tools.pages

site: $(STAMP) ## build the documents into .run/site
	@$(IN_VENV) NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet

wheel: $(STAMP) ## build the wheel and the source distribution, and try the wheel in an empty environment
	@rm -rf dist
	@$(IN_VENV) python -m hatchling build
	@$(WITH_ENGINE) $(PYTEST) tests/engine/test_wheel.py

bench: $(STAMP) ## speed, as ratios in one run
	@$(WITH_ENGINE) python -m tests.bench.run
	@$(WITH_ENGINE) python -m tests.bench.round_trips
	@$(WITH_ENGINE) python -m tests.bench.scale --sizes 1,10 --first-up 0 --tuned 0
	@$(IN_VENV) python -m tests.bench.dataset_bench

bench-scale: $(STAMP) ## the same by number of services, up to 1,000; takes long
	@$(WITH_ENGINE) python -m tests.bench.scale --picture docs/scale.svg

COMPILE = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url pyproject.toml
lock: $(STAMP) ## choose the newest allowed dependencies again
	@$(IN_VENV) $(COMPILE) --upgrade --all-extras --group dev -o requirements.lock
	@$(IN_VENV) $(COMPILE) --constraint requirements.lock --group run -o requirements-run.lock

clean: ## remove what `make` made here, the rehearsal's state and weights too
	@if [ -x $(VENV)/bin/python ]; then PATH="$(CURDIR)/$(VENV)/bin:$$PATH" python tools/rehearsal.py stop; fi
	@rm -rf $(VENV) .run
