# Everything here needs Go and make alone; the linter is built on first use.

GO       ?= go
FUZZTIME ?= 500000x
BENCH    ?= .
ROUNDS   ?= 100
SEED     ?= 0

# The linter, pinned and built with the Go that builds Tidings: a linter built
# with an older Go refuses the module.
LINT_VERSION := v2.15.0
LINT         := bin/golangci-lint-$(LINT_VERSION)

# Tools of the supply chain, pinned: they are run as the module proxy has them,
# which go's checksum database vouches for.
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
LICENSES    := go.elastic.co/go-licence-detector@v0.11.1

# Prometheus's checker of rules, built without the ways to find targets: those need
# the modules of twenty clouds. go run cannot: its module has replacements.
PROMTOOL_VERSION := v0.316.0
PROMTOOL         := bin/promtool-$(PROMTOOL_VERSION)

# OpenTelemetry's collector, and what it is built of.
COLLECTOR_VERSION := v0.162.0
COLLECTOR         := bin/otelcol-$(COLLECTOR_VERSION)

# What a release is built for. Its archives depend on nothing but the commit.
RELEASE_FOR := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64
TAR := tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$$(git log -1 --format=%ct)

.DEFAULT_GOAL := help
.PHONY: help build run test chaos runbooks lint fmt fuzz fuzz-short bench bench-micro rules collector screens vuln licenses reproducible release manifests clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

build: ## Build bin/tidings: one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/tidings ./cmd/tidings

run: build ## Build, then run the whole pipe with demo producers and receivers
	./bin/tidings demo

test: ## Vet and test everything, with the race detector if there is a C compiler
	@if printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | $$($(GO) env CC) -x c -o /dev/null - 2>/dev/null; then \
		race=-race; export CGO_ENABLED=1; \
	else \
		race=; export CGO_ENABLED=0; \
		echo 'No C compiler found: testing without the race detector, which needs one.'; \
	fi; \
	set -ex; $(GO) vet ./...; GO='$(GO)' .ci/test -vet=off $$race

chaos: ## Kill, pause, fill and confuse real processes under load: ROUNDS disasters (100; SEED repeats them)
	$(GO) test -count 1 -v -timeout $$(($(ROUNDS) * 20 + 2400))s -run '^(TestChaos|TestFull|TestClock|TestCluster)' ./cmd/tidings/processes -strict -cluster.long -rounds $(ROUNDS) -seed $(SEED)

runbooks: ## Have what the runbooks are for happen to real processes, and do as they say; ARGS=-update keeps the transcripts
	$(GO) test -count 1 -v -run '^(TestRunbooks|TestAlertRunbooks)$$' ./cmd/tidings/processes $(ARGS)

lint: $(LINT) ## Run the linters, which hold the code to the house rules
	$(LINT) run ./...
	$(LINT) run --build-tags faults ./schemas/fault

fmt: $(LINT) ## Format the Go files
	$(LINT) fmt ./...

# Prints "package target" for each fuzz target, then runs them one by one: Go
# fuzzes one target at a time. FUZZTIME counts executions: before Go 1.27 a
# duration can fail a run at its end for no fault found (go.dev/issue/75804).
fuzz: ## Run every fuzz target FUZZTIME times each (default 500000x)
	@list=$$($(GO) test -list '^Fuzz' ./...) || { echo "$$list"; exit 1; }; \
	echo "$$list" | awk '/^Fuzz/ {names[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, names[i]; n = 0}' | \
	while read -r package target; do \
		echo "$$package $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$package" </dev/null || exit 1; \
	done

fuzz-short: ## Run every fuzz target for some seconds, as CI does
	@$(MAKE) --no-print-directory fuzz FUZZTIME=20000x

bench: build ## Measure the pipe against this machine's ceiling
	./bin/tidings bench

bench-micro: ## Run the Go benchmarks (BENCH selects by name)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

rules: $(PROMTOOL) ## Check the alerts of deploy/prometheus, and run their tests
	$(PROMTOOL) check rules --lint=all --lint-fatal deploy/prometheus/rules.yml
	$(PROMTOOL) test rules deploy/prometheus/rules_test.yml

