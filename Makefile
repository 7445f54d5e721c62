# Needs Go and git. Everything else is built from pinned sources into .cache/bin.

BIN     := $(CURDIR)/.cache/bin
SERVERS := $(BIN)/versitygw $(BIN)/minio
LINT    := $(BIN)/golangci-lint
MODULES := . tools tools/lint

# The race detector needs a C compiler; without one the tests still run.
CC_FOUND := $(shell set -- $$(go env CC); command -v "$$1" 2>/dev/null)
ifeq ($(CC_FOUND),)
RACE :=
else
RACE := -race
endif

FUZZTIME ?= 30s

.PHONY: test check fuzz bench build clean

test: $(SERVERS)
ifeq ($(RACE),)
	@echo "no C compiler: running without the race detector"
endif
	@echo "test: go test $(RACE) ./... with the servers in $(BIN)"
	@XFER_TEST_SERVERS="$(BIN)" CGO_ENABLED=$(if $(RACE),1,0) go test $(RACE) ./...

check: $(LINT)
	@echo "check: gofmt"
	@bad=$$(git ls-files -z --cached --others --exclude-standard -- '*.go' | xargs -0 gofmt -d) || exit 1; \
	if [ -n "$$bad" ]; then echo "$$bad"; exit 1; fi
	@echo "check: go vet"
	@go vet ./...
	@echo "check: golangci-lint"
	@$(LINT) run ./...
	@for module in $(MODULES); do \
		echo "check: go mod tidy -diff, go mod verify in $$module"; \
		(cd $$module && go mod tidy -diff && go mod verify) || exit 1; \
	done

fuzz:
	@for package in $$(go list ./...); do \
		targets=$$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); \
		for target in $$targets; do \
			echo "fuzz: $$target in $$package for $(FUZZTIME)"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

bench:
	@echo "bench: the benchmarks beside the code; benchmarks/ has those of whole runs"
	@go test -run '^$$' -bench . -benchmem ./...

build:
	@echo "build: bin/xfer"
	@CGO_ENABLED=0 go build -trimpath -o bin/xfer ./cmd/xfer

clean:
	@echo "clean: bin and .cache"
	@rm -rf bin .cache

$(BIN)/versitygw: tools/go.mod tools/go.sum
	@echo "build: $@"
	@cd tools && go build -o $@ github.com/versity/versitygw/cmd/versitygw

$(BIN)/minio: tools/go.mod tools/go.sum
	@echo "build: $@ (the first time takes minutes)"
	@cd tools && go build -o $@ github.com/minio/minio

$(LINT): tools/lint/go.mod tools/lint/go.sum
	@echo "build: $@"
	@cd tools/lint && go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
