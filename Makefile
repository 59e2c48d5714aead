# Everything that is done with a checkout. Each target sets up what it needs by itself.

VENV := .venv
BIN  := $(VENV)/bin
# The first Python on the path that is new enough.
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11, \
    $(shell $(name) -c 'import sys; sys.version_info < (3, 11) or print("$(name)")' 2>/dev/null)))

# Of the random traffic of make fuzz; make conformance goes on where it was if none is given.
SEED_GIVEN := $(SEED)
SEED := $(or $(SEED),$(shell date +%s))

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test native agreement conformance timing bitstream fuzz formal \
    mutants coverage lab lab-board bench bench-quick lint clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/ready  ## a virtual environment in .venv with all that is needed

demo: setup  ## a shop behind the gateway on a simulated NIC: requests, verdicts, retries, breaker
	@$(BIN)/hybridmesh demo

serve: setup  ## the same shop, left running for curl
	@$(BIN)/hybridmesh demo --serve

test: lint  ## all checks and all tests
	@$(BIN)/python -c 'import sys, find_libpython as f; sys.exit(not f.find_libpython())' || \
	    { echo "make: Python's shared library is missing; run: apt-get install libpython3-dev" >&2; \
	    exit 1; }  # cocotb loads it into the simulation
	$(BIN)/pytest -q -n 2 --dist worksteal

# What pip makes of the package, beside the checkout: the proxy's core is machine code in it.
define NATIVE
@rm -rf build/native
@$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w build/native .
@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
    --target build/native build/native/*.whl
endef

native: setup  ## the proxy's core as machine code, as pip installs it, and the proxy's tests on it
	$(NATIVE)
	PYTHONPATH=build/native $(BIN)/pytest -q tests/proxy tests/gateway tests/conformance

agreement: setup  ## 100 random tables by 1000 random requests: RTL, model and matcher agree
	HYBRIDMESH_AGREEMENT=100x1000 $(BIN)/pytest -q -n 2 tests/agreement

conformance: setup  ## random tables and requests to the real Envoy and to the gateway
	$(BIN)/python -m tests.conformance random $(SEED_GIVEN:%=--seed %)

timing: $(VENV)/timing  ## place and route the NIC, tables and plot into docs/performance.md
	$(BIN)/hybridmesh timing --all --page docs/performance.md

bitstream: $(VENV)/timing  ## build the NIC for the boards, tables and picture into docs/boards.md
	$(BIN)/hybridmesh build --all --seeds 3 --page docs/boards.md

fuzz: $(VENV)/fuzz  ## long random traffic at widths 1, 8 and 64, RTL, model, llhttp; SEED=7 repeats one
	@echo "seed $(SEED)"
	@printf '%s\n' verdict_engine lexer nic_core flow_guard joiner table_flip | \
	    xargs -P 2 -I BENCH $(BIN)/python -m tb BENCH --long --seed $(SEED)
	HYBRIDMESH_AGREEMENT=30x300 $(BIN)/pytest -q -n 2 tests/agreement
	$(BIN)/python -m tb.referee --jobs 2 --seed $(SEED)
	$(BIN)/python -m tb.fuzz

formal: setup  ## prove what is claimed of the RTL, and that each proof notices faults
	$(BIN)/python -m tb.formal

mutants: setup  ## put small faults into RTL, compiler and model, see that the tests notice each
	$(BIN)/python -m tb.mutants --jobs 2

coverage: setup  ## which of all that the NIC can meet it has met, and which lines of it have run
	$(BIN)/python -m tb.coverage --jobs 2

lab: setup  ## root: the NIC on a wire, the kernel's tunnel, loss and disorder, in namespaces
	@$(BIN)/hybridmesh lab run

lab-board: setup  ## root: the same with the whole board, its ports on the wires, and its driver
	@$(BIN)/hybridmesh lab run --nic board --requests 1000

bench: $(VENV)/bench  ## HybridMesh beside Envoy, HAProxy and nginx; into docs/evaluation.md
	$(NATIVE)
	@sh bench/install
	PYTHONPATH=$(CURDIR)/build/native $(BIN)/hybridmesh bench run
	-PYTHONPATH=$(CURDIR)/build/native $(BIN)/hybridmesh bench profile  # where perf is
	PYTHONPATH=$(CURDIR)/build/native $(BIN)/hybridmesh bench report --page docs/evaluation.md

bench-quick: $(VENV)/bench  ## a few of its workloads, in less than five minutes
	$(NATIVE)
	@sh bench/install
	PYTHONPATH=$(CURDIR)/build/native $(BIN)/hybridmesh bench run --quick
	PYTHONPATH=$(CURDIR)/build/native $(BIN)/hybridmesh bench report --quick

lint: setup  ## style and types of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@mkdir -p build/typing && ln -sfn ../../sw build/typing/hybridmesh
	$(BIN)/mypy

clean:  ## remove all that was made in this checkout
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The file is made last, so that a set-up that failed is done again.
$(VENV)/ready: pyproject.toml constraints.txt
	@missing=; \
	lacks() { echo "make: $$1 is missing; run: apt-get install $$2" >&2; missing=1; }; \
	test -n "$(PYTHON)" || lacks "Python 3.11 or newer" python3; \
	test -z "$(PYTHON)" || $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	    || lacks "Python's module venv" python3-venv; \
	command -v g++ >/dev/null || lacks "the C++ compiler g++" g++; \
	test -z "$$missing"
	@echo "setting up $(VENV), this is done once"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    -c constraints.txt -e '.[dev]'
	@touch $@

# yosys and nextpnr are large, and nothing else needs them.
$(VENV)/timing: $(VENV)/ready
	@echo "installing yosys and nextpnr, this is done once"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    -c constraints.txt -e '.[dev,timing]'
	@touch $@

# The plots.
$(VENV)/bench: $(VENV)/ready
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    -c constraints.txt -e '.[dev,bench]'
	@touch $@

# Atheris is large as well, and not there for every platform.
$(VENV)/fuzz: $(VENV)/ready
	@echo "installing the fuzzer, this is done once"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    -c constraints.txt -e '.[dev,fuzz]'
	@touch $@
