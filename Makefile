# The commands of this repository. Each sets up what it needs: a virtual environment in .venv, Debian's packages by apt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Hundreds of processes start in the tests: without compiled modules each would compile them anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-slow test-matrix lint pack pictures prices bench system clean

demo: $(STAMP)  ## the main job: real SDKs against emulated providers, metrics, alerts
	$(BIN)/otel-llm demo $(ARGS)

test: $(STAMP) system  ## everything that CI runs; ARGS="...": these tests alone
	$(BIN)/ruff check otel_llm tests
	$(BIN)/ruff format --check otel_llm tests
	$(BIN)/otel-llm dashboards build --check
ifeq ($(strip $(ARGS)),)
	$(BIN)/pytest -n 2 --dist loadscope -m "not slow and not processes"
	@# Those tests wait most of the time, and pyright takes minutes of one core.
	nice -n 19 $(BIN)/pyright --pythonpath $(BIN)/python & types=$$!; \
	$(BIN)/pytest -m "processes and not slow"; tests=$$?; wait $$types && exit $$tests
	$(BIN)/python -m tests.matrix --ci
else
	$(BIN)/pytest $(ARGS)
endif

test-slow: $(STAMP) system  ## soaks and campaigns
	$(BIN)/pytest -m slow $(ARGS)

test-matrix: $(STAMP)  ## every client's oldest and newest versions, each in an environment of its own
	$(BIN)/python -m tests.matrix $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check otel_llm tests
	$(BIN)/ruff format --check otel_llm tests
	$(BIN)/pyright --pythonpath $(BIN)/python

pack: $(STAMP)  ## regenerates dashboards/ from the catalogue
	$(BIN)/otel-llm dashboards build

pictures: $(STAMP) system  ## draws the dashboards' pictures; ARGS=--check: tells which are stale
	$(BIN)/python -m tests.pack.pictures $(ARGS)

prices: $(STAMP)  ## rebuilds the price table and prints what changed
	$(BIN)/python -m otel_llm.prices.build

bench: $(STAMP)  ## our CPU time over the bare SDKs, as percent
	$(BIN)/python -W ignore -m tests.bench.overhead $(ARGS)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV) || { $(MAKE) python-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

.PHONY: python-venv
python-venv:
	apt-get update --quiet=2 && apt-get install --yes --quiet=2 python3-venv

PROGRAMS := promtool amtool prometheus prometheus-alertmanager
system:  ## Prometheus and Alertmanager, which the tests run for real
	@for program in $(PROGRAMS); do command -v $$program >/dev/null || missing=1; done; \
	if [ -n "$$missing" ]; then \
	  apt-get update --quiet=2 && \
	  DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 --no-install-recommends prometheus prometheus-alertmanager; \
	fi

clean:
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis
