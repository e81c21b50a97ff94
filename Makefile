# The few usual targets. `make` alone builds and tests.
LINT_VERSION := v2.15.0
KAFKA_DIR    ?= data/kafka
KAFKA_PORT   ?= 19092

.PHONY: all build test race lint kafka-test crash bench fuzz

all: build test

build:
	go build -o bin/wend ./cmd/wend

test:
	go test ./...

race:
	go test -race -short ./...

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	go mod tidy -diff
	go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION) run

# The suites that also run on a real Kafka (Java 17 and Maven are needed).
kafka-test:
	brokers=$$(go run ./bench/cmd/kafka start $(KAFKA_DIR) 1 $(KAFKA_PORT)) && \
	{ WEND_TEST_KAFKA=$$brokers go test -count=1 ./connectors/... ./engine/ ./bench/... ; status=$$?; \
	go run ./bench/cmd/kafka stop $(KAFKA_DIR); exit $$status; }

# The engine killed again and again under load, on a real Kafka, audited.
crash:
	go run ./bench/crash

bench:
	go test -run '^$$' -bench . -benchmem ./engine/... ./schemas/... ./statestore/... ./connectors/batch/

fuzz:
	for p in ./schemas ./schemas/yamlfile ./engine ./engine/journey ./connectors/batch; do \
	  for f in $$(go test -list '^Fuzz' $$p | grep ^Fuzz); do go test -run '^$$' -fuzz "^$$f$$" -fuzztime 20s $$p || exit 1; done; \
	done
