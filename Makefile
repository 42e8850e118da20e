# The one way in, for people and for CI. `make help` lists it.
CARGO ?= cargo

.PHONY: help build demo test lint nostd test-all clean

help:
	@echo "make demo          the main job on three processes: you press the token's keys"
	@echo "make demo AUTO=1   the same, driven through the token's HTTP interface"
	@echo "make build         the three programs, into target/debug"
	@echo "make test          all tests: Rust and a C compiler, nothing else"
	@echo "make lint          formatting and clippy"
	@echo "make test-all      everything there is"

build:
	$(CARGO) build --locked -p ushield-cli -p ushield-bank -p ushield-emulator

demo:
	@$(CARGO) build --locked --quiet -p ushield-cli -p ushield-bank -p ushield-emulator -p ushield-e2e
	@$(CARGO) run --locked --quiet -p ushield-e2e --bin demo -- $(if $(AUTO),--auto)

test: nostd
	$(CARGO) test --locked --workspace

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

nostd:
	@tests/nostd/check.sh

test-all: lint test
	$(MAKE) demo AUTO=1

clean:
	$(CARGO) clean
