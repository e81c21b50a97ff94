package engine

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"wend/connectors"
)

// unreachable says why the cluster gave no answer, and what to do about it.
func unreachable(cfg *Config, err error) error {
	brokers := strings.Join(cfg.Kafka.Brokers, ", ")
	if advice := connectionAdvice(&cfg.Kafka, err); advice != "" {
		return fmt.Errorf("asking %s (kafka.brokers): %w; %s", brokers, err, advice)
	}
	return fmt.Errorf("asking %s (kafka.brokers): %w", brokers, err)
}

// connectionAdvice is what to do about a connection that did not come about; "" where the error says it.
func connectionAdvice(k *KafkaConfig, err error) string {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var dial *net.OpError
	text := err.Error()
	switch {
	case errors.Is(err, connectors.SASLAuthenticationFailed):
		return "correct kafka.sasl.username and kafka.sasl.password, or have the user made on the brokers for this kafka.sasl.mechanism"
	case errors.Is(err, connectors.UnsupportedSASLMechanism):
		return "the brokers do not offer this kafka.sasl.mechanism on this listener: choose another"
	case errors.As(err, &unknown):
		return "name the authority that signed the brokers' certificates in kafka.tls.ca"
	case errors.As(err, &host):
		return "name the brokers in kafka.brokers, and in their advertised.listeners, as their certificates do"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the brokers' certificate, or set this machine's clock right"
	case errors.As(err, &alert), strings.Contains(text, "remote error: tls:"):
		return "the brokers do not take this side's certificate: name one that is good, of an authority that they know, in kafka.tls.cert and kafka.tls.key"
	case errors.As(err, &record):
		return "the listener does not speak TLS: leave kafka.tls out, or name a listener that does"
	case strings.Contains(text, "expects TLS"):
		return "set kafka.tls where the listener expects TLS"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		// A broker says nothing before it closes on who speaks otherwise than its listener does.
		switch {
		case k.TLS != nil:
			return "the connection was closed without a word: does this listener speak TLS (kafka.tls), and want this login (kafka.sasl)?"
		case k.SASL == nil:
			return "the connection was closed without a word: this listener may want a login (kafka.sasl)"
		}
		return "the connection was closed without a word: is the login right (kafka.sasl), and does the listener want TLS (kafka.tls)?"
	case errors.As(err, &dial) && dial.Op == "dial":
		return "is Kafka running there, and may this machine connect?"
	}
	return ""
}
