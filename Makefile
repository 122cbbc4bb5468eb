# Needs git, make, python3 (3.11 or later) and python3-venv; everything else comes as pinned wheels into .venv.
.DEFAULT_GOAL := help
.PHONY: help run test lint format types bench hard regression notebooks docs lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CASE := na_nzsp04_gradual_1N
PYTEST_ARGS ?= -n 2

# The tests use both cores through processes; the libraries' own threads would only compete with them.
test notebooks: export OMP_NUM_THREADS = 1
test notebooks: export OPENBLAS_NUM_THREADS = 1
test notebooks bench hard: export MPLBACKEND = Agg

# Wheels only (no compiler needed), each checked against its hash in the lock.
INSTALL = $(BIN)/python -m pip install -qq --disable-pip-version-check
WHEELS = $(INSTALL) --only-binary :all: --require-hashes -r

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## */make \1\t/p' $(firstword $(MAKEFILE_LIST))

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "aspot needs Python 3.11 or later; make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

# The stamps are files that say which lock is installed: a second call does nothing.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "installing what aspot needs into $(VENV) (once, about a minute)"
	$(WHEELS) requirements/run.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	@echo "installing what the tests need into $(VENV) (once)"
	$(WHEELS) requirements/dev.txt
	@touch $@

run: $(VENV)/run.stamp  ## set up and run the main job into results/
	$(BIN)/aspot run cases/$(CASE).toml --out results/$(CASE)

test: $(VENV)/dev.stamp  ## set up and run every test, lint and types included
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/dev.stamp  ## ruff, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp  ## bring all files into the one format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/dev.stamp  ## run every benchmark
	@for file in $(sort $(wildcard benchmarks/bench_*.py)); do echo "== $$file"; $(BIN)/python $$file || exit 1; done

# Hours. Each prints its table and fails by its status; HARD_MOUNT=--tmpfs also fills a file system of its own (as root).
HARD_MOUNT ?=
hard: $(VENV)/dev.stamp  ## damage files, kill runs, fill disks, mutate the core: the long versions of the tests
	$(BIN)/python benchmarks/fuzz_readers.py --count 10000
	$(BIN)/python benchmarks/fuzz_files.py --count 1000
	$(BIN)/python benchmarks/interrupt_run.py --count 100 $(HARD_MOUNT)
	$(BIN)/python benchmarks/kill_sweep.py --count 100
	$(BIN)/python benchmarks/bench_memory.py --large
	$(BIN)/python benchmarks/mutants.py --sample 150

regression: $(VENV)/dev.stamp  ## run the benchmarks and hold them against the accepted results
	$(BIN)/python benchmarks/regression.py

notebooks: $(VENV)/dev.stamp  ## execute every notebook from its .py text, and keep it with its pictures
	$(BIN)/python notebooks/execute.py

docs: $(VENV)/dev.stamp  ## build the documentation into build/docs, every block of code and every notebook executed
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs

# uv resolves for Linux (x86-64, aarch64) and macOS, Python 3.11 and later, at once. It is needed for nothing else.
lock:  ## resolve the dependencies anew (LOCK_ARGS=--upgrade for newer versions)
	$(PYTHON) -m venv build/lock
	build/lock/bin/python -m pip install -qq --disable-pip-version-check uv
	build/lock/bin/uv pip compile $(UV_ARGS) requirements/run.in pyproject.toml -o requirements/run.txt
	build/lock/bin/uv pip compile $(UV_ARGS) requirements/run.in pyproject.toml --extra test --extra cluster --extra docs --extra notebooks --extra bench \
	    -c requirements/run.txt -o requirements/dev.txt

UV_ARGS = --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
    --custom-compile-command "make lock" $(LOCK_ARGS)

clean:  ## remove the environment and what was built
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
