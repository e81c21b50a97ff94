package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"wend/connectors/kafka"
	"wend/engine"
)

// connect makes a client of the cluster that the configuration names. It opens no connection yet.
func connect(cfg *engine.Config) (*kafka.Client, error) {
	o := kafka.Options{Brokers: cfg.Kafka.Brokers, ClientID: "wend-" + cfg.App}
	if t := cfg.Kafka.TLS; t != nil {
		c, err := tlsConfig(t)
		if err != nil {
			return nil, fmt.Errorf("kafka.tls: %w", err)
		}
		o.TLS = c
	}
	if s := cfg.Kafka.SASL; s != nil {
		o.SASL = kafka.SASL{Mechanism: s.Mechanism, Username: s.Username, Password: s.Password}
	}
	return kafka.New(o)
}

func tlsConfig(t *engine.TLSConfig) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New(t.CA + " holds no certificate in PEM")
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// configured is the configuration of a command that needs no journeys, with every problem told, and a connection, which
// the caller closes.
func configured(cmd *cobra.Command, dir string, args []string, told io.Writer) (engine.Config, *kafka.Client, error) {
	cfg, problems := loadConfig(cmd, dir, args)
	if err := tell(problems, told); err != nil {
		return cfg, nil, err
	}
	client, err := connect(&cfg)
	return cfg, client, err
}
