package kafka

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"wend/connectors"
)

func TestOptionsTellEveryProblem(t *testing.T) {
	for _, c := range []struct {
		name    string
		options Options
		want    []string
	}{
		{"no broker", Options{}, []string{"no broker"}},
		{"addresses and mechanism", Options{Brokers: []string{"good:9092", "bad", ":9092"}, SASL: SASL{Mechanism: "MAGIC"}},
			[]string{`"bad"`, `":9092"`, `"MAGIC"`}},
	} {
		_, err := New(c.options)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in: %v", c.name, want, err)
			}
		}
		if strings.Contains(err.Error(), "good") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// certificate is one for 127.0.0.1, signed by itself.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestSecuredConnections(t *testing.T) {
	cert, pool := certificate(t)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(1, "topic"), kfake.EnableSASL(),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}),
		kfake.Superuser("PLAIN", "p", "secret"), kfake.Superuser("SCRAM-SHA-256", "s", "secret"), kfake.Superuser("SCRAM-SHA-512", "t", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	trusted := &tls.Config{RootCAs: pool}
	for _, c := range []struct {
		name  string
		tls   *tls.Config
		sasl  SASL
		class connectors.Class
		says  string
	}{
		{"plain", trusted, SASL{"PLAIN", "p", "secret"}, connectors.Done, ""},
		{"plain, lower case", trusted, SASL{"plain", "p", "secret"}, connectors.Done, ""},
		{"scram 256", trusted, SASL{"SCRAM-SHA-256", "s", "secret"}, connectors.Done, ""},
		{"scram 512", trusted, SASL{"SCRAM-SHA-512", "t", "secret"}, connectors.Done, ""},
		// Apache Kafka answers with a code; this one closes the connection.
		{"wrong password", trusted, SASL{"PLAIN", "p", "guess"}, connectors.Ambiguous, "login"},
		{"untrusted certificate", &tls.Config{}, SASL{"PLAIN", "p", "secret"}, connectors.Ambiguous, "certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := New(Options{Brokers: cluster.ListenAddrs()[:1], TLS: c.tls, SASL: c.sasl, DialTimeout: 2 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			_, err = client.Metadata(ctx, "topic")
			if got := connectors.Classify(err); got != c.class {
				t.Fatalf("%v: %v, want %v", err, got, c.class)
			}
			if err != nil {
				if !strings.Contains(err.Error(), c.says) {
					t.Errorf("%q is not in: %v", c.says, err)
				}
				return
			}
			if _, _, err := client.ListOffset(ctx, connectors.TopicPartition{Topic: "topic"}, connectors.Latest); err != nil {
				t.Error(err)
			}
		})
	}
}

// A peer that does not speak Kafka gets no memory of ours, and an error that says so.
func TestPeerThatSpeaksSomethingElse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			c.Close()
		}
	}()
	defer func() { l.Close(); <-done }()
	client, err := New(Options{Brokers: []string{l.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if _, err := client.Metadata(ctx); err == nil || !strings.Contains(err.Error(), "does not speak Kafka") {
		t.Errorf("got %v", err)
	}
	if _, err := readAnswer(strings.NewReader("HTTP/1.1 400 Bad Request\r\n\r\n"), 1); err == nil || !strings.Contains(err.Error(), "does not speak Kafka") {
		t.Errorf("got %v", err)
	}
}

func TestCoordinatorIsForgottenWhenItMoves(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := New(Options{Brokers: cluster.ListenAddrs()[:1]})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	first, err := client.InitProducerID(ctx, "id")
	if err != nil {
		t.Fatal(err)
	}
	real, err := client.coordinator(ctx, transactionCoordinator, "id")
	if err != nil {
		t.Fatal(err)
	}
	client.mu.Lock()
	client.mu.coordinators[coordinatorKey{transactionCoordinator, "id"}] = (real + 1) % 3
	client.mu.Unlock()
	if _, err := client.InitProducerID(ctx, "id"); !errors.Is(err, connectors.NotCoordinator) || connectors.Classify(err) != connectors.Retry {
		t.Fatalf("the wrong coordinator: %v", err)
	}
	second, err := client.InitProducerID(ctx, "id")
	if err != nil || second.ID != first.ID || second.Epoch != first.Epoch+1 {
		t.Errorf("%+v %v, want the epoch behind %+v", second, err, first)
	}
}

func TestLeaderIsForgottenWhenItMoves(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(1, "topic"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := New(Options{Brokers: cluster.ListenAddrs()[:1]})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	tp := connectors.TopicPartition{Topic: "topic"}
	if _, _, err := client.ListOffset(ctx, tp, connectors.Latest); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := cluster.MoveTopicPartition("topic", 0, (cluster.LeaderFor("topic", 0)+1)%3); err != nil {
			t.Fatal(err)
		}
		if _, _, err := client.ListOffset(ctx, tp, connectors.Latest); connectors.Classify(err) != connectors.Retry {
			t.Fatalf("the old leader: %v", err)
		}
		if _, _, err := client.ListOffset(ctx, tp, connectors.Latest); err != nil {
			t.Fatalf("the new leader: %v", err)
		}
	}
}

// A broker that believes to lead under another epoch than we do has a log that we know nothing of.
func TestListOffsetAsksUnderTheEpochBelievedIn(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "topic"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := New(Options{Brokers: cluster.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	tp := connectors.TopicPartition{Topic: "topic"}
	if _, _, err := client.ListOffset(ctx, tp, connectors.Latest); err != nil {
		t.Fatal(err)
	}
	client.mu.Lock()
	l := client.mu.leaders[tp]
	l.epoch++
	client.mu.leaders[tp] = l
	client.mu.Unlock()
	if _, _, err := client.ListOffset(ctx, tp, connectors.Latest); !errors.Is(err, connectors.UnknownLeaderEpoch) {
		t.Errorf("got %v", err)
	}
}

// Nothing is tried again inside, but whoever asks again reaches a broker that lives.
func TestMetadataAsksAnotherBrokerAfterAFailure(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(1, "topic"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := New(Options{Brokers: cluster.ListenAddrs()[2:]})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if _, err := client.Metadata(ctx); err != nil {
		t.Fatal(err)
	}
	client.mu.Lock()
	client.mu.next = 0
	client.mu.Unlock()
	dead := client.anyBroker()
	if err := cluster.RemoveNode(dead); err != nil {
		t.Fatal(err)
	}
	for try := 0; ; try++ {
		m, err := client.Metadata(ctx, "topic")
		if err == nil {
			if len(m.Brokers) != 2 || client.anyBroker() == dead {
				t.Errorf("%+v", m.Brokers)
			}
			return
		}
		if try == 1 {
			t.Fatalf("asked twice: %v", err)
		}
	}
}
