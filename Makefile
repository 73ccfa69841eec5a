# All that a fresh machine needs is Python 3.11 or newer with pip.
#   make demo   set up, make a small dataset, put masks on it, print the path of a contact sheet
#   make test   set up, check style and types, run all tests
#   make bench  speed and memory, as ratios within one run
#   make clean  remove what the others made

PYTHON ?= python3
VENV ?= .venv
DEMO_VENV ?= .venv-demo
DEMO_OUT ?= demo_out
# pinned: an unpinned torch may pull gigabytes of GPU libraries, and the tests need none of them
TORCH ?= torch==2.13.0
PYTEST_ARGS ?= -n auto

PIP = -m pip install --quiet --disable-pip-version-check
# one thread a process: small arrays are faster so, and the workers of the tests share the cores
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
export MKL_NUM_THREADS = 1

.PHONY: help test check demo bench clean
.PRECIOUS: %/bin/python

help:
	@sed -n '2,5s/^#   //p' Makefile

%/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "maskgen needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { \
		echo "this Python cannot make environments; install its venv (Debian: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $*

$(VENV)/.for-tests: pyproject.toml | $(VENV)/bin/python
	$(VENV)/bin/python $(PIP) -e '.[test,detect,onnx]' $(TORCH)
	@touch $@

$(DEMO_VENV)/.for-demo: pyproject.toml | $(DEMO_VENV)/bin/python
	$(DEMO_VENV)/bin/python $(PIP) -e .
	@touch $@

test: check
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

check: $(VENV)/.for-tests
	$(VENV)/bin/ruff check
	$(VENV)/bin/mypy

demo: $(DEMO_VENV)/.for-demo
	$(DEMO_VENV)/bin/maskgen demo --out $(DEMO_OUT) --overwrite

bench: $(VENV)/.for-tests
	@for script in benchmarks/*.py; do echo "$$script"; $(VENV)/bin/python $$script || exit 1; done

clean:
	rm -rf $(VENV) $(DEMO_VENV) $(DEMO_OUT) build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find maskgen rotaug mask_templates tests -name __pycache__ -type d -prune -exec rm -rf {} +
