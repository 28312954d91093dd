# make lab      open the course in JupyterLab (creates the environment if needed)
# make test     run every test (creates the environment if needed)
# make grade    play the instructor's loop on sample submissions
# make system   install what only a system package provides (Debian and Ubuntu)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The settings switch off what asks the network, or the student whether it may. A message of up to
# 256 MiB lets a picture of one's own come to the kernel; by default one of 10 MiB is lost in silence.
# In a container, where one is root, Jupyter wants to be told so.
LAB_FLAGS := --ServerApp.root_dir=. \
	--LabApp.default_url=/lab/tree/notebooks/00_start_here/00_start_here.ipynb \
	--LabApp.app_settings_dir='$(CURDIR)/course_utils/data/jupyterlab' \
	--ServerApp.tornado_settings='{"websocket_max_message_size": 268435456}' \
	$(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: lab test grade system clean

lab: $(VENV)/installed
	$(BIN)/jupyter lab $(LAB_FLAGS)

test: $(VENV)/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest

grade: $(VENV)/installed
	$(BIN)/course demo

system:
	apt-get update
	apt-get install --yes --no-install-recommends bubblewrap chromium postgresql

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; assert (3, 10) <= sys.version_info < (3, 14), "Python 3.10 to 3.13 is needed, got " + sys.version'
	$(PYTHON) -m venv $(VENV)

# A stamp is newer than pyproject.toml as long as the environment is what it asks for.
$(VENV)/installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-for-tests: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[test,cluster]'
	touch $(VENV)/installed $@

clean:
	rm -rf $(VENV) build .pytest_cache .hypothesis
