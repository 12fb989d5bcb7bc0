# cpm-live: every target sets up what it needs and does nothing twice.
#
#   make run     start cpm-live (without a display: the demo, headless, into out/)
#   make test    run the tests
#
# Variables: PYTHON (3.11 or newer), VENV, ARGS (for run and test), PIP_ARGS (for pip install).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
PYTHON ?=
ARGS ?=
PIP_ARGS ?=

PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed
# [gpu] only where an NVIDIA driver answers.
GPU = $(shell nvidia-smi >/dev/null 2>&1 && echo gpu)

export VENV

.NOTPARALLEL: # two apt-gets or two pips at once do no good

.PHONY: help install run test lint types clean system-run system-test

help: ## show this
	@echo "cpm-live"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r target text; do \
	    printf '%-16s%s\n' "$$target" "$$text"; done
	@echo 'Pass options with ARGS: make run ARGS="--source video.mp4", make test ARGS="-k crop -x"'

install: $(STAMP)-base ## system libraries, .venv and cpm-live in it (with [gpu] where an NVIDIA driver is found)

run: $(STAMP)-base ## start cpm-live; without a display, the demo headless into out/
	@scripts/run.sh $(ARGS)

test: $(STAMP)-test ## run all tests (a virtual display where Xvfb is found)
	@scripts/test.sh $(ARGS)

lint: $(STAMP)-dev ## ruff check, ruff format --check, mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

types: $(STAMP)-dev ## mypy alone
	$(VENV)/bin/mypy

clean: ## remove the venv, caches, builds and out/
	rm -rf $(VENV) build dist out .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# The system's packages are looked at every time (a few hundredths of a second): a venv can outlive its system.
system-run:
	@scripts/system_packages.sh run

system-test:
	@scripts/system_packages.sh run test

# A venv's python is older than anything in the tree, so the stamps hang on pyproject.toml and on the
# venv being there, not on its date.
$(PY): | system-run
	@scripts/make_venv.sh "$(PYTHON)"

$(STAMP)-base: pyproject.toml | $(PY)
	$(PY) -m pip install $(PIP_ARGS) -e ".$(if $(GPU),[$(GPU)])"
	@touch $@

$(STAMP)-test: pyproject.toml | system-test $(PY)
	$(PY) -m pip install $(PIP_ARGS) -e ".[test]"
	@touch $(STAMP)-base $@

$(STAMP)-dev: pyproject.toml | system-test $(PY)
	$(PY) -m pip install $(PIP_ARGS) -e ".[dev]"
	@touch $(STAMP)-base $(STAMP)-test $@
