# Every target works on an empty machine: the first thing it does is the set-up, which is skipped when nothing changed.
STATE ?= .local
PORT_OFFSET ?= 0
DATASET ?= ml-latest-small
SIZE ?= 2000000
export STATE PORT_OFFSET DATASET FROM TO SIZE DBT KAFKA RATE SPEEDUP SECONDS EVENTS KILLS SEED MONTHS BATCHES

PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help setup up down status run releases dbt notebook insights stream stream-ingest chaos-stream check unit cluster-test test mutants bench bench-maintenance docs lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  DATASET=$(DATASET)  a name (ml-latest-small, ml-20m, ml-25m, ml-32m, sample) or the path of a folder or zip"
	@echo "  FROM=YYYY-MM TO=YYYY-MM  the months to load (default: all)"
	@echo "  STATE=$(STATE)  the folder of all data    PORT_OFFSET=$(PORT_OFFSET)  added to every port"

setup: ## Install the locked environment and the jars
	@python3 -m infra.local.setup

up: setup ## Start the local stack; with KAFKA=1 a Kafka broker too
	@$(PYTHON) -m infra.local.stack up

down: ## Stop it; the data stays in STATE
	@test ! -x $(PYTHON) || $(PYTHON) -m infra.local.stack down

status: setup ## Show its services
	@$(PYTHON) -m infra.local.stack status

run: up ## Load DATASET from landing to dashboard
	@PYTHONPATH=plugins $(PYTHON) -m infra.local.run

releases: up ## List the releases of the lake, the latest first
	@PYTHONPATH=plugins $(PYTHON) -m infra.local.releases

dbt: up ## Build and test the dbt models in the schema sandbox, or run another command: DBT="docs generate"
	@$(PYTHON) -m infra.local.dbt

notebook: up ## Open the notebooks in JupyterLab on the stack
	@$(PYTHON) -m infra.local.notebook

insights: up ## Write what the newest release shows into README.md
	@PYTHONPATH=plugins $(PYTHON) -m docs.insights

stream: KAFKA = 1
stream: up ## Send the ratings of DATASET to Kafka, RATE a second or SPEEDUP times faster than they were given
	@PYTHONPATH=plugins $(PYTHON) -m infra.local.stream

stream-ingest: KAFKA = 1
stream-ingest: up ## Take messages in as they come, with at least SECONDS from batch to batch
	@PYTHONPATH=plugins $(PYTHON) -m infra.local.stream_ingest

check: setup ## Lint, format and types
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m ruff format --check
	@$(PYTHON) -m mypy

unit: setup ## The tests that need no Airflow and no browser
	@$(PYTHON) -m pytest -m "not integration and not browser"

cluster-test: setup ## Run the DAG on hosts in namespaces behind the security groups (root only)
	@$(PYTHON) -m pytest -s tests/integration/cluster

test: setup ## Every test
	@$(PYTHON) -m pytest

mutants: setup ## Prove that every expectation of every suite bites
	@MUTANTS=all $(PYTHON) -m pytest -q tests/expectations

bench: setup ## Compare with DuckDB and bare PySpark on SIZE generated ratings
	@PYTHONPATH=plugins $(PYTHON) -m benchmarks.run

bench-maintenance: setup ## Commit what MONTHS of runs and BATCHES of the stream commit, and measure what maintenance saves
	@PYTHONPATH=plugins $(PYTHON) -m benchmarks.maintenance

chaos-stream: setup ## Send EVENTS messages while KILLS services die, and count what arrives
	@PYTHONPATH=plugins $(PYTHON) -m benchmarks.chaos_stream

docs: setup ## Write the generated pages of docs/ again
	@$(PYTHON) -m docs.generate

lock: setup ## Resolve requirements.in into requirements.txt again
	@.venv/bin/uv pip compile requirements.in --override infra/local/overrides.txt --universal --python-version 3.11 \
		--generate-hashes --custom-compile-command "make lock" --upgrade --quiet -o requirements.txt

clean: down ## Delete the local stack's state, its data too
	rm -rf "$(STATE)"
