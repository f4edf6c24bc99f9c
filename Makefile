# Needs Rust, Python 3.11+ and make; everything else is installed into .venv and the cache.
PYTHON ?= python3
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/sealtrail
export CARGO_TARGET_DIR ?= $(CACHE)/target
BIN := .venv/bin

# maturin sets these two for the wheel. The checks of the binding need the same, or pyo3 would be
# compiled anew at each change between them.
PYO3_ENV = PYO3_BUILD_EXTENSION_MODULE=1 \
	PYO3_CONFIG_FILE=$(firstword $(wildcard $(CARGO_TARGET_DIR)/maturin/pyo3-config-*-abi3.txt))

CARGO_DENY_VERSION := 0.20.2
CARGO_DENY_ROOT := $(CACHE)/cargo-deny-$(CARGO_DENY_VERSION)
CARGO_DENY := $(CARGO_DENY_ROOT)/bin/cargo-deny

SOURCES := Cargo.toml Cargo.lock pyproject.toml README.md LICENSE .cargo/config.toml \
	$(shell find rust python -type f -not -name '*.py[co]')

.PHONY: build demo test check bench advisories
.DELETE_ON_ERROR:

build: .venv/wheel.stamp  ## release wheel, installed into .venv

.venv/tools.stamp: .requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Python 3.11 or newer is needed: make PYTHON=/path/to/python3")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

.venv/wheel.stamp: .venv/tools.stamp $(SOURCES)
	rm -rf .venv/wheel
	$(BIN)/maturin build --quiet --release --interpreter $(BIN)/python --out .venv/wheel
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall .venv/wheel/*.whl
	touch $@

demo: build  ## the whole story on a terminal
	$(BIN)/python -m sealtrail demo --events 100000

test: build  ## Rust, documentation, Python and notebook tests
	cargo test --locked --release --workspace
	$(BIN)/python -m pytest --pyargs sealtrail tests/python

check: build $(CARGO_DENY)  ## format, lints, types, documentation, licences
	cargo fmt --all --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy python tests/python
	$(BIN)/stubtest sealtrail._native --mypy-config-file pyproject.toml
	$(PYO3_ENV) cargo clippy --locked --release --workspace --all-targets -- -D warnings
	$(PYO3_ENV) RUSTDOCFLAGS='-D warnings' cargo doc --locked --release --workspace --no-deps --quiet
	$(CARGO_DENY) --log-level warn --config .deny.toml check bans licenses sources

advisories: $(CARGO_DENY)  ## known vulnerabilities; fetches the advisory database
	$(CARGO_DENY) --config .deny.toml check advisories

bench: build  ## speed and size against named peers
	$(BIN)/python benches/run.py $(ARGS)

# In a target folder of its own, so that it never waits for a build of the project.
$(CARGO_DENY):
	cargo install --quiet --locked cargo-deny --version $(CARGO_DENY_VERSION) \
		--root $(CARGO_DENY_ROOT) --target-dir $(CARGO_DENY_ROOT)/build
	rm -rf $(CARGO_DENY_ROOT)/build