collector: $(COLLECTOR) ## Have a process tell a real OpenTelemetry collector what it does
	$(GO) test -count 1 -v -run '^TestCollector$$' ./cmd/tidings/processes -collector $(CURDIR)/$(COLLECTOR)

screens: ## Keep a picture of every page of the console in bin/screens; needs Chromium
	$(GO) test -count 1 -run '^TestScreens$$' ./cmd/tidings/browser -screens $(CURDIR)/bin/screens

vuln: ## Look for known vulnerabilities in what the code calls; needs the internet
	$(GO) run $(GOVULNCHECK) ./...

licenses: ## List the modules in the binaries with their licences, and refuse those not in .ci/licenses.json
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	modules=$$(for target in $(RELEASE_FOR); do \
		GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 $(GO) list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}' ./cmd/tidings || exit 1; \
	done | sort -u) && \
	$(GO) list -m -json $$modules > $$dir/modules && \
	$(GO) run $(LICENSES) -in $$dir/modules -includeIndirect -rules .ci/licenses.json \
		-depsTemplate .ci/licenses.tmpl -depsOut $$dir/list -noticeTemplate .ci/licenses.tmpl -noticeOut $$dir/notice && \
	cat $$dir/list

reproducible: ## Build the last commit twice, in two places and with two caches, and compare the bytes
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	git clone -q . $$dir/one && git clone -q . $$dir/another && \
	$(MAKE) --no-print-directory -C $$dir/one build && \
	GOCACHE=$$dir/cache $(MAKE) --no-print-directory -C $$dir/another build && \
	cmp $$dir/one/bin/tidings $$dir/another/bin/tidings && \
	echo "the same bytes twice: $$(sha256sum < $$dir/one/bin/tidings | cut -d ' ' -f 1)"

release: ## Build the archives of a release in bin/release, with checksums and a bill of materials
	@rm -rf bin/release && mkdir -p bin/release && \
	$(MAKE) --no-print-directory licenses > bin/release/licenses.txt && \
	for target in $(RELEASE_FOR); do \
		name=tidings-$${target%/*}-$${target#*/} && mkdir bin/release/$$name && \
		GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 $(GO) build -buildvcs=auto -trimpath -ldflags '-s -w' -o bin/release/$$name/tidings ./cmd/tidings && \
		cp LICENSE README.md bin/release/licenses.txt bin/release/$$name && cp -rL deploy bin/release/$$name/deploy && \
		$(TAR) -C bin/release -c $$name | gzip -n > bin/release/$$name.tar.gz && \
		(cd .ci && $(GO) run ./sbom ../bin/release/$$name/tidings ../bin/release/licenses.txt) > bin/release/$$name.cdx.json && \
		rm -r bin/release/$$name || exit 1; \
	done && \
	cd bin/release && sha256sum *.tar.gz *.cdx.json licenses.txt > SHA256SUMS && cat SHA256SUMS

manifests: ## Have the chart, compose.yaml and the bill of materials read by the libraries of those who will
	cd .ci && $(GO) vet ./... && $(GO) test ./...

clean: ## Remove what make built
	rm -rf bin

$(LINT):
	GOBIN=$(CURDIR)/bin GOTOOLCHAIN=$(filter go1.%,$(firstword $(shell $(GO) env GOVERSION))) \
		$(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv bin/golangci-lint $@

$(PROMTOOL): export GOFLAGS := -tags=remove_all_sd
$(PROMTOOL):
	@mkdir -p bin && dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && cd "$$dir" && \
	$(GO) mod init promtool && $(GO) get github.com/prometheus/prometheus/cmd/promtool@$(PROMTOOL_VERSION) && \
	$(GO) build -o $(CURDIR)/$@ github.com/prometheus/prometheus/cmd/promtool

$(COLLECTOR): .ci/collector.yaml
	@mkdir -p bin && dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	sed "s|^dist:|dist:\n  output_path: $$dir/out|" .ci/collector.yaml > "$$dir/collector.yaml" && \
	$(GO) run go.opentelemetry.io/collector/cmd/builder@$(COLLECTOR_VERSION) --config "$$dir/collector.yaml" && \
	mv "$$dir/out/otelcol" $@
