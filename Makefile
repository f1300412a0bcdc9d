# make demo   set everything up and run a search campaign
# make test   set everything up and run the tests
# make check  format, lint, types, layers

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3
INSTALLED := $(VENV)/.installed
UV := $(VENV)/uv
WORKERS ?= $(shell expr 2 '*' $$(nproc))

.PHONY: demo compare race latency ablation reading serving soak faults test check services lock licences install clean

demo: install
	$(BIN)/bohpo launch studies/quickstart.toml --follow
	$(BIN)/bohpo status quickstart --json | grep -q '"evaluations": [^0]' || $(BIN)/bohpo evaluate quickstart
	$(BIN)/bohpo report quickstart --output report.html

# the same budget spent on random configurations, beside the demo's
compare: install
	$(BIN)/bohpo launch studies/quickstart-random.toml --follow
	$(BIN)/bohpo ls

# how good the optimizer is, how fast, and what each of its parts is worth; see tests/benchmarks
race: install
	$(BIN)/python -m tests.benchmarks.race --processes 2

latency: install
	$(BIN)/python -m tests.benchmarks.latency

ablation: install
	$(BIN)/python -m tests.benchmarks.ablation --processes 2

# how fast a large campaign is read and written, beside Optuna on the same database
reading: install
	$(BIN)/python -m tests.benchmarks.reading

# how soon the service shows a large campaign, and what viewers cost it and the driver
serving: install
	$(BIN)/python -m tests.benchmarks.serving

# an hour: 3,000 quick trials and 20 viewers; memory, descriptors, threads and logs of driver and service, drawn
soak: install
	$(BIN)/python -m tests.benchmarks.soak

# every promise under real faults, the long ones included, and a table of what was measured; see tests/faults.
# KNOWN=FILE leaves out the programs whose figures are in a file already
faults: install services
	$(BIN)/python -m tests.faults.table --long $(if $(KNOWN),--known $(KNOWN))

# side by side, two for each core since half of them wait; PYTEST takes options and names of tests
test: install
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadgroup $(PYTEST)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# what the tests need beside Python: PostgreSQL, Slurm, Grid Engine and Chromium, from Debian's packages
services:
	./tests/install-services

# the pins of constraints.txt with the hashes of their files, for installs that check them: what users need, and the
# rest that developers need. After a change of constraints.txt; UV is its own environment, since only this needs it
LOCK = $(UV)/bin/uv pip compile --quiet --no-deps --generate-hashes --no-header --no-annotate --python-version 3.11 \
	--python-platform linux

lock: install $(UV)/bin/uv
	$(BIN)/python docker/pins.py > $(UV)/users.in
	$(BIN)/python docker/pins.py --rest > $(UV)/development.in
	$(LOCK) $(UV)/users.in --output-file requirements.lock
	$(LOCK) $(UV)/development.in --output-file requirements-dev.lock

$(UV)/bin/uv:
	$(PYTHON) -m venv $(UV)
	$(UV)/bin/pip install --quiet --disable-pip-version-check uv==0.13.9

# the licences of all packages, as they say themselves
licences: install
	$(BIN)/python docker/licences.py THIRD_PARTY_LICENSES.md

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV)
