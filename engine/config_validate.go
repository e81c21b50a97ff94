package engine

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// ConfigError is what is wrong with the value of a key.
type ConfigError struct {
	Path    string // the key: kafka.brokers
	Message string
}

func (e ConfigError) Error() string { return e.Path + ": " + e.Message }

// Validate gives everything that is wrong with the configuration of an engine, not only the first.
func (c *Config) Validate() []ConfigError {
	var v validation
	v.app(c.App)
	v.kafka(&c.Kafka)
	v.topics(c)
	for _, f := range []struct{ path, value string }{
		{"source.fields.id", c.Source.Format.ID}, {"source.fields.customer", c.Source.Format.Customer},
		{"source.fields.type", c.Source.Format.Type}, {"source.fields.time", c.Source.Format.Time},
	} {
		if f.value == "" || strings.HasPrefix(f.value, ".") || strings.HasSuffix(f.value, ".") || strings.Contains(f.value, "..") {
			v.failf(f.path, "%q is no path: write the field's name, with dots between the names of nested ones", f.value)
		}
	}
	v.choice("source.partitioner", c.Source.Partitioner, Murmur2, CRC32, AnyPartition)
	v.choice("on_gap", c.OnGap, GapStop, GapSkip)
	v.choice("on_loss", c.OnLoss, LossStop, LossResend, LossDrop)
	v.choice("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.choice("log.format", c.Log.Format, LogJSON, LogText)
	v.choice("log.customers", c.Log.Customers, LogHashed, LogPlain)
	if c.DataDir == "" {
		v.failf("data_dir", "is empty: name a directory for the local views, such as ./data")
	}
	if c.Instance != "" && !validInstanceID(c.Instance) {
		v.failf("instance", "%q is no name for a member: up to 249 letters, digits, dots, underscores and dashes", c.Instance)
	}
	if c.Standby < 0 {
		v.failf("standby", "%d is no number of copies", c.Standby)
	}
	if c.Unit.MaxEvents < 1 {
		v.failf("unit.max_events", "%d is too small: at least 1", c.Unit.MaxEvents)
	}
	if c.Unit.MaxBytes < 1<<10 {
		v.failf("unit.max_bytes", "%s is too small: at least 1KiB", FormatSize(c.Unit.MaxBytes))
	}
	if c.Cache != 0 && c.Cache < 1<<20 {
		v.failf("cache", "%s is too small: at least 1MiB", FormatSize(c.Cache))
	}
	for i := range c.Delivery {
		v.channel(&c.Delivery[i])
	}
	return v.errors
}

type validation struct{ errors []ConfigError }

func (v *validation) failf(path, format string, args ...any) {
	v.errors = append(v.errors, ConfigError{path, fmt.Sprintf(format, args...)})
}

func (v *validation) choice(path, value string, of ...string) {
	if err := oneOf(value, of...); err != nil {
		v.failf(path, "%v", err)
	}
}

func (v *validation) app(name string) {
	switch {
	case name == "":
		v.failf("app", "is missing: name the application, such as shop; it names the group, the journal and the producer ids")
	case !isTopicName(name):
		v.failf("app", "%q cannot name topics: write letters, digits, dots, dashes and underscores, at most 200", name)
	case len(name) > 200: // the journal's and the dead letter's name are longer still
		v.failf("app", "is too long: at most 200 characters")
	}
}

func (v *validation) kafka(k *KafkaConfig) {
	if len(k.Brokers) == 0 {
		v.failf("kafka.brokers", "is empty: name at least one broker, such as 127.0.0.1:9092")
	}
	for _, b := range k.Brokers {
		host, port, err := net.SplitHostPort(b)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil || host == "" {
			v.failf("kafka.brokers", "%q is no address: write HOST:PORT, such as 127.0.0.1:9092", b)
		}
	}
	if k.SessionTimeout < time.Second || k.SessionTimeout > 30*time.Minute {
		v.failf("kafka.session_timeout", "%v is out of range: from 1s to 30m, within what the brokers allow (by default 6s to 30m)", k.SessionTimeout)
	}
	if k.TLS != nil && (k.TLS.Cert == "") != (k.TLS.Key == "") {
		v.failf("kafka.tls", "cert and key belong together: name both or neither")
	}
	if k.SASL != nil {
		v.choice("kafka.sasl.mechanism", k.SASL.Mechanism, SASLPlain, SASLSHA256, SASLSHA512)
		if k.SASL.Username == "" {
			v.failf("kafka.sasl.username", "is missing")
		}
		if k.SASL.Password == "" {
			v.failf("kafka.sasl.password", "is missing")
		}
	}
}

func (v *validation) topics(c *Config) {
	topics := []struct{ path, name string }{
		{"source.topic", c.Source.Topic},
		{"actions.topic", strings.ReplaceAll(c.Actions, "{channel}", "x")},
		{"journal.topic", c.Journal},
		{"dead_letter.topic", c.DeadLetter},
	}
	for i, t := range topics {
		if !isTopicName(t.name) {
			v.failf(t.path, "%q is no name of a topic: write letters, digits, dots, dashes and underscores, at most 249", t.name)
			continue
		}
		for _, other := range topics[:i] {
			if other.name == t.name {
				v.failf(t.path, "%q is also %s: each needs a topic of its own", t.name, other.path)
			}
		}
	}
}

func (v *validation) channel(d *ChannelConfig) {
	path := "delivery." + d.Channel
	ways := 0
	for _, w := range []string{d.Webhook, d.SMTP, d.Log} {
		if w != "" {
			ways++
		}
	}
	if ways != 1 {
		v.failf(path, "needs exactly one of webhook, smtp and log")
	}
	if d.Webhook == "" && (d.Secret != "" || d.Rate != 0) && d.SMTP == "" && d.Log == "" {
		v.failf(path, "secret and rate say how to call a webhook, and there is none")
	}
	if d.SMTP != "" && d.From == "" {
		v.failf(path+".from", "is missing: name the sender's address")
	}
}

// isTopicName says whether Kafka takes the name: 1 to 249 letters, digits, dots, dashes and underscores, and neither
// "." nor "..".
func isTopicName(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > 249 {
		return false
	}
	for i := range len(s) {
		b := s[i]
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '.' || b == '-' || b == '_') {
			return false
		}
	}
	return true
}

// ActionTopic is where the actions of a channel go.
func (c *Config) ActionTopic(channel string) string {
	return strings.ReplaceAll(c.Actions, "{channel}", channel)
}
