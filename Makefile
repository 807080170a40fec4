# Every target is one line of `make help`; the work is done by local-cluster/stockade_cluster.
PYTHON ?= python3
STOCKADE := PYTHONPATH=local-cluster $(PYTHON) -m stockade_cluster
PYTEST := .venv/bin/python -m pytest
PACKAGES := operator:panel:gateway:algo-image:wire:crds:paper-exchange:db
INSIDE := nsenter --net=/run/netns/stockade

.DEFAULT_GOAL := help
.PHONY: help up down status kubeconfig images load logs packages programs venv locks lint unit contract database cluster browser test mutants reference chaos chaos-cluster bench-paper bench-launcher fuzz bench-resource-attacks bench-round-trip bench-kill bench-kill-cluster

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | expand -t 14

up: ## start everything: build what changed, cluster, chart, demo; print the panel's address
	@$(STOCKADE) up
down: ## remove every process, namespace, mount and file that `up` made
	@$(STOCKADE) down
status: ## what runs
	@$(STOCKADE) status
kubeconfig: ## the path of the cluster's kubeconfig
	@$(STOCKADE) kubeconfig
images: ## build the images whose sources changed
	@$(STOCKADE) images
load: ## build the images whose sources changed and load them into the cluster
	@$(STOCKADE) load
logs: ## the end of every part's log
	@$(STOCKADE) logs

packages: ## install the Debian packages of the cluster and the tests
	@$(STOCKADE) packages
programs: packages ## build Kubernetes' programs, etcd and Helm
	@$(STOCKADE) programs
venv: packages ## make .venv as requirements/dev.txt locks it
	@$(STOCKADE) venv

locks: venv ## write requirements/*.txt anew from the pins in pyproject.toml
	PATH="$(CURDIR)/.venv/bin:$$PATH" requirements/lock.sh

mutants: venv ## change the orders' state machine and the limits in every small way, and fail if a test could notice one that none does
	.venv/bin/python -m tests.mutants.run

reference: venv ## write docs/reference/ anew from the resources and the chart's values
	.venv/bin/python docs/reference.py

lint: venv ## ruff, mypy and the import contracts
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy .
	PYTHONPATH=$(PACKAGES) .venv/bin/lint-imports
unit: venv ## pure tests
	$(PYTEST) tests/unit
contract: venv programs ## tests with real sockets and processes, without a cluster
	$(PYTEST) tests/contract --numprocesses 3 --no-loadscope-reorder -rR --reruns 2
fuzz: venv ## fuzz everything that reads an algorithm's bytes, for a minute or longer: make fuzz SECONDS=3600 KEEP=--keep
	PYTHONPATH=.:$(PACKAGES) .venv/bin/python -m tests.fuzz --seconds $(or $(SECONDS),60) $(KEEP)
database: venv ## tests on a real PostgreSQL
	$(PYTEST) tests/database
cluster: venv up ## tests on the running cluster
	$(INSIDE) $(PYTEST) tests/cluster --timeout 600 -rR --reruns 2 --reruns-delay 5
browser: venv up ## tests of the panel in a real browser
	$(INSIDE) $(PYTEST) tests/browser --timeout 600 -rR --reruns 2 --reruns-delay 5
attack: venv up ## every attack on the running cluster, three ways each: one table, 1 if a row is void or open
	$(INSIDE) env PYTHONPATH=.:$(PACKAGES):local-cluster .venv/bin/python -m tests.support.attacks
test: venv ## every tier in order, then down; a summary at the end
	@$(STOCKADE) test
chaos: venv ## trade while everything breaks, then judge; write chaos-report.json: make chaos SEED=1 SEEDS=1 MINUTES=5 ALGORITHMS=20
	PYTHONPATH=.:$(PACKAGES) .venv/bin/python -m tests.chaos --seed $(or $(SEED),1) --seeds $(or $(SEEDS),1) \
		--minutes $(or $(MINUTES),5) --algorithms $(or $(ALGORITHMS),20) --seconds-between-turns $(or $(TURN),3) \
		--report $(or $(REPORT),chaos-report.json)
chaos-cluster: venv up ## the same on the running cluster, where the operator is killed too: make chaos-cluster SEED=4 MINUTES=2
	STOCKADE_CHAOS_SEED=$(or $(SEED),4) STOCKADE_CHAOS_MINUTES=$(or $(MINUTES),2) \
		$(INSIDE) $(PYTEST) tests/cluster/chaos --timeout 0 -rP
bench-round-trip: venv ## measure an order's round trip against python-binance; write benchmarks/results/round_trip.json
	PYTHONPATH=.:$(PACKAGES) .venv/bin/python -m benchmarks.round_trip
bench-paper: venv ## measure the paper exchange: orders, streams, matching, memory; write benchmarks/results/paper.json
	PYTHONPATH=.:$(PACKAGES) .venv/bin/python -m benchmarks.paper
bench-launcher: venv ## measure the launcher: start-up, small reads and NumPy behind it; write benchmarks/results/launcher.json
	PYTHONPATH=.:$(PACKAGES) .venv/bin/python -m benchmarks.launcher
bench-resource-attacks: venv up ## measure what attacks on shared resources cost a neighbour; write benchmarks/results/resource_attacks.json
	PYTHONPATH=.:$(PACKAGES) $(INSIDE) .venv/bin/python -m benchmarks.resource_attacks
bench-kill: venv ## measure the account's kill switch with 1, 10 and 50 sidecars; write benchmarks/results/kill_switch.json
	PYTHONPATH=.:$(PACKAGES) .venv/bin/python -m benchmarks.kill_switch
bench-kill-cluster: venv up ## the same on the running cluster, from the click in the panel; write benchmarks/results/kill_switch_cluster.json
	PYTHONPATH=.:$(PACKAGES) $(INSIDE) .venv/bin/python -m benchmarks.kill_switch_cluster
