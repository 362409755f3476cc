# The virtual environment is made on first use and kept up to date with the pinned requirements.
PYTHON ?= python3
MONTH ?= 2025-09
OUT ?= notes
RUNS ?= 5
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: note test lint bench scorecard docs pins reference clean

note: $(VENV)/.base
	$(BIN)/hashdesk note $(MONTH) --out $(OUT)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python bench/run.py --runs $(RUNS) $(if $(WRITE),--write)
	$(BIN)/python bench/outlook.py
	$(BIN)/python bench/store.py

scorecard: $(VENV)/.dev
	$(BIN)/python tools/build_scorecard.py

docs: $(VENV)/.dev
	$(BIN)/python tools/build_data_dictionary.py
	$(BIN)/python docs/generate.py

pins: $(VENV)/.dev
	for pair in "requirements/build.in build" "pyproject.toml base" "pyproject.toml dev --extra dev -c requirements/base.txt"; do \
	    set -- $$pair; source=$$1; name=$$2; shift 2; \
	    $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	        --no-annotate --no-header $$source "$$@" -o requirements/$$name.txt; \
	done

reference: $(VENV)/.dev
	$(if $(DATA),,$(error say where the raw tables are: make reference DATA=folder))
	$(BIN)/python tools/build_reference.py $(DATA)

clean:
	rm -rf $(VENV) dist

$(VENV)/.base: requirements/build.txt requirements/base.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("hashdesk needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/build.txt -r requirements/base.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	$(BIN)/python -c "from hashdesk.note.chart_runtime import load_runtime; load_runtime()"
	$(BIN)/python -m hashdesk.outlook.warm
	touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/dev.txt
	touch $@
