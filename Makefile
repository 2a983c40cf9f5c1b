# One-line verbs; what they do lies in Python. `make` alone prints them.
.DEFAULT_GOAL := help
PY := .venv/bin/python
# A worker per core (tests/workers.py), none for a single file; ARGS="-n 0" has none at all.
PYTEST := $(PY) -m pytest -n auto --dist loadfile
SOURCES := pipeline training processing infra tests
TARGET ?= local
quoted = '$(subst ','\'',$(1))'

.PHONY: help pipeline-run study image data test test-clients check coverage soak bench bench-gpu bench-engine bench-drift bench-against bench-batch lint types infra-check infra-rehearse infra-plan infra-deploy infra-status infra-destroy format lock clean FORCE

help: ## print this
	@echo "Fashion-MNIST on Amazon SageMaker Pipelines. Each command first builds .venv if need be."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

pipeline-run: .venv/stamp ## run the pipeline: TARGET=local|docker|sagemaker PARAMS="Epochs=1 MinAccuracy=0.8" ARGS="--seeds 3"
	@$(PY) -m pipeline run --target $(call quoted,$(TARGET)) $(foreach param,$(PARAMS),--param $(call quoted,$(param))) $(ARGS)

study: .venv/stamp ## train every model under five seeds, say first how long it takes, write tables: ARGS="--seeds 3 --estimate"
	@$(PY) -m pipeline study $(foreach param,$(PARAMS),--param $(call quoted,$(param))) $(ARGS)

image: .venv/stamp ## build the image for jobs in containers: BASE=<an image that you have> if no registry can be reached
	@$(PY) -m pipeline image $(if $(BASE),--base $(call quoted,$(BASE))) $(ARGS)

data: .venv/stamp ## find or fetch the data set and check it: ARGS="--data DIR"
	@$(PY) -m pipeline data $(ARGS)

test: .venv/stamp ## run the tests: ARGS="tests/pipeline -k word"
	@$(PY) -m pipeline data >/dev/null || echo "Tests on the real data set are skipped."
	@$(PYTEST) $(ARGS)

test-clients: .venv/stamp ## run the tests with SDK 2, AWS CLI and Airflow, whose environments it makes (1.5 GB)
	@TEST_CLIENTS=1 $(PY) -m pytest tests/clients $(ARGS)

check: lint types infra-check test ## what CI runs: lint, types, the AWS template, tests

coverage: .venv/stamp ## run the tests and tell which lines none of them reached: twice as long as make test
	@$(PYTEST) --cov --cov-report=term:skip-covered $(ARGS)

soak: .venv/stamp ## kill a local SageMaker 300 times amid requests, and runs 1,000 times: KILLS=50 ARGS="--kills 20"
	@PYTHONPATH=. $(PY) tests/bench/soak_endpoint.py $(ARGS)
	@KILLS=$(call quoted,$(or $(KILLS),1000)) FLIPS=1000 $(PY) -m pytest tests/pipeline/local/engine/test_crash_safety.py tests/pipeline/cli/test_damaged_database.py

bench: .venv/stamp ## measure training and pipeline beside plain model.fit, an hour: ARGS="--only speed --json FILE"
	@PYTHONPATH=. $(PY) tests/bench/bench_training.py $(ARGS)

bench-gpu: .venv/stamp ## measure training on a GPU: images/s by batch size, seconds to 93 %: ARGS="--json FILE"
	@PYTHONPATH=. $(PY) tests/bench/bench_gpu.py $(ARGS)

bench-engine: .venv/stamp ## time a step that does nothing, here and in the SDK's local mode: ARGS="--with-metaflow --json FILE"
	@PYTHONPATH=.:tests/sdk_local_mode $(PY) tests/bench/bench_engine.py $(ARGS)

bench-drift: .venv/stamp ## count the monitor's false alarms and what it finds, on the newest registered model: ARGS="--model V"
	@PYTHONPATH=.:processing $(PY) tests/bench/bench_drift.py $(ARGS)

bench-against: .venv/stamp ## time commands here and in another revision, in turn: REV=2f7a81a ARGS="--pairs 5 --only rerun"
	@PYTHONPATH=. $(PY) tests/bench/bench_against.py $(call quoted,$(or $(REV),HEAD)) $(ARGS)

bench-batch: .venv/stamp ## time batch beside the SavedModel called directly, with a registered model: ARGS="--images 20000"
	@PYTHONPATH=. $(PY) tests/bench/bench_batch.py $(ARGS)

lint: .venv/stamp ## check style
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .

types: .venv/stamp ## check types
	@$(PY) -m mypy $(SOURCES)

infra-check: .venv-infra/stamp ## check the CloudFormation template: cfn-lint, checkov, parliament
	@.venv-infra/bin/python -m infra.check

infra-rehearse: .venv/stamp ## play the life of the stack, from deploying to removing, against stand-ins of AWS that know its policies
	@$(PY) -m pytest -q -s tests/rehearsal $(ARGS)

infra-plan: .venv/stamp ## show what deploying to AWS would change, and ask: ARGS="--param CreateVpc=true"
	@$(PY) -m infra plan $(ARGS)

infra-deploy: .venv/stamp ## make or change what the AWS account needs: ARGS=--yes does not ask
	@$(PY) -m infra deploy $(ARGS)

infra-status: .venv/stamp ## show what is in the AWS account
	@$(PY) -m infra status $(ARGS)

infra-destroy: .venv/stamp ## remove it from the AWS account: ARGS=--delete-data also deletes data and models
	@$(PY) -m infra destroy $(ARGS)

format: .venv/stamp ## rewrite the code in the project's style
	@$(PY) -m ruff check --fix . && $(PY) -m ruff format .

lock: ## make requirements.lock from pyproject.toml (needs uv): ARGS=--upgrade takes newer versions
	@command -v uv >/dev/null || { echo "make lock: uv is not on the PATH. Get it from https://docs.astral.sh/uv/" >&2; exit 1; }
	@uv pip compile --quiet --universal --generate-hashes --no-strip-extras --group dev --no-emit-index-url --custom-compile-command "make lock" $(ARGS) pyproject.toml -o requirements.lock
	@cd infra && uv pip compile --quiet --universal --generate-hashes --no-strip-extras --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" $(ARGS) requirements.in -o requirements.lock
	@cd tests/clients && for each in awscli sagemaker2 airflow; do uv pip compile --quiet --universal --generate-hashes --strip-extras --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" $(ARGS) $$each.in -o $$each.lock || exit; done
	@cd infra/container && uv pip compile --quiet --universal --generate-hashes --no-strip-extras --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" $(ARGS) requirements.in -o requirements.lock

clean: ## delete .venv, .venv-infra, .venv-clients and what the tools cached; executions and models in .local stay
	@for each in .venv .venv-infra .venv-clients/*; do \
	  if [ -e $$each/made-by-make ] || [ -e $$each/stamp ]; then rm -rf $$each; \
	  elif [ -e $$each ]; then echo "make clean: $$each was not made by make, and is left alone."; fi; done
	@rmdir .venv-clients 2>/dev/null || true
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage htmlcov

# Built again when the lock file changes, and when the Python that it was built with has gone.
.venv/stamp: requirements.lock $(if $(realpath .venv/bin/python),,FORCE)
	@sh pipeline/cli/with_python.sh -m pipeline.cli.set_up

.venv-infra/stamp: infra/requirements.lock $(if $(realpath .venv-infra/bin/python),,FORCE)
	@sh pipeline/cli/with_python.sh -m infra.set_up
