# PYTHON: the interpreter to start from.
# PEERS:  the environment of the libraries that `make bench-cpu` compares with.
# VENV:   the environment that is made and filled when needed; `VENV=` uses PYTHON as it is and installs nothing.
PYTHON ?= python3
VENV ?= .venv
PEERS ?= .venv-peers

.PHONY: train test lint examples bench bench-cpu gpu size wheel clean

ifeq ($(strip $(VENV)),)
PY := $(PYTHON)
else
PY := $(VENV)/bin/python
RUN_READY := $(VENV)/.run-ready
TEST_READY := $(VENV)/.test-ready
endif
PIP := $(PY) -m pip install -qq --disable-pip-version-check

train: $(RUN_READY)
	$(PY) -m gpunn train mnist

test: lint
	NUMBA_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist worksteal

lint: $(TEST_READY)
	$(PY) -m ruff check .

examples: $(RUN_READY)
	@for file in examples/*.py; do echo "== $$file"; $(PY) $$file || exit 1; done

bench: $(RUN_READY)
	$(PY) -m benchmarks

# PyTorch and JAX go into an environment of their own
bench-cpu: $(RUN_READY) $(PEERS)/.ready
	$(PY) -m benchmarks.cpu_vs_peers --peer-python $(PEERS)/bin/python --save benchmarks/results/cpu-vs-peers-$$(date +%F).json

# on one GPU, offline, in less than eight minutes; `make gpu VENV= PYTHON=python3` where CuPy and the peers are there.
# GPUNN_DATA names the folder of mnist.npz and fashion_mnist.npz
gpu: $(RUN_READY)
	$(PY) -m gpunn doctor --require cuda
	$(PY) -m benchmarks.gpu

size:
	@find gpunn/ kernels/ -name '*.py' -o -name '*.cu' -o -name '*.cuh' | xargs cat | wc -l \
	    | xargs -I N echo "gpunn/ + kernels/: N of 28010 lines"

wheel: $(TEST_READY)
	$(PY) -m pip wheel -qq --no-deps --no-build-isolation -w dist .

clean:
	rm -rf build dist *.egg-info

$(PEERS)/.ready:
	@echo "setting up the peers in $(PEERS) (once)"
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install -qq --disable-pip-version-check torch==2.13.0 jax keras numpy
	@touch $@

# the stamps are older than pyproject.toml when what is installed may be out of date
$(VENV)/.run-ready: pyproject.toml
	@echo "setting up $(VENV) (once)"
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) -e .
	@touch $@

$(VENV)/.test-ready: $(VENV)/.run-ready
	@echo "adding what the tests need (once)"
	@$(PIP) -e '.[dev,gates]'
	@$(PIP) --upgrade --no-deps --target $(VENV)/cupy13 cupy-cuda13x
	@touch $@
