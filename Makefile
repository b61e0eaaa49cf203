# make demo    run the example: two ROMs on one base image, in real VMs
# make test    run every test, the linter and the type checker (tox)
# make lint    only the linter            make bench   measure; make setup   only get what is needed
# make clean   remove what make made here (the cache in ~/.cache/ukrom stays)
#
# What the machine lacks is installed after asking; without a terminal, or with YES=1, without asking.
# PYTHON=... names the Python to use; the default is the first of python3, python3.x from 3.11 on.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
YES ?=
export PYTHON YES

.PHONY: demo test lint bench setup clean
.DEFAULT_GOAL := test

$(VENV)/.ready: pyproject.toml hatch_build.py .ci/venv
	.ci/venv $(VENV)

setup: $(VENV)/.ready
	@if [ -t 0 ] && [ "$(YES)" != 1 ]; then $(BIN)/ukrom setup; else $(BIN)/ukrom setup --yes; fi

demo: setup
	$(BIN)/pytest --ukrom --ukrom-require-vm -s examples/http-python-rom

# Where the only compiler is the one in .venv, tox's environments are told of it.
test: setup
	CC="$$($(BIN)/python -c 'import shlex, ukrom.host; print(shlex.join(ukrom.host.find_compiler()))')" \
		$(BIN)/tox run

lint: $(VENV)/.ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check

bench: setup
	$(BIN)/python -m pip install -q --disable-pip-version-check --group bench
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) .tox build dist .mypy_cache .ruff_cache .pytest_cache emulator/ukrom/qemu/guest
