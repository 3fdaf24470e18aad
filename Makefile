# `make up` on a Debian 12 machine (root) is all that is needed; every target brings what it needs itself.
SHELL := /bin/sh
.SHELLFLAGS := -euc
.DEFAULT_GOAL := help
.PHONY: help bootstrap browser lab up down test test-static test-fast test-loopback test-engines test-weights test-gpustack test-playbooks test-site test-roles test-more-roles test-all lint lint-ansible lint-fast translations references lock

# In the order of the deployment: each role test stands on what the one before left on the nodes. Here: what the
# deployment on the test cluster (test-site) does not show.
ROLES ?= preflight node_baseline container_runtime container_images ray_cluster inference_engine engine_switch
# The others, left out of `make test` for their time.
MORE_ROLES ?= nvidia_driver_simulated package_repository other_drivers_simulated offline_bundle prepare_debian13 prepare_debian11 nccl_fabric model_weights open_webui verify \
  bench evaluate doctor report gpustack deepseek_infer_simulated

# The tests of the cluster that `make test` runs; `make test-all` runs those marked `thorough`, too.
SITE_ARGS ?= -m "not thorough"

# Runs on nodes, whose Python may be 3.9.
NODE_CODE := plugins/modules plugins/module_utils roles/*/files/*.py

export LAB_NODES ?= 2
export UV_CACHE_DIR := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/inferfleet-lab/uv
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

bootstrap: ## Debian packages, Docker, the virtual environment
	@lab/bootstrap.sh

browser: ## The browser that the test of the web UI looks through
	@lab/bootstrap.sh browser

lab: bootstrap ## The test cluster: bare nodes, images, registry, hub (LAB_NODES=2)
	@python -m lab up

up: lab ## The test cluster with R1 deployed on it, proved to answer
	@inferfleet up -i "$$(python -m lab inventory)"

down: ## Remove all that `make up` made (KEEP_CACHE=1: except cache, images, .venv)
	@if [ -x .venv/bin/python ]; then lab/bootstrap.sh docker; python -m lab down $(if $(KEEP_CACHE),--keep-cache); fi
	@rm -rf inventories/lab/.secrets inventories/lab/.results inventories/lab/report.html molecule/inventory/.results
	@lab/bootstrap.sh undo $(if $(KEEP_CACHE),keep)

lint-fast: bootstrap
	ruff check
	ruff format --check
	mypy
	mypy --config-file plugins/mypy.ini
	vermin --target=3.9- --violations --no-tips $(NODE_CODE)
	yamllint --strict .

lint-ansible: bootstrap
	ansible-lint --offline

lint: lint-fast lint-ansible ## Style, types, YAML, Ansible rules

test-fast: lint-fast ## Everything that needs no container, but for the Ansible rules (make lint)
	pytest -q -n auto $(PYTEST_ARGS)

test: test-static test-loopback test-site test-roles ## Everything: also the whole cluster end to end and the role tests

# ansible-lint uses one core only, so the quick tests run beside it.
test-static: bootstrap
	@+$(MAKE) --jobs=2 --output-sync=target lint-ansible test-fast PYTEST_ARGS=--hypothesis-profile=thorough

# They mostly wait, so two at once; what each says comes in one piece when it ends.
test-loopback: bootstrap ## test-engines, test-weights, test-gpustack and test-playbooks, two at a time
	@+$(MAKE) --jobs=2 --output-sync=target test-weights test-engines test-gpustack test-playbooks

test-engines: bootstrap ## What we write, against those who read it: the engines' own parsers, Ansible's templates
	pytest -q tests/contract

test-weights: bootstrap ## Bringing weights: real hubs, tools and nodes on loopback, and everything that can go wrong
	pytest -q tests/weights

test-gpustack: bootstrap ## GPUStack's real servers and workers of both generations on loopback
	pytest -q tests/gpustack

test-playbooks: bootstrap ## Playbooks that Ansible really runs on this machine, with stand-ins for roles that need a node
	pytest -q tests/playbooks

test-site: lab browser ## The test cluster's whole life, from bare nodes to bare nodes
	pytest -v --durations=25 $(SITE_ARGS) tests/e2e

test-roles: lab ## Role tests with Molecule; for one: make test-roles ROLES=ray_cluster
	@rm -rf $(CURDIR)/.cache/molecule
	ANSIBLE_HOME=$(CURDIR)/.cache/molecule molecule test $(addprefix --scenario-name=,$(ROLES))

test-more-roles: ROLES = $(MORE_ROLES)
test-more-roles: test-roles ## The role tests that `make test` leaves out for their time

test-all: ## make test, and what it leaves out for its time
	@+$(MAKE) test SITE_ARGS= ROLES="$(ROLES) $(MORE_ROLES)"

translations: bootstrap ## Add new texts to the catalogs of src/inferfleet/locale, remove old ones
	python -m tools.translations

references: bootstrap ## Write the generated pages of docs/ and the defaults
	python -m tools.references

lock: bootstrap ## Choose the newest versions of all Python packages again
	uv pip compile -q --upgrade --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
	  --extra dev pyproject.toml requirements/tools.in lab/hub/requirements.txt -o requirements/dev.lock
	cd src/inferfleet/evaluate && uv pip compile -q --upgrade --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header requirements.in -o requirements.lock
	for folder in lab/recipes/engine lab/recipes/webui lab/recipes/gpustack lab/recipes/gpustack2 tools/engine_parsers/environments/*; do ( cd $$folder && uv pip compile -q --upgrade \
	  --python-version 3.11 --python-platform x86_64-manylinux_2_36 --only-binary :all: --override overrides.txt \
	  --find-links "$${PIP_FIND_LINKS:-https://download.pytorch.org/whl/cpu/torch/}" \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header requirements.in -o requirements.lock ); done
