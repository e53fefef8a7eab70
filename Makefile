# make demo     install, walk the whole pipeline on embedded defaults, print where the report is
# make test     install what the tests need and run them
# make test-thorough   also those that say again at greater size what others say
# make check    lint, types, import contract, docs
# make install  only install

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
LOCAL_STAMP := $(VENV)/.installed-local

.PHONY: demo test test-thorough check install clean

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/neuroonco demo --out runs/demo

# A module's tests stay in one worker, which then builds what they share once; tests/conftest.py puts slow modules first.
# Bytecode is kept even where the environment says otherwise: dozens of tests start processes that import the package.
test: $(DEV_STAMP) $(LOCAL_STAMP)
	@sh scripts/install_chromium.sh
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n auto --dist loadfile --no-loadscope-reorder

test-thorough:
	NEUROONCO_TEST_THOROUGH=1 $(MAKE) test

check: $(DEV_STAMP)
	$(BIN)/ruff check src tests scripts benchmarks
	$(BIN)/ruff format --check src tests scripts benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/write_cli_docs.py --check

$(BIN)/python:
	sh scripts/make_venv.sh $(PYTHON) $(VENV)

$(STAMP): $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(DEV_STAMP): $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(STAMP)

# What tests of local models need. Where torch cannot be had, it says so, and pytest skips them with the reason.
$(LOCAL_STAMP): $(DEV_STAMP) scripts/install_local_models.sh
	@sh scripts/install_local_models.sh $(BIN)/python && touch $@ || true

clean:
	rm -rf $(VENV) runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
