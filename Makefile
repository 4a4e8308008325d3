# Optichain: everything a person types. `make help` lists it.
SHELL := /bin/bash
PYTHON := .venv/bin/python
BIN := .venv/bin
SERVICES := customer inventory clinical billing labjob device-bridge
PACKAGES := services/chassis/chassis services/optics/optics gateway/organisation/organisation gateway/gateway/gateway \
	local/local_platform $(foreach s,$(SERVICES),services/$(s)/$(subst -,_,$(s)))

.DEFAULT_GOAL := help
.PHONY: help setup run demo test chaos check format bench trace dead verify drill lock generate release

## The platform

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## |^## ' $(MAKEFILE_LIST) | sed -E 's/^## (.*)/\n\1/; s/^([a-z-]+):.*## (.*)/  make \1|\2/' | awk -F'|' 'NF==2{printf "%-16s %s\n",$$1,$$2} NF!=2{print}'

setup: ## Install what is missing; called by the others
	@local/set-up

run: setup ## Start the whole platform and serve until Ctrl-C; VAR=folder, EMPTY=1 without the sample chain
	@$(PYTHON) -m local_platform run $(if $(VAR),--var $(VAR)) $(if $(EMPTY),--empty)

demo: setup ## One pair of glasses from the door to collection, on a platform of its own
	@$(PYTHON) -m local_platform demo

trace: setup ## Print the trace(s) of an order, job, slip or trace id: make trace ID=...; VAR=folder
	@$(PYTHON) -m local_platform trace "$(ID)" $(if $(VAR),--var $(VAR))

dead: setup ## List the dead letters, redacted; REPLAY=service sends that service's again; VAR=folder
	@$(PYTHON) -m local_platform dead $(if $(REPLAY),--replay $(REPLAY)) $(if $(VAR),--var $(VAR))

verify: setup ## Name every row of history and object of evidence that is not as it was written; VAR=folder
	@$(PYTHON) -m local_platform verify $(if $(VAR),--var $(VAR))

drill: setup ## Something goes wrong on records of its own; who was told, which gate held: make drill CASE=...|all; VAR=folder
	@$(PYTHON) -m local_platform drill --case "$(CASE)" $(if $(VAR),--var $(VAR))

## Working on it

test: setup ## Every test, on real parts; two halves at once, each with parts of its own
	@$(PYTHON) -m pytest -n 2 --dist loadfile

chaos: setup ## Randomised runs while everything breaks; one JSON document: SEED=1 RUNS=2000
	@PYTHONPATH=tests $(PYTHON) -m chaos $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS))

check: setup ## Format, lint, types, contract, import walls, manifests
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/mypy $(PACKAGES)
	cd proto && ../$(BIN)/buf lint && ../$(BIN)/buf breaking --against released.binpb
	$(BIN)/lint-imports --config .importlinter --no-cache
	$(BIN)/hadolint services/Dockerfile
	$(PYTHON) -m pytest -q tests/k8s tests/contracts tests/architecture

format: setup ## Format the code
	$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format -q .

bench: setup ## Measure the platform; one JSON document on standard output; BEFORE=file an earlier one beside it, CUSTOMERS=number
	@$(PYTHON) -m local_platform bench $(if $(BEFORE),--before $(BEFORE)) $(if $(CUSTOMERS),--customers $(CUSTOMERS))

generate: ## Generate the contract's Python anew
	@rm -f proto/generated/made-from; local/set-up

lock: setup ## Resolve requirements.in into requirements.lock
	@$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links requirements.in -o requirements.lock

release: setup ## Take the present contract as released: later changes are checked against it
	cd proto && ../$(BIN)/buf build -o released.binpb
