# Winnow: raw corpora → training-ready token shards → a small Mixture-of-Experts model.
# Everything lives in this checkout: .venv (packages), data (inputs), runs (outputs).

STAGE   ?= mid
PROFILE ?= sample
FUZZ ?= 5000
RUN     ?= runs/$(STAGE)
WORKERS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
PYTHON  ?= python3
BENCHMARKS := encode pack pack_bound shards readers filters filters_part filters_classifier language personal_data extract \
  ingest ingest_text trainer \
  'deduplicate signatures' 'deduplicate pipeline' 'deduplicate_quality recall' \
  'decontaminate planted' 'decontaminate code' 'decontaminate speed'
PIP     := .venv/bin/python -m pip install --quiet --constraint constraints.txt
INSTALL := .venv/bin/uv pip install --quiet --python .venv/bin/python --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup setup-train setup-test viewer view view-test pipeline plan train ablate experiments inspect report verify test fuzz wheel-test patterns confirm-bytes lint bench airflow-test docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.pipeline ## install what the pipeline needs into .venv
setup-train: .venv/.train ## the same and torch
setup-test: .venv/.test ## the same and the test tools

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Winnow needs Python 3.11 or newer; try make PYTHON=python3.12 …"; exit 1; }
	@test -e src/winnow/pipeline/cli.py || { echo "src/winnow has lost its links to the folders of the checkout: clone it where links can be made (git config core.symlinks true)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) uv

.venv/.pipeline: pyproject.toml constraints.txt | .venv/bin/uv
	$(INSTALL) --editable .
	@touch $@

.venv/.$(STAGE)-warm: | .venv/.pipeline
	.venv/bin/winnow warm --stage $(STAGE) --profile $(PROFILE)
	@touch $@

.venv/.train: .venv/.pipeline
	$(PIP) torch==2.13.0
	$(INSTALL) --editable '.[train]'
	@touch $@

.venv/.test: .venv/.train
	$(INSTALL) --editable '.[train,test]'
	@touch $@

pipeline: setup .venv/.$(STAGE)-warm ## build the shards: make pipeline STAGE=mid [PROFILE=sample] [WORKERS=2]
	.venv/bin/winnow run --stage $(STAGE) --profile $(PROFILE) --out $(RUN) --workers $(WORKERS)

plan: setup ## what a run would do
	.venv/bin/winnow plan --stage $(STAGE) --profile $(PROFILE) --out $(RUN)

train: setup-train pipeline ## train the bundled model on the run's shards: make train STAGE=mid
	OMP_WAIT_POLICY=PASSIVE .venv/bin/winnow-train --run $(RUN) --out $(RUN)/model

ablate: setup-train pipeline ## does curation pay? curated against raw, three seeds
	OMP_WAIT_POLICY=PASSIVE .venv/bin/python -m winnow.trainer.ablation --run $(RUN) --out $(RUN)/ablation

experiments: setup-test ## Muon against AdamW, balance rates, cost of length: small models, three seeds (half an hour)
	@for name in shards optimizers balance length; do .venv/bin/python -m benchmarks.experiments $$name runs/experiments || exit 1; done

viewer: viewer/static/vendor/htmx.min.js ## bring what the viewer's pages load from npm (before a wheel is built, too)

viewer/static/vendor/htmx.min.js: viewer/package-lock.json
	cd viewer && npm ci --silent --no-audit --no-fund
	mkdir -p viewer/static/vendor
	cp viewer/node_modules/htmx.org/dist/htmx.min.js $@

view: setup viewer ## look at the last run in the browser: make view [RUN=runs/mid]
	$(INSTALL) --editable '.[view]'
	.venv/bin/winnow view $(RUN)

view-test: setup-test viewer ## the viewer's pages in a real Chromium: make view-test [CHROMIUM=/usr/bin/chromium]
	.venv/bin/python -m pytest tests/viewer/test_browser.py -m slow

inspect: setup ## show a shard
	.venv/bin/winnow inspect $(RUN)

report: setup ## build the HTML report of the last run
	.venv/bin/winnow report $(RUN)

verify: setup ## check every digest and every count of a run
	.venv/bin/winnow verify $(RUN)

test: setup-test ## run all tests, a file at a time on each core
	.venv/bin/winnow fetch --profile $(PROFILE)
	.venv/bin/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

fuzz: setup-test ## unusual files of every format against their own libraries: make fuzz [FUZZ=20000]
	WINNOW_FUZZ=$(FUZZ) .venv/bin/python -m pytest tests/formats/containers/test_unusual_files.py

wheel-test: setup-test ## the wheel in an empty environment and an empty folder, up to the shards of mid
	.venv/bin/python -m pytest tests/test_wheel.py -m slow

patterns: setup-test ## is every regular expression linear? by the clock, on a quiet machine
	.venv/bin/python -m pytest tests/test_patterns.py -m slow

confirm-bytes: setup-test ## say that changed code shapes the same bytes, or that its version was bumped
	.venv/bin/python tests/test_versions.py

lint: setup-test ## format, lint and types
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

bench: setup-test ## the benchmarks that need no inputs of their own, beside their peers (long)
	$(INSTALL) --requirement benchmarks/requirements.txt
	@for benchmark in $(BENCHMARKS); do echo "== $$benchmark"; .venv/bin/python -m benchmarks.$$benchmark || exit 1; done

docs: setup-test ## write the generated pages (docs/manifest.md, docs/recipes.md) anew
	.venv/bin/python -m winnow.pipeline.reference

airflow-test: setup .venv-airflow/.ready ## run the scheduled DAG once with a real Airflow
	dags/test.sh $(STAGE) $(PROFILE) $(RUN)

.venv-airflow/.ready:
	$(PYTHON) -m venv .venv-airflow
	.venv-airflow/bin/python -m pip install --quiet --upgrade pip
	.venv-airflow/bin/python -m pip install --quiet apache-airflow==3.3.2
	@touch $@

clean: ## remove runs, and nothing else
	rm -rf runs
