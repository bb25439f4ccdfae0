# What there is to do, and how CI does it. `make` alone lists the targets.
.DEFAULT_GOAL := help
.PHONY: help build release test lint doc deny deploy ci demo bench fuzz real

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build for development
	cargo build --locked

release: ## build as shipped (link-time optimisation: minutes)
	cargo build --locked --release

test: ## every test, the tidy ones too
	cargo test

lint: ## format, clippy, dependencies
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo deny --locked check bans licenses sources

doc: ## documentation, broken links denied
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps

deploy: release ## check deploy/ and its dashboard against a running proxy
	UMBRAGE_BIN=target/release/umbrage deploy/check

ci: ## all that CI runs
	bash .ci/run

demo: ## two built-in backends, the proxy, and a live summary
	cargo run --locked --release -- demo

bench: ## what must stay fast
	cargo bench --locked

fuzz: ## every fuzz target for a minute (wants nightly and cargo-fuzz)
	fuzz/run 60

real: release ## two servers that nobody here wrote, Umbrage between
	UMBRAGE_BIN=target/release/umbrage real/run
