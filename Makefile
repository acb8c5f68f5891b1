# `make figures` and `make test` do all the set-up on a fresh machine with Python 3.11 to 3.14.
PYTHON ?= python3
CORES ?= all
# Extra words for snakemake, as in: make figures ARGS="--configfile config/paper.yaml"
ARGS ?=
# Named where make itself starts a program: macOS's make 3.81 does not look at the PATH below then.
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
# A killed build leaves snakemake's own lock behind, which the same command then trips over. The
# operating system takes this one back with the process, and still keeps two builds apart. `exec`, since
# make tells nobody but the shell that it was told to stop.
LOCKED := exec python workflow/locked.py .build.lock
# One line of progress, and each error once, is what the logger plugin in workflow/progress shows.
SNAKEMAKE := PYTHONPATH="$(CURDIR)/workflow/progress$${PYTHONPATH:+:$$PYTHONPATH}" \
  $(LOCKED) snakemake --nolock --logger atlas --cores $(CORES)

.PHONY: figures claims report bundle doctor robustness record gallery sources test check format clean site archive \
  benchmark
figures: .venv/installed
	@$(SNAKEMAKE) $(ARGS)

claims: .venv/installed
	@$(SNAKEMAKE) claims $(ARGS)

report: .venv/installed
	@$(SNAKEMAKE) report $(ARGS)

# What this machine lacks, and what to do about it.
doctor:
	@$(PYTHON) workflow/doctor.py

# Of two --config Snakemake heeds the last alone.
ONE_CONFIG = $(if $(filter --config,$(ARGS)),$(error this target has a --config of its own: put yours into a file, ARGS="--configfile mine.yaml"))

# One zip for a paper: make bundle FIGURES="quadratic_trajectories quadratic_convergence_rate" VENUE=icml COLUMN=half
FIGURES ?=
VENUE ?= neurips
COLUMN ?= full
comma := ,
empty :=
bundle: .venv/installed
	$(ONE_CONFIG)
	@test -n "$(FIGURES)" || { echo 'which figures? make bundle FIGURES="quadratic_trajectories quadratic_convergence_rate" VENUE=icml' >&2; exit 2; }
	@$(SNAKEMAKE) figures/bundle.zip $(ARGS) --config \
	  'figures=[$(subst $(empty) $(empty),$(comma),$(strip $(FIGURES)))]' \
	  'style={venue: $(VENUE), column: $(COLUMN)}'
	@echo "figures/bundle.zip: unpack it, or upload it to Overleaf"

# Every figure's page, the documentation and the library's interface, for a browser: site/index.html.
site: .venv/installed
	$(SNAKEMAKE) site $(ARGS)

# What spares others the training: tables, figures, claims and code of a build as one RO-Crate, of which
# `make figures` takes the tables.
archive: .venv/installed
	$(ONE_CONFIG)
	$(SNAKEMAKE) archive --config tables=null $(ARGS)
	cp results/tables.tar.xz tables.tar.xz
	ls -l tables.tar.xz && sha256sum tables.tar.xz

# Every claim again under other arithmetics, seeds and inputs; some only: make robustness
# PERTURBATIONS="seeds_1 inputs". A build that was stopped goes on.
PERTURBATIONS ?=
robustness: .venv/installed
	$(LOCKED) python workflow/robustness.py --cores $(CORES) \
	  --perturbations $(PERTURBATIONS) $(ARGS)

# The verdicts of the default build, for `strict`.
record: .venv/installed
	$(BIN)/python src/record_verdicts.py --claims results/claims.parquet \
	  --robustness results/robustness.parquet --output tests/recorded_verdicts.csv

# docs/gallery.md: pictures, captions and verdicts, from what `make figures` has built, with
# ARGS="--config robustness=results/robustness.parquet" where what flips is to be undecided.
gallery: .venv/installed
	$(BIN)/python src/write_gallery.py $(shell sed -n 's/^  - \([a-z_]*\)$$/\1/p' config/config.yaml) \
	  --drawn figures --claims results/claims.parquet --page docs/gallery.md --pictures docs/gallery

# The sources' sentences and their verdicts, from the same.
sources: .venv/installed
	$(BIN)/python src/write_sources.py --claims results/claims.parquet --page docs/sources.md

# A file's tests stay together, since they share what they build; tests/conftest.py says the order.
# With ALL=1 also what is marked as long: other programs and processors, every value of a config.
ALL ?=
test: check
	$(BIN)/python -m pytest -rfEs --numprocesses auto --dist loadgroup --no-loadscope-reorder \
	  $(if $(ALL),,-m "not long") $(ARGS)

# How fast, beside what people would use instead: docs/benchmarks.md. With ARGS=--quick a minute's
# worth, apart from the page; with ARGS=--whole whole builds and the tests too, which takes an hour;
# with ARGS="--parts --whole builds" only builds, and what was measured before stays on the page.
benchmark: .venv/installed
	PYTHONPATH="$(CURDIR)/src" python benchmarks/benchmark.py $(ARGS)

check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/snakefmt --check workflow examples
	$(BIN)/snakemake --lint
	$(BIN)/mypy src workflow

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/snakefmt workflow examples

# CPU=1 leaves CUDA's libraries out, where the index has a torch that does without them.
CPU ?=
# The stamp is written last: an installation that was cut short is done again.
.venv/installed: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14) and "Python 3.11 to 3.14 is needed; name one with: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	grep -vE $(if $(CPU),'^(nvidia|cuda|triton)','^$$') requirements.txt > .venv/wanted.txt
	if command -v uv >/dev/null; then uv pip install --quiet --python $(BIN)/python --requirement .venv/wanted.txt; \
	else $(BIN)/python -m pip install --quiet --requirement .venv/wanted.txt; fi
	@test -z "$(CPU)" || test ! -d .venv/lib/python3*/site-packages/nvidia || \
	  echo "CPU=1: this index has no torch for CPUs, so that CUDA's libraries came with it; docs/building.md says how to name one that has" >&2
	$(BIN)/python -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_path('purelib'), \
	  'gradient_atlas.pth').write_text('$(CURDIR)/src\n')"
	touch $@

clean:
	rm -rf figures/*.* logs site quick .snakemake
	find results -mindepth 1 ! -name README.md -delete
