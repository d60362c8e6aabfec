# make app: set up and start.  make test: set up and check; with ALL=1 every further case at full size too, as CI does.
# make check: what can be told in two minutes.
# See README.md.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One more than cores: the two workers that have a running suite often wait for it (a fourth costs its imports: 6:28 for 5:39 to 6:16).
JOBS ?= 3

.PHONY: app test check tests quick-tests lint types bench clean system

app: $(VENV)/.installed
	$(BIN)/python app.py

# Format, lint and types are told beside the tests.
test: $(VENV)/.installed-dev
	$(MAKE) --no-print-directory -j 3 lint types tests

check: $(VENV)/.installed-dev
	$(MAKE) --no-print-directory -j 3 lint types quick-tests

PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder

tests: $(VENV)/.installed-dev
	$(PYTEST) $(if $(ALL),,-m "not exhaustive")

quick-tests: $(VENV)/.installed-dev
	$(PYTEST) -m "not slow and not live and not exhaustive"

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	$(BIN)/python -m bench

# What a bare Debian needs: libraries for OpenCV, and the browser that the browser tests drive.
system:
	apt-get update -q && apt-get install -y -q python3-venv chromium $$(cat packages.txt)

$(VENV)/.installed: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed pyproject.toml
	$(BIN)/python -m pip install --quiet --config-settings editable_mode=compat -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
