# One virtual environment, made from the hashed lock files; every target that needs it makes it first.
# `make help` lists the targets.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

VENV   := .venv
RUN    := $(VENV)/bin
STAMP  := $(VENV)/.made-from-locks
LOCKS  := .ci/locks/test.lock .ci/locks/build.lock
CODE   := config catalogue adapters settlement gateway
REFEREE := .ci/referee
PRISM  := $(REFEREE)/node_modules/.bin/prism
PIP    := $(RUN)/python -m pip --disable-pip-version-check --quiet

# The first interpreter that is new enough; override with `make PYTHON=/path/to/python3 ...`.
PYTHON ?= $(shell for each in python3.13 python3.12 python3.11 python3.14 python3; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$each" && break; done)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: $(STAMP) ## Run the whole journey: simulators, gateway, six steps, closing table
	@$(RUN)/gateway demo

.PHONY: serve
serve: $(STAMP) ## Serve the API and the partner simulators, with an embedded database
	@$(RUN)/gateway serve --with-simulators

.PHONY: test
test: $(STAMP) ## Run every test on two workers
	@$(RUN)/pytest -n 2 $(PYTEST_ARGS)

.PHONY: coverage
coverage: $(STAMP) ## Prove that the tests of the pure modules take every branch of them
	@$(RUN)/python -m tests.measures.coverage

.PHONY: model
model: $(STAMP) ## Explore every interleaving of a redemption further than the tests do (MODEL_SUBMISSIONS=n)
	@$(RUN)/python -m tests.model

.PHONY: faults
faults: $(STAMP) ## Redeem in a storm of faults and kills on each database, then compare every book (hours; FAULT_REDEMPTIONS=n)
	@$(RUN)/python -m tests.campaign --redemptions $(or $(FAULT_REDEMPTIONS),100000) $(FAULT_OPTIONS)

.PHONY: mutants
mutants: $(STAMP) ## Change the rules of the catalogue one by one: which changes does no test notice? (half an hour)
	@$(PIP) install --require-hashes -r .ci/locks/mutation.lock
	@$(RUN)/python -m tests.measures.mutants $(MUTANTS)

.PHONY: referee
referee: $(STAMP) ## Put Prism between adapters and simulators, by the published specifications (needs Node and npm)
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "make referee needs Node 20 or newer with npm, which are no dependency of this project; nothing was run."; exit 1; }
	@test -n "$$GATEWAY_TEST_PARTNER_SPECS" || \
		echo "GATEWAY_TEST_PARTNER_SPECS names no folder: only our own contract and the Points platform's prose are refereed, the other partners' specifications are skipped."
	@test -x $(PRISM) || { echo "Installing Prism from $(REFEREE)/package-lock.json (half a minute, once) ..."; \
		npm ci --prefix $(REFEREE) --ignore-scripts --no-audit --no-fund --loglevel=error; }
	@GATEWAY_TEST_PRISM="$(CURDIR)/$(PRISM)" $(RUN)/pytest -p no:xdist tests/adapters -k "published" $(PYTEST_ARGS)

.PHONY: bench
bench: $(STAMP) ## Measure against a floor in the same run; kept in var/bench.json, nothing is asserted (ROWS="token outbound" for some)
	@$(PIP) install --require-hashes -r .ci/locks/bench.lock
	@$(RUN)/python -m tests.bench $(ROWS)

.PHONY: check
check: $(STAMP) ## Lint, format, types, layering, tidiness
	@echo "ruff";         $(RUN)/ruff check --quiet .
	@echo "ruff format";  $(RUN)/ruff format --check --quiet .
	@echo "mypy";         $(RUN)/mypy --strict $(CODE) tests
	@echo "import-linter"; $(RUN)/lint-imports --no-cache > .lint-imports.out || { cat .lint-imports.out; rm .lint-imports.out; exit 1; }
	@rm -f .lint-imports.out
	@echo "house rules";  $(RUN)/python -m tests.architecture

.PHONY: lock
lock: ## Resolve the dependencies anew into .ci/locks (needs uv on the PATH)
	@command -v uv >/dev/null || { echo "make lock needs uv, which is not a dependency of this project."; exit 1; }
	@set -e; for part in runtime test bench mutation build; do \
		case $$part in \
			runtime) from="pyproject.toml" ;; \
			test) from="pyproject.toml --group test" ;; \
			bench | mutation) from="--group $$part --constraint .ci/locks/test.lock" ;; \
			*) from="--group $$part" ;; \
		esac; \
		echo "resolving $$part"; \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-header --no-annotate $(UPGRADE) --output-file ".ci/locks/$$part.lock" $$from; \
	done

.PHONY: clean
clean: ## Remove the environment, caches and builds (never var/, which holds data)
	@rm -rf $(VENV) $(REFEREE)/node_modules dist build .pytest_cache mutants .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find $(CODE) tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): $(LOCKS)
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found. Install one, or: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON) (a minute, once) ..."
	@test -x $(RUN)/python || "$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
	@$(PIP) install --require-hashes $(addprefix -r ,$(LOCKS))
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(STAMP)
