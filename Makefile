# Requires only a Debian 12 machine and root; every target installs its own requirements.
SHELL := /bin/sh
.SHELLFLAGS := -euc
.DEFAULT_GOAL := help
.PHONY: help bootstrap browser lab up down test test-static test-unit test-fast test-loopback test-engines test-weights test-gpustack test-gateway test-firewall test-supervisor test-monitoring test-playbooks test-site test-soak test-roles test-more-roles test-all lint lint-ansible lint-fast translations references docs lock

# In deployment order: each role test uses the nodes as the previous one left them. These roles are not covered by the
# deployment on the test cluster (test-site).
ROLES ?= preflight node_baseline container_runtime inference_engine engine_switch
# The other roles, which `make test` omits because they take long.
MORE_ROLES ?= container_images ray_cluster supervisor monitoring dcgm_exporter_simulated nvidia_driver_simulated package_repository other_drivers_simulated offline_bundle prepare_debian13 prepare_debian11 nccl_fabric model_weights gateway open_webui verify \
  bench evaluate doctor report gpustack deepseek_infer_simulated

# Length of the random faults of `make test-soak`.
MINUTES ?= 60

# Tests of `make test`; `make test-all` also runs those marked `thorough`, and property tests with more examples.
TESTS ?= -m "not thorough and not soak"

# Code that runs on nodes, with Python 3.9 or newer.
NODE_CODE := plugins/modules plugins/module_utils roles/*/files/*.py roles/supervisor/files/inferfleet_supervisor src/inferfleet/sessions/on_node

# Without bytecode every start of Ansible or inferfleet compiles its modules again, a second or two each.
unexport PYTHONDONTWRITEBYTECODE
export LAB_NODES ?= 2
# `nvidia`: the nodes of `make up` have this machine's GPUs; LAB_BUNDLE: air-gap bundle of a machine without internet access.
export LAB_ACCELERATOR LAB_BUNDLE
export UV_CACHE_DIR := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/inferfleet-lab/uv
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

bootstrap: ## Install Debian packages, Docker and the virtual environment
	@lab/bootstrap.sh

browser: ## Install the browser for the web UI tests
	@lab/bootstrap.sh browser

lab: bootstrap ## Start the test cluster: bare nodes, images, registry, hub (LAB_NODES=2)
	@python -m lab up

up: lab ## Start the test cluster, deploy the tiny R1 on it and verify it
	@inferfleet up -i "$$(python -m lab inventory)" $(if $(LAB_BUNDLE),-e offline_bundle=$(LAB_BUNDLE))

down: ## Remove everything that `make up` created (KEEP_CACHE=1: except cache, images, .venv)
	@if [ -x .venv/bin/python ]; then lab/bootstrap.sh docker; python -m lab down $(if $(KEEP_CACHE),--keep-cache); fi
	@rm -rf inventories/lab/.secrets inventories/lab/.results inventories/lab/.releases inventories/lab/report.html molecule/inventory/.results
	@lab/bootstrap.sh undo $(if $(KEEP_CACHE),keep)

lint-fast: bootstrap
	ruff check
	ruff format --check
	mypy
	mypy --config-file plugins/mypy.ini
	cd roles/supervisor/files && mypy --strict --python-version 3.10 -p inferfleet_supervisor
	vermin --target=3.9- --violations --no-tips $(NODE_CODE)
	yamllint --strict .

lint-ansible: bootstrap
	ansible-lint --offline

lint: lint-fast lint-ansible ## Check style, types, YAML and Ansible rules

test-fast: lint-fast ## Check style and types, and run the tests that take 90 s together
	pytest -q -n auto -m "not slow and not thorough"

test-unit: lint-fast ## Run all tests that need no container
	pytest -q -n auto $(TESTS)

test: test-static test-loopback test-site test-supervisor test-roles ## Run all tests, with the end-to-end tests and the role tests

# ansible-lint uses one core, so the unit tests run in parallel.
test-static: bootstrap
	@+$(MAKE) --jobs=2 --output-sync=target lint-ansible test-unit

# These targets mostly wait, so two run in parallel; the output of each is printed when it ends.
test-loopback: browser ## Run test-engines, test-weights, test-gpustack, test-gateway, test-firewall, test-monitoring and test-playbooks, two in parallel
	@+$(MAKE) --jobs=2 --output-sync=target test-weights test-engines test-gpustack test-gateway test-firewall test-monitoring test-playbooks

test-engines: bootstrap ## Check generated command lines and templates with the parsers of the engines and Ansible
	pytest -q tests/contract

test-weights: bootstrap ## Test weight downloads with real hub clients and tools on loopback, with faults
	pytest -q $(TESTS) tests/weights

test-gpustack: bootstrap ## Test GPUStack's real servers and workers of both generations on loopback
	pytest -q tests/gpustack

test-gateway: bootstrap ## Test the gateway's configuration in HAProxy with stub engines on loopback
	pytest -q tests/gateway

test-firewall: bootstrap ## Test the rules of the node firewall in the kernel, between network namespaces
	pytest -q tests/firewall

test-supervisor: lab ## Test the supervisors of two nodes with containers of this machine's Docker
	pytest -q tests/supervisor

test-monitoring: browser ## Test alerts, dashboards and their delivery with Prometheus, Alertmanager and a browser
	pytest -q tests/monitoring

test-playbooks: bootstrap ## Run playbooks on this machine, with stubs for roles that need a node
	pytest -q tests/playbooks

test-site: lab browser ## Run the end-to-end tests on the test cluster, from bare nodes to bare nodes
	pytest -v --durations=25 $(TESTS) tests/e2e

test-soak: lab ## Inject every fault into replicas under load, then random ones for an hour (MINUTES=60)
	pytest -v --durations=25 -m soak tests/e2e
	inferfleet up -i inventories/lab
	python -m tests.soak.chaos --minutes $(MINUTES)

test-roles: lab ## Run the role tests with Molecule; one role: make test-roles ROLES=ray_cluster
	@rm -rf $(CURDIR)/.cache/molecule
	ANSIBLE_HOME=$(CURDIR)/.cache/molecule molecule test $(addprefix --scenario-name=,$(ROLES))

test-more-roles: ROLES = $(MORE_ROLES)
test-more-roles: test-roles ## Run the role tests that `make test` omits

test-all: ## Run make test and all tests that it omits, but test-soak
	@+$(MAKE) test TESTS='-m "not soak" --hypothesis-profile=thorough' ROLES="$(ROLES) $(MORE_ROLES)"

translations: bootstrap ## Add new texts to the catalogs of src/inferfleet/locale, remove old ones
	python -m tools.translations

references: bootstrap ## Generate the reference pages of docs/ and the defaults
	python -m tools.references

docs: bootstrap ## Build the documentation site in build/site
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet

lock: bootstrap ## Update the lock files to the newest versions of all Python packages
	uv pip compile -q --upgrade --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header \
	  --extra dev pyproject.toml requirements/tools.in lab/hub/requirements.txt -o requirements/dev.lock
	cd src/inferfleet/evaluate && uv pip compile -q --upgrade --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header requirements.in -o requirements.lock
	for folder in lab/recipes/engine lab/recipes/webui lab/recipes/gpustack lab/recipes/gpustack2 tools/engine_parsers/environments/*; do ( cd $$folder && uv pip compile -q --upgrade \
	  --python-version 3.11 --python-platform x86_64-manylinux_2_36 --only-binary :all: --override overrides.txt \
	  --find-links "$${PIP_FIND_LINKS:-https://download.pytorch.org/whl/cpu/torch/}" \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header requirements.in -o requirements.lock ); done
