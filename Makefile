# Meshward: everything that a developer or CI does. `make` lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# cargo uses all processors by itself, and the steps of `make test` have an order.
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules
# What runs here talks over the loopback interface, also where a proxy is set for the rest of the world.
LOOPBACK := localhost,127.0.0.1,::1
export no_proxy := $(if $(no_proxy),$(no_proxy)$(shell echo ,))$(LOOPBACK)
export NO_PROXY := $(no_proxy)
# Properties are tried with the same inputs each time, so that what fails is the change; `make soak` tries others.
export PROPTEST_RNG_SEED ?= 1

FILTERS := audit-emitter jwt-auth token-bucket pii-redactor
# The first is the one that the demonstration and most tests run with.
ENVOYS := 1.40.0 1.39.3 1.38.2 1.37.0 1.36.4

SETUP := envoy-test/setup
BED := target/testbed
OPENID := $(BED)/oidc-provider
# The four filters in one module.
BUNDLE := meshward
MODULES := $(FILTERS:%=dist/%.wasm) dist/$(BUNDLE).wasm
# The pass over what was linked, and its list of the functions that run with requests.
COLD_CALLS := envoy-test/cold-calls
HOT_FUNCTIONS := $(COLD_CALLS)/hot-functions.txt
PASS := target/cold-calls
LINKED := target/wasm32-wasip1/release
# A filter that does nothing, to compare with.
NOOP := target/wasm32-wasip1/release/noop_filter.wasm
SOURCES := $(shell find filters/*/src filters/*/build shared/audit/src shared/policy/src shared/host/src) \
	$(wildcard filters/*/Cargo.toml shared/*/Cargo.toml) Cargo.toml Cargo.lock $(SETUP)/cargo-wasm.sh \
	$(wildcard $(COLD_CALLS)/src/*.rs) $(COLD_CALLS)/Cargo.toml $(HOT_FUNCTIONS)
# The code that runs in the proxy, as cargo arguments.
IN_PROXY := $(FILTERS:%=--package=%) --package=meshward-bundle --package=meshward-audit --package=meshward-host --package=meshward-policy
# The demonstration and the command line are built optimised, but without the minutes of fat LTO.
NATIVE := cargo run --quiet --locked --profile native
TEST := cargo test --no-fail-fast --locked
# With clippy for the compiler of what is in this checkout.
LINTING := RUSTC_WORKSPACE_WRAPPER="$(CURDIR)/$(SETUP)/linting-rustc.sh"
TEST_BED := $(TEST) --package=envoy-test --package=rate-limit-service
# What the tests run beside the modules.
BEDS := $(ENVOYS:%=$(BED)/envoy-%/pins.txt) $(OPENID)/pins.json $(BED)/redis/redis-server \
	$(BED)/upstreams/caddy $(BED)/audit-tools/pins.txt $(BED)/skopeo/skopeo $(BED)/chromium.path $(BED)/clients/pins.txt \
	$(BED)/manifest-types/pins.json

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# What a goal needs is checked before anything is fetched or compiled.
.PHONY: needs-%
needs-%:
	@$(SETUP)/needs.sh $*

# ---- Build -------------------------------------------------------------------------------------

.PHONY: build
build: needs-build dist/SHA256SUMS ## Build the filters and the bundle of all four into dist/, with their checksums

dist/SHA256SUMS: $(MODULES)
	@cd dist && { command -v sha256sum >/dev/null && sum=sha256sum || sum='shasum -a 256'; } \
		&& $$sum $(FILTERS:%=%.wasm) $(BUNDLE).wasm >SHA256SUMS
	@cat $@

# By itself: in the bundle the filters are without the callbacks of their own modules. It is all that the
# demonstration needs.
dist/$(BUNDLE).wasm: $(SOURCES) $(BED)/wasm.env
	@echo "make build: compiling the bundle to WebAssembly"
	@$(SETUP)/cargo-wasm.sh wasm32-wasip1 build --release --lib --package=meshward-bundle
	@$(MAKE) --no-print-directory $(PASS)
	@$(call rewrite,meshward_bundle,$(BUNDLE))

$(FILTERS:%=dist/%.wasm): $(LINKED)/filters.stamp
	@[ -f $@ ] || { rm -f $<; $(MAKE) --no-print-directory $<; }

$(LINKED)/filters.stamp: $(SOURCES) $(BED)/wasm.env
	@echo "make build: compiling the filters to WebAssembly"
	@# audit-emitter by itself: it has no use for the tables of Ed25519 that jwt-auth has.
	@$(SETUP)/cargo-wasm.sh wasm32-wasip1 build --release --lib --package=audit-emitter
	@$(SETUP)/cargo-wasm.sh wasm32-wasip1 build --release --lib $(patsubst %,--package=%,$(filter-out audit-emitter,$(FILTERS)))
	@$(MAKE) --no-print-directory $(PASS)
	@$(foreach filter,$(FILTERS),$(call rewrite,$(subst -,_,$(filter)),$(filter));)
	@touch $@ $(FILTERS:%=dist/%.wasm)

# The pass over a linked module, and its copy with names for profilers. The pass itself is made behind the modules: another
# cargo may be compiling natively until then.
rewrite = mkdir -p dist/names && $(PASS) $(HOT_FUNCTIONS) "$(LINKED)/$(1).wasm" "dist/$(2).wasm" "dist/names/$(2).wasm"

# By its files, and not by cargo each time, which waits for whatever else is compiled for this machine; a copy,
# because cargo replaces its own.
$(PASS): $(wildcard $(COLD_CALLS)/src/*.rs) $(COLD_CALLS)/Cargo.toml Cargo.toml Cargo.lock
	@cargo build --quiet --locked --package=cold-calls
	@cp target/debug/cold-calls $@

$(NOOP): $(wildcard envoy-test/noop-filter/src/*.rs) envoy-test/noop-filter/Cargo.toml Cargo.lock $(BED)/wasm.env
	@$(SETUP)/cargo-wasm.sh wasm32-wasip1 build --release --package=noop-filter
	@touch $@

$(BED)/wasm.env: $(SETUP)/wasm-target.sh
	@$<

.PHONY: dist
dist: needs-dist build ## Make the packages of a release in dist/: images, SBOMs, schemas, the command line tool
	@envoy-test/packages/dist.sh $(FILTERS)

# ---- Run ---------------------------------------------------------------------------------------

# The modules keep one processor busy while they are linked; the other compiles the demonstration, with the profile of
# the tests, which takes two thirds of the time.
DEMO_MODULES = $(if $(filter separate,$(CHAIN)),$(FILTERS:%=dist/%.wasm),dist/$(BUNDLE).wasm)
.PHONY: demo
demo: needs-demo $(if $(KEEP),$(if $(PORTS),,needs-ports)) $(BED)/wasm.env ## Run the bundle in a real Envoy; CHAIN=separate the four filters, KEEP=1 leaves it running (PORTS=free at other ports)
	@echo "make demo: compiling, and fetching Envoy (about three minutes on a first run)"
	@$(SETUP)/together.sh \
		"compiling the filters to WebAssembly" "$(MAKE) --no-print-directory $(DEMO_MODULES)" \
		"compiling the demonstration" "CARGO_INCREMENTAL=0 cargo build --locked --package envoy-test --package cold-calls --no-default-features --bin demo --bin cold-calls" \
		"fetching Envoy" "$(MAKE) --no-print-directory $(BED)/envoy-$(firstword $(ENVOYS))/pins.txt"
	@target/debug/demo $(if $(filter separate,$(CHAIN)),--separate) $(if $(KEEP),--keep) $(if $(filter free,$(PORTS)),--free-ports)

$(BED)/envoy-%/pins.txt: $(SETUP)/envoy-%.txt $(SETUP)/envoy.sh
	@$(SETUP)/envoy.sh $* >/dev/null
	@touch $@

$(BED)/audit-tools/pins.txt: $(SETUP)/audit-tools.txt $(SETUP)/audit-tools.sh
	@$(SETUP)/audit-tools.sh >/dev/null
	@touch $@

$(OPENID)/pins.json: $(SETUP)/oidc-provider.sh $(SETUP)/oidc-provider/package-lock.json
	@$< >/dev/null
	@touch $@

.PHONY: check-config
check-config: ## Check a configuration: FILTER=jwt-auth FILE=my.json
	@$(NATIVE) --package meshward-cli --bin meshward -- check $(FILTER) $(FILE)

PLAYGROUND := dist/playground/index.html
PLAYGROUND_BUILT := target/wasm32-unknown-unknown/playground

.PHONY: playground
playground: $(PLAYGROUND) ## Make dist/playground/index.html: a page to try configurations on, without a network

$(PLAYGROUND): $(SOURCES) $(shell find shared/inspect shared/cases shared/trail shared/playground -name '*.rs' -o -name '*.txt' -o -name 'page.*' -o -name build.mjs) \
		$(wildcard filters/*/examples/*.json) envoy-test/envoy/meshward.yaml $(BED)/wasm.env
	@echo "make playground: compiling the filters for browsers (two minutes on a first run)"
	@$(SETUP)/cargo-wasm.sh wasm32-unknown-unknown build --profile playground --lib --package=meshward-playground
	@$$($(SETUP)/tool.sh wasm-bindgen) --target no-modules --no-typescript --remove-name-section --remove-producers-section --out-dir $(PLAYGROUND_BUILT)/page $(PLAYGROUND_BUILT)/playground.wasm
	@mkdir -p $(@D)
	@node shared/playground/page/build.mjs $(PLAYGROUND_BUILT)/page "$$(cargo pkgid --offline --package meshward-playground | sed 's/.*[#@]//')" $@

.PHONY: docs
docs: ## Make a site of the documents in target/docs, and check every link in it
	@python3 envoy-test/docs/site.py "$$($(SETUP)/tool.sh mdbook)" target/docs

# ---- Test --------------------------------------------------------------------------------------

# What is fetched, and what is compiled to WebAssembly, comes while the tests are compiled: linking a module keeps a
# single processor busy. All tests are one command of cargo, so that nothing is compiled twice for them, and its
# compiler lints what it compiles.
.PHONY: test
test: needs-test ## Run everything that CI runs
	@mkdir -p $(BED)
	@$(MAKE) --no-print-directory $(BED)/wasm.env $(PASS)
	@$(MAKE) --no-print-directory beds >$(BED)/fetched.log 2>&1 & fetching=$$!; \
	$(MAKE) --no-print-directory build $(NOOP) lint-wasm test-node >$(BED)/built.log 2>&1 & building=$$!; \
	trap 'kill $$fetching $$building 2>/dev/null || true' EXIT; \
	$(MAKE) --no-print-directory lint-format; \
	$(LINTING) $(TEST) --workspace --no-run; \
	wait $$building || { cat $(BED)/built.log; exit 1; }; \
	$(MAKE) --no-print-directory lint-dependencies; \
	wait $$fetching || { cat $(BED)/fetched.log; exit 1; }
	$(LINTING) $(TEST) --workspace
	@echo "make test: all passed"

.PHONY: beds
beds: $(BEDS)

.PHONY: lint
lint: lint-format lint-native lint-wasm lint-dependencies ## Check formatting, lints and dependencies

.PHONY: lint-format
lint-format:
	cargo fmt --check

# `make test` has no use for it: there the compiler lints what the tests need, which is all of it.
.PHONY: lint-native
lint-native:
	cargo clippy --locked --workspace --all-targets -- -D warnings

.PHONY: lint-wasm
lint-wasm: $(BED)/wasm.env
	@. $(BED)/wasm.env; if [ -n "$${RUSTC:-}" ]; then \
		echo "lints for wasm32-wasip1: not run, clippy has no standard library for it here"; \
	else \
		set -x; $(SETUP)/cargo-wasm.sh wasm32-wasip1 clippy --lib $(IN_PROXY) -- -D warnings; \
	fi

.PHONY: lint-dependencies
lint-dependencies:
	@cargo fetch --quiet --locked  # also what only other platforms need: cargo-deny reads all of it
	$$($(SETUP)/tool.sh cargo-deny) --offline --locked check licenses bans sources

.PHONY: test-native
test-native: ## Test the filters' cores and the shared crates natively
	$(TEST) --workspace --exclude=envoy-test --exclude=rate-limit-service

.PHONY: soak
soak: ## Try the properties with new inputs: ROUNDS=10
	@for round in $$(seq $(or $(ROUNDS),10)); do \
		export PROPTEST_RNG_SEED=$$((RANDOM * 32768 + RANDOM)); \
		echo "make soak: round $$round, PROPTEST_RNG_SEED=$$PROPTEST_RNG_SEED"; \
		$(TEST) --quiet --workspace --exclude=envoy-test --exclude=rate-limit-service; \
	done

.PHONY: test-node
test-node: $(BED)/wasm.env ## Test the policy crate as WebAssembly in Node
	runner=$$($(SETUP)/tool.sh wasm-bindgen-test-runner); PATH="$$(dirname "$$runner"):$$PATH" \
		$(SETUP)/cargo-wasm.sh wasm32-unknown-unknown test --lib --package=meshward-policy

.PHONY: test-host
test-host: build $(NOOP) ## Test the modules in the in-process host
	$(TEST_BED) --lib --bins --test vm --test vm_cases

.PHONY: test-browser
test-browser: $(PLAYGROUND) $(BED)/chromium.path ## Try the playground in a headless Chromium, and check that everybody can use it
	@node --test-reporter=spec shared/playground/browser/test.mjs "$$(cat $(BED)/chromium.path)" $(PLAYGROUND) "$$($(SETUP)/axe.sh)"

$(BED)/redis/redis-server: $(SETUP)/redis.sh
	@$< >/dev/null
	@touch $@

$(BED)/upstreams/caddy: $(SETUP)/upstreams.sh
	@$< >/dev/null
	@touch $@

$(BED)/skopeo/skopeo: $(SETUP)/skopeo.sh
	@$< >/dev/null
	@touch $@

$(BED)/clients/pins.txt: $(SETUP)/clients.txt $(SETUP)/clients.sh
	@$(SETUP)/clients.sh >/dev/null
	@touch $@

$(BED)/chromium.path: $(SETUP)/chromium.sh
	@$< >$@

$(BED)/manifest-types/pins.json: $(SETUP)/manifest-types.sh $(SETUP)/manifest-types/package-lock.json
	@$< >/dev/null
	@touch $@

.PHONY: test-envoy
test-envoy: build $(BEDS) ## Test the modules in real Envoys, and what is shipped with them
	$(TEST_BED) --test envoy --test envoy_cases --test shipped --test command_line

.PHONY: test-compose
test-compose: needs-compose build ## Follow the README in containers; IMAGES=local builds stand-ins where no registry is in reach
	@IMAGES=$(IMAGES) envoy-test/compose/test.sh

.PHONY: test-packages
test-packages: dist ## Check the packages of a release: bills of materials, the command line tool, checksums
	@cargo test --locked --package envoy-test --test shipped -- --include-ignored packages::

.PHONY: test-reproducible
test-reproducible: needs-dist ## Make the packages of a release in two folders, and compare them byte for byte (ten minutes)
	@envoy-test/packages/reproducible.sh

.PHONY: advisories
advisories: ## Check the dependencies for known vulnerabilities (downloads the advisory database)
	$$($(SETUP)/tool.sh cargo-deny) --locked check advisories

# ---- Care --------------------------------------------------------------------------------------

.PHONY: fmt
fmt: ## Format the code
	cargo fmt

.PHONY: bench
bench: needs-bench build $(NOOP) $(BED)/envoy-$(firstword $(ENVOYS))/pins.txt ## Measure everything side by side; ONLY=jwt-auth measures a part
	@cargo build --quiet --locked --profile native --package meshward-cli
	@$(NATIVE) --package envoy-test --bin bench -- $(ONLY)

.PHONY: dashboard-pictures
dashboard-pictures: build $(BED)/envoy-$(firstword $(ENVOYS))/pins.txt $(BED)/audit-tools/pins.txt ## Draw the dashboards from a run of the demonstration, for the documents
	@cargo build --quiet --locked --profile native --package envoy-test --no-default-features --bin demo
	@python3 envoy-test/grafana/pictures.py target/native/demo $(BED)/audit-tools/prometheus/usr/bin/prometheus

.PHONY: hot-functions
hot-functions: build ## Find out by the case files which functions run with requests, for the pass after linking
	@$(NATIVE) --package envoy-test --bin hot-functions >$(HOT_FUNCTIONS).new
	@mv $(HOT_FUNCTIONS).new $(HOT_FUNCTIONS)

.PHONY: eval
eval: ## Measure what pii-redactor finds, side by side with Presidio; DOCUMENTS=6000
	python=$$($(SETUP)/eval.sh); cargo build --quiet --locked --profile native --package meshward-cli; \
		$$python filters/pii-redactor/eval/evaluate.py target/native/meshward $(or $(DOCUMENTS),6000)

.PHONY: clean
clean: ## Remove everything that was built or fetched
	rm -rf target dist
