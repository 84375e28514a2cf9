# Everything a person runs here. Each target installs what it lacks, into .venv.

PYTHON ?= python3
PORT ?= 8000
DATA_DIR ?= .data
OUT ?= sightline-backup.tar
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
DEVELOPED := $(VENV)/.developed
EXTRAS := api,worker,cpu,tracing,embedded
DEVELOPERS := $(EXTRAS),test,check
PEERS := chromadb==1.5.9 transformers==5.24.0 pillow
PEER_SERVER := 'infinity-emb[server,torch]==0.0.78' aiohttp pillow
PEERS_READY := .venv-peers/.installed
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help install demo serve keys backup restore test check format faults bench bench-peers bench-workers fake-providers demo-model constraints clean

help: ## show this help
	@echo "Sightline: make …"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1	\2/p' Makefile | expand -t 18

install: $(DEVELOPED) ## create .venv with everything in it

$(READY): pyproject.toml client/pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; try: make PYTHON=python3.12")'
	@echo "Installing into $(VENV): this takes some minutes the first time …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# Without a GPU the CPU build of torch saves gigabytes, where the package index has one.
	@command -v nvidia-smi >/dev/null \
		|| $(BIN)/pip install --quiet 'torch==$(TORCH)+cpu' 2>/dev/null \
		|| $(BIN)/pip install --quiet 'torch==$(TORCH)'
	@$(BIN)/pip install --quiet -c constraints.txt -e '.[$(EXTRAS)]' -e client
	@touch $@

# What tests and checks need besides; who only serves does not wait for it.
$(DEVELOPED): $(READY)
	@$(BIN)/pip install --quiet -c constraints.txt -e '.[$(DEVELOPERS)]' -e client
	@touch $@

demo: $(READY) ## start everything, search sample pictures, ask sample documents, stop
	$(BIN)/python -m db.embedded demo

serve: $(READY) ## run everything on PORT (8000), data in DATA_DIR (.data), until Ctrl-C
	$(BIN)/python -m db.embedded serve --port $(PORT) --data-dir $(DATA_DIR)

keys: $(READY) ## make, list, revoke API keys of a running `make serve`: ARGS="make --label laptop"
	$(BIN)/python -m db.embedded keys --data-dir $(DATA_DIR) $(or $(ARGS),--help)

backup: $(READY) ## copy the data in DATA_DIR into the new file OUT, also while it is served
	$(BIN)/python -m db.embedded backup --data-dir $(DATA_DIR) $(OUT)

restore: $(READY) ## make the new folder DATA_DIR of the backup OUT
	$(BIN)/python -m db.embedded restore --data-dir $(DATA_DIR) $(OUT)

test: $(DEVELOPED) ## run all tests against real Postgres and Redis; ARGS go to pytest
	$(BIN)/python -m pytest -ra --durations=10 $(ARGS)

check: $(DEVELOPED) ## lint, formatting, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict client/sightline

format: $(DEVELOPED) ## put the sources in shape
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

faults: $(DEVELOPED) ## kill, freeze and cut off every part at length, and show which promises held
	$(BIN)/python -m tests.faults $(ARGS)

bench: $(DEVELOPED) ## measure ingest and query speed
	$(BIN)/python -m benchmarks $(ARGS)

bench-workers: $(DEVELOPED) ## measure 1, 2, 4, 8 embed and 1, 2 ingest workers against the ideal
	$(BIN)/python -m benchmarks workers ingest_workers $(ARGS)

bench-peers: $(DEVELOPED) $(PEERS_READY) ## measure beside chromadb, the usual CLIP loop and a CLIP server; 10 minutes
	$(BIN)/python -m benchmarks.peers $(ARGS)

# The peers have environments of their own, so that nothing of theirs changes what is tested here;
# and the CLIP server another one, because it wants an older transformers and numpy.
$(PEERS_READY): Makefile
	test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	test -x .venv-peers-server/bin/python || $(PYTHON) -m venv .venv-peers-server
	for one in .venv-peers .venv-peers-server; do \
		$$one/bin/pip install --quiet 'torch==$(TORCH)+cpu' 2>/dev/null \
			|| $$one/bin/pip install --quiet 'torch==$(TORCH)'; \
	done
	.venv-peers/bin/pip install --quiet $(PEERS)
	.venv-peers-server/bin/pip install --quiet $(PEER_SERVER)
	@touch $@

fake-providers: $(READY) ## stand in for OpenAI and Anthropic on this machine, to try answers
	$(BIN)/python -m tests.providers $(ARGS)

demo-model: $(READY) ## train the small model that ships with the project
	$(BIN)/python -m worker.demo_model.train $(ARGS)

constraints: $(DEVELOPED) ## pin the newest versions that fit together
	@$(BIN)/pip install --quiet --dry-run --ignore-installed --report $(VENV)/report.json -e '.[$(DEVELOPERS)]' -e client
	@$(BIN)/python -c "import json; \
		found = [one['metadata'] for one in json.load(open('$(VENV)/report.json'))['install']]; \
		pins = {m['name'].lower(): m['version'].partition('+')[0] for m in found if not m['name'].startswith(('sightline', 'nvidia-', 'cuda-', 'triton'))}; \
		print('# Made by make constraints. Do not edit.', *(f'{n}=={v}' for n, v in sorted(pins.items())), sep='\n')" > $(VENV)/constraints.txt
	@mv $(VENV)/constraints.txt constraints.txt

clean: ## remove .venv, caches and the demo's data (your DATA_DIR stays)
	rm -rf $(VENV) .venv-peers .venv-peers-server .data-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .pytest-screenshots build dist
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
