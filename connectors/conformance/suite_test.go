package conformance

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"wend/connectors/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEmbedded(t *testing.T) {
	b, err := broker.Start(broker.Options{Nodes: 3, Configs: map[string]string{"log.cleaner.backoff.ms": "200"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	Run(t, b.Addrs()[:1])
}

func TestReal(t *testing.T) {
	brokers := os.Getenv("WEND_TEST_KAFKA")
	if brokers == "" {
		t.Skip("WEND_TEST_KAFKA names no Kafka: host:port, several with commas")
	}
	Run(t, strings.Split(brokers, ","))
}
