# The one way in, for people and for CI. `make help` lists it.
CARGO ?= cargo

.PHONY: size test-mobile test-python test-kotlin help build demo test planted lint nostd soak bench fuzz test-valgrind test-pcsc test-ble test-targets test-all clean

help:
	@echo "make demo          the main job on three processes: you press the token's keys"
	@echo "make demo AUTO=1   the same, driven through the token's HTTP interface"
	@echo "make build         the three programs, into target/debug"
	@echo "make test          all tests: Rust and a C compiler, nothing else"
	@echo "make planted       each planted bug in the tests that must fail with it: one table; BUG=name for one. Part of make test"
	@echo "make lint          formatting and clippy"
	@echo "make soak SEEDS=n  fresh seeds through the simulator, 100,000 by default; CRYPTO=real is a hundredth as fast"
	@echo "make bench         what a transfer costs on Bluetooth LE and NFC: counted, its time modelled, beside floors by hand"
	@echo "make fuzz          builds the fuzz targets of what takes bytes off a link; also needs a C++ compiler"
	@echo "make test-valgrind comparisons of secrets on poisoned memory; installs valgrind from Debian's packages"
	@echo "make test-pcsc     the whole path through a card reader: pcscd and a virtual one, from Debian's packages"
	@echo "make test-ble      the whole path over Bluetooth LE, without a radio: a real BlueZ in a guest, from Debian's packages and PyPI"
	@echo "make test-targets  the core type-checked for Android, iOS and a Cortex-M4 without std; a Rust from Debian's packages, not installed"
	@echo "make size          the library as an app ships it: its bytes, by parts; fails above its limits (x86-64 Linux)"
	@echo "make test-python   the Python package in an environment of its own: the whole path and its faults; mypy and ruff from PyPI"
	@echo "make test-kotlin   the Kotlin library: the whole path and its faults; a JDK and Maven from Debian's packages, artifacts of Maven Central"
	@echo "make test-mobile   the library as an app ships it: the whole path over it, from Python"
	@echo "make test-all      everything there is"

# Links that this machine can have: Bluetooth LE on Linux and macOS with what cargo brings; card readers where their library is.
LINKS := $(if $(filter Linux Darwin,$(shell uname -s)),ushield-cli/ble)
LINKS += $(shell [ "$$(uname -s)" = Darwin ] || pkg-config --exists libpcsclite 2>/dev/null && echo ushield-cli/pcsc)
empty :=
comma := ,
LINKS := $(subst $(empty) ,$(comma),$(strip $(LINKS)))

build:
	$(CARGO) build --locked -p ushield-cli -p ushield-bank -p ushield-emulator --features "$(LINKS)"

# At a terminal cargo says how far it is; a log needs none of it.
demo:
	@if [ -t 2 ]; then quiet=; else quiet=--quiet; fi; \
	$(CARGO) build --locked $$quiet -p ushield-cli -p ushield-bank -p ushield-emulator -p ushield-e2e --features "$(LINKS)"
	@$(CARGO) run --locked --quiet -p ushield-e2e --bin demo -- $(if $(AUTO),--auto)

test: nostd
	$(CARGO) test --locked --workspace

planted:
	$(CARGO) test --locked -p ushield-planted --test every_bug -- $(BUG)

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

nostd:
	@tests/nostd/check.sh

SEEDS ?= 100000
CRYPTO ?= stand-in

soak:
	$(CARGO) run --locked --quiet -p ushield-simulator -- soak --seeds $(SEEDS) --crypto $(CRYPTO)

bench:
	@$(CARGO) run --locked --quiet -p ushield-bench

size:
	@bindings/size.sh

test-mobile:
	@bindings/python/test.sh --mobile

# Not part of the tests, which run the same functions: see tests/fuzz.
fuzz:
	cd fuzz && $(CARGO) build --locked

test-valgrind:
	@tests/secrets/valgrind.sh

test-pcsc:
	@tests/pcsc/run.sh

test-ble:
	@tests/ble/run.sh

test-targets:
	@tests/targets/run.sh

test-python:
	@bindings/python/test.sh

test-kotlin:
	@bindings/kotlin/test.sh

test-all: lint test test-valgrind test-pcsc test-ble test-targets test-python test-kotlin test-mobile
	$(MAKE) demo AUTO=1

clean:
	$(CARGO) clean
