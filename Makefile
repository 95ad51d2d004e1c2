# Everything a person or CI runs. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
PYTHON := $(shell command -v $(PYTHON) 2>/dev/null || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Workers for the tests; `auto` is right for most machines.
JOBS ?= auto
ARGS ?=

.PHONY: help run env assets browser screens test check style types layers unit servers pins clean fuzz matrix outage all-dead disconnect crowd evidence last-resort \
	official-clients clients cut-streams properties commands bad-input outage-virtual \
	invariants exhaustive scenarios march-2025 simulator-table simulator-speed determinism mutation \
	compiled compiled-test bench bench-quick bench-peers recording-cost recording-share deploy-check fail-static prometheus kill-outcomes kill-chdb ledger-speed outage-run

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (set PYTHON=...)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements/run.txt pyproject.toml
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.run requirements/test.txt
	$(PIP) install --require-hashes -r requirements/test.txt
	@touch $@

$(VENV)/.assets: $(VENV)/.run scripts/page_assets.py src/halfopen/web/assets/package-lock.json
	@$(BIN)/python scripts/page_assets.py --if-possible
	@[ ! -f src/halfopen/web/static/vendor/version ] || touch $@

run: $(VENV)/.run $(VENV)/.assets  ## start the gateway on http://127.0.0.1:8500 (ARGS="--config FILE")
	@exec $(BIN)/halfopen run $(ARGS)

env: $(VENV)/.test $(VENV)/.assets  ## make .venv with halfopen and everything the tests need

test: check unit  ## every check and every test

check: style types layers  ## the static checks

style: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: env
	$(BIN)/mypy
	$(BIN)/mypy -p bench

layers: env
	$(BIN)/lint-imports

servers:  ## install the programs that tests start (nginx, openssl, Redis, PostgreSQL, Prometheus, Chromium; needs root and apt, else it says what is missing)
	@scripts/servers.sh

assets: $(VENV)/.run  ## uPlot and htmx for the dashboard, from their npm packages
	$(BIN)/python scripts/page_assets.py

unit: env servers
	@JOBS=$(JOBS) scripts/tests.sh $(ARGS)

fuzz: env  ## 100,000 spoiled requests, and 10,000 spoiled answers of upstreams (ARGS="--seed N")
	$(BIN)/halfopen lab fuzz --inputs 100000 $(ARGS)
	$(BIN)/halfopen lab fuzz --upstream --inputs 10000 $(ARGS)

matrix: env  ## every client, provider, fault and point of failure (ARGS="--only GLOB" or "--sample N")
	$(BIN)/halfopen lab matrix $(ARGS)

cut-streams: env  ## every recorded stream cut at every byte: what does the client get? (ARGS="--sample N")
	$(BIN)/python tests/contracts/cut_streams.py $(ARGS)

clients: env  ## do the official clients get typed answers, whatever provider is behind the gateway?
	$(BIN)/python tests/clients/table.py $(ARGS)

properties: env  ## chunk boundaries, and requests there and back, in figures (ARGS="--examples N")
	$(BIN)/python tests/contracts/properties.py $(ARGS)

outage: env  ## 1,000 requests while the primary answers 500
	$(BIN)/halfopen lab drill outage $(ARGS)

all-dead: env  ## every upstream dead: is the most useful cause named in time?
	$(BIN)/halfopen lab drill all-dead $(ARGS)

disconnect: env  ## clients that leave: do their upstream calls stop?
	$(BIN)/halfopen lab drill disconnect $(ARGS)

crowd: env  ## 1,000 clients of every dialect that leave in mid-stream: is anything left behind?
	$(BIN)/halfopen lab drill crowd $(ARGS)

last-resort: env  ## the primary answers 500: does a real local model complete the chats?
	$(BIN)/halfopen lab drill last-resort $(ARGS)

official-clients: env  ## do the official clients parse every simulated answer?
	@JOBS=$(JOBS) scripts/tests.sh tests/lab/test_official_clients.py

commands: env  ## has every command --json, and says its help what the exit status means?
	$(BIN)/pytest -n 0 tests/cli/test_commands.py

bad-input: env  ## does bad input get a clear error at once?
	@JOBS=$(JOBS) scripts/tests.sh tests/gateway/test_refusals.py tests/http1/test_request.py

browser: env servers  ## each page of the dashboard in headless Chromium, in health, outage and recovery
	HALFOPEN_BROWSER=all $(BIN)/pytest -n 0 tests/web/test_browser.py $(ARGS)

screens: env servers  ## screenshots of each page in each state, in artifacts/screens (ARGS="--only phone")
	$(BIN)/python tests/web/screens.py $(ARGS)

evidence: env  ## the matrix and all drills as JSON in artifacts/
	@mkdir -p artifacts
	@status=0; \
	$(BIN)/halfopen lab matrix --json > artifacts/matrix.json || status=1; \
	for drill in outage all-dead disconnect crowd last-resort fail-static outage-run; do \
		$(BIN)/halfopen lab drill $$drill --json > artifacts/$$drill.json || status=1; \
	done; \
	$(BIN)/halfopen lab fuzz --inputs 100000 --json > artifacts/fuzz.json || status=1; \
	$(BIN)/halfopen lab fuzz --upstream --inputs 10000 --json > artifacts/fuzz-upstream.json || status=1; \
	$(BIN)/python tests/contracts/cut_streams.py --json > artifacts/cut-streams.json || status=1; \
	$(BIN)/python tests/clients/table.py --json > artifacts/clients.json || status=1; \
	$(BIN)/python tests/contracts/properties.py --json > artifacts/properties.json || status=1; \
	$(BIN)/python tests/policy/outage.py --json > artifacts/outage-virtual.json || status=1; \
	ls -l artifacts; exit $$status

pins:  ## write requirements/*.txt anew from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --upgrade \
		pyproject.toml --extra local --extra lab --extra plots --extra redis --group build --group compiled --group test -o requirements/test.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet \
		pyproject.toml --group build -c requirements/test.txt -o requirements/run.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet \
		pyproject.toml --extra redis --group build -c requirements/test.txt -o requirements/redis.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet \
		--group deploy -c requirements/test.txt -o requirements/deploy.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet \
		--group mutation -c requirements/test.txt -o requirements/mutation.txt

clean:  ## remove the environment and what the tools left
	rm -rf $(VENV) .venv312 .venv-deploy .venv-mutation .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache artifacts dist build .bench

outage-virtual: env  ## outages on virtual time in figures, with sample sizes and intervals (ARGS="--seeds N --json")
	$(BIN)/python tests/policy/outage.py $(ARGS)

invariants: env  ## the 14 invariants on 10,000 generated schedules each (ARGS="--schedules N --json"; half an hour on 2 cores)
	@status=0; $(BIN)/python tests/invariants/run.py $(ARGS) || status=1; \
	for each in streams stall liveness classifier hedging; do \
		$(BIN)/python tests/invariants/$${each}_run.py $(ARGS) || status=1; \
	done; exit $$status

exhaustive: env  ## two upstreams, two requests: every order of events, to a bound (ARGS="--quick")
	$(BIN)/python tests/invariants/exhaustive_run.py $(ARGS)

scenarios: env  ## what each packaged scenario expects of each policy (ARGS="--only NAME", "--seeds N")
	$(BIN)/python tests/simulator/scenario_check.py $(ARGS)

march-2025: env  ## March 2025: the table, the promises, and the picture in artifacts/
	$(BIN)/halfopen simulate march-2025 --policy none --policy sdk --policy naive --policy halfopen --check --plots artifacts $(ARGS)

simulator-table: env  ## attempts a request, retry storm and failover cascade, against measured figures (ARGS="--seeds N")
	$(BIN)/python tests/simulator/table.py $(ARGS)

simulator-speed: env  ## a million simulated requests through the policy, on one core (ARGS="--requests N")
	$(BIN)/python tests/simulator/speed.py $(ARGS)

determinism: env  ## same seed, same bytes: two runs, two hash seeds, and Python 3.12 where there is one
	@python312=$$(scripts/python312.sh); \
	$(BIN)/python tests/simulator/determinism.py $${python312:+--python "$$python312"} $(ARGS)

mutation: env  ## how many wrong versions of errors/ and policy/ do the tests notice? (ARGS="--sample 300")
	@scripts/mutation.sh $(ARGS)

compiled: env  ## the hot modules compiled by mypyc, from the same source, in build/compiled (run build/compiled/bin/halfopen)
	@scripts/compiled.sh

compiled-test: env servers  ## test the compiled build: processes, drills, and a sample of the matrix (SAMPLE=600 JOBS=auto ARGS="-k ...")
	@JOBS=$(JOBS) scripts/compiled_test.sh $(ARGS)

bench-peers:  ## install the gateways that the bench measures beside Halfopen, below .bench/
	@scripts/bench_peers.sh

bench: env compiled bench-peers  ## Halfopen's speed beside its peers', some 25 minutes; writes docs/performance.md (ARGS="--judge pure")
	$(BIN)/python -m bench.run all --write $(ARGS)

bench-quick: env compiled bench-peers  ## the same in seven minutes, for a look (ARGS="--only nginx --only halfopen")
	$(BIN)/python -m bench.run all --rounds 3 --seconds 1.5 --requests 200000 $(ARGS)

recording-cost: env  ## CPU time to record an outcome, in a worker and in control (ARGS="--outcomes N --json")
	$(BIN)/python tests/app/processes/recording_cost.py $(ARGS)

ledger-speed: env  ## 5,000 outcomes/s into SQLite for a minute, and what 10 million rows answer in a second (ARGS="--seconds N --rows N --json")
	$(BIN)/python tests/store/ledger_speed.py $(ARGS)

recording-share: env  ## what recording adds to a worker's CPU time for each request, in turns with and without (ARGS="--rounds N --json")
	$(BIN)/python tests/app/run/recording_share.py $(ARGS)

kill-outcomes: env  ## kill workers, control and supervisor under load: is every request stored or known as lost? (ARGS="--kills N --seed N --json")
	$(BIN)/python tests/app/run/kill_outcomes.py $(ARGS)

kill-chdb: env  ## kill a process that writes to chdb: do rows and counts still agree? (ARGS="--kills N --seed N --json")
	$(BIN)/python tests/store/kill_chdb.py $(ARGS)

deploy-check: env  ## is deploy/ sound? hadolint, the schemas of Compose and Kubernetes, and the tests of what it promises
	@PYTHON=$(PYTHON) scripts/deploy_check.sh
	$(BIN)/pytest -n 0 tests/deploy

fail-static: env servers  ## 500 requests/s for a minute while control, store, disk, names, Redis and a worker fail (ARGS="--seconds N --rate N")
	$(BIN)/halfopen lab drill fail-static $(ARGS)

prometheus: env servers  ## promtool on the rules, and a real Prometheus that scrapes a live run (ARGS="--seconds N --json")
	$(BIN)/pytest -n 0 tests/exporters/files
	$(BIN)/python tests/exporters/live_run.py $(ARGS)

outage-run: env  ## ten minutes with a scripted outage: do all views count what the client counts? (ARGS="--seconds N --rate N")
	$(BIN)/halfopen lab drill outage-run $(ARGS)
