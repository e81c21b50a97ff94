package engine

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"wend/schemas"
)

// ConfigKey is a key of wend.yaml. Each has a flag and a variable too; the flag wins, then the variable, then the file.
type ConfigKey struct {
	Path    string // dotted: kafka.brokers
	Help    string
	Default string // as text; "" is none
	setter
}

// setter puts a value into a Config.
type setter struct {
	set    func(*Config, value) error
	list   bool // a list in the file, commas elsewhere
	number bool // a bare number may stand in the file
	secret bool // no message may show the value
}

// Flag is the key's flag, without the dashes in front: kafka-brokers.
func (k ConfigKey) Flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(k.Path) }

// Variable is the key's environment variable: WEND_KAFKA_BROKERS.
func (k ConfigKey) Variable() string {
	return "WEND_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(k.Path))
}

// value is a text that was given for a key. base is the directory that a relative path in it starts from: the workspace
// for a file's value, the working directory for a flag's or a variable's, as who writes them expects.
type value struct {
	text string
	base string
}

func (v value) path() string {
	if v.text == "" || filepath.IsAbs(v.text) {
		return v.text
	}
	return filepath.Join(v.base, v.text)
}

// ConfigKeys are all keys but those under delivery, which are DeliveryKeys of a channel.
func ConfigKeys() []ConfigKey {
	return []ConfigKey{
		{"app", "names the group, the journal and the producer ids", "", text(func(c *Config) *string { return &c.App })},
		{"kafka.brokers", "where to find the cluster, comma-separated", "127.0.0.1:9092", setter{list: true, set: func(c *Config, v value) error {
			c.Kafka.Brokers = nil
			for b := range strings.SplitSeq(v.text, ",") {
				c.Kafka.Brokers = append(c.Kafka.Brokers, strings.TrimSpace(b))
			}
			return nil
		}}},
		{"kafka.session_timeout", "after this long without a heartbeat a member's shards go to others", "10s", setter{number: true, set: func(c *Config, v value) (err error) {
			c.Kafka.SessionTimeout, err = parseDuration(v.text)
			return err
		}}},
		{"kafka.tls", "on: TLS with the system's authorities, where no kafka.tls.… is given", "off", setter{set: func(c *Config, v value) error {
			switch v.text {
			case "on":
				c.tls()
			case "off":
				c.Kafka.TLS = nil
			default:
				return oneOf(v.text, "on", "off")
			}
			return nil
		}}},
		{"kafka.tls.ca", "PEM file of the authorities that the brokers' certificates come from", "", file(func(c *Config) *string { return &c.tls().CA })},
		{"kafka.tls.cert", "PEM file of the client's certificate", "", file(func(c *Config) *string { return &c.tls().Cert })},
		{"kafka.tls.key", "PEM file of the client's key", "", file(func(c *Config) *string { return &c.tls().Key })},
		{"kafka.sasl.mechanism", "plain, scram-sha-256 or scram-sha-512", "", choice(func(c *Config) *string { return &c.sasl().Mechanism }, SASLPlain, SASLSHA256, SASLSHA512)},
		{"kafka.sasl.username", "who logs in", "", text(func(c *Config) *string { return &c.sasl().Username })},
		{"kafka.sasl.password", "the password (in the file: \"${NAME}\")", "", secret(func(c *Config) *string { return &c.sasl().Password })},
		{"source.topic", "the topic of events", "events", text(func(c *Config) *string { return &c.Source.Topic })},
		{"source.format", "how an event is written: json, segment or cloudevents", "json", setter{set: func(c *Config, v value) error {
			if v.text == "msgpack" {
				return errors.New("format msgpack is not supported yet: use json, segment or cloudevents")
			}
			if _, ok := schemas.DefaultFormat(v.text); !ok || v.text == "" {
				return oneOf(v.text, "json", "segment", "cloudevents", "msgpack")
			}
			c.Source.Format.Name = v.text
			return nil
		}}},
		{"source.fields.id", "path of the event's id", "event_id", text(func(c *Config) *string { return &c.Source.Format.ID })},
		{"source.fields.customer", "path of the customer's id", "customer_id", text(func(c *Config) *string { return &c.Source.Format.Customer })},
		{"source.fields.type", "path of the event's type", "type", text(func(c *Config) *string { return &c.Source.Format.Type })},
		{"source.fields.time", "path of the event's time", "ts", text(func(c *Config) *string { return &c.Source.Format.Time })},
		{"source.partitioner", "how producers map a customer to a partition: murmur2, crc32 or none", Murmur2, choice(func(c *Config) *string { return &c.Source.Partitioner }, Murmur2, CRC32, AnyPartition)},
		{"actions.topic", "where actions go; without {channel}, one topic for all", "actions.{channel}", text(func(c *Config) *string { return &c.Actions })},
		{"journal.topic", "where the engine's state is", "{app}.journal", text(func(c *Config) *string { return &c.Journal })},
		{"dead_letter.topic", "where what cannot be used goes", "{app}.dead-letter", text(func(c *Config) *string { return &c.DeadLetter })},
		{"data_dir", "the local views; a relative path starts from the workspace in the file, from the working directory otherwise", "./data", file(func(c *Config) *string { return &c.DataDir })},
		{"instance", "this process's name in the group, different for each; without it one that is kept in data_dir", "", text(func(c *Config) *string { return &c.Instance })},
		{"standby", "warm copies of each shard", "0", whole(func(c *Config) *int { return &c.Standby }, 0, 16)},
		{"on_gap", "when the source no longer has what comes next: stop or skip", GapStop, choice(func(c *Config) *string { return &c.OnGap }, GapStop, GapSkip)},
		{"on_loss", "when the brokers lost actions that they had acknowledged: stop, resend or drop", LossStop, choice(func(c *Config) *string { return &c.OnLoss }, LossStop, LossResend, LossDrop)},
		{"http", "address of health, metrics and what is known of customers; without a host loopback; off: none", "127.0.0.1:8080", setter{number: true, set: func(c *Config, v value) (err error) {
			c.HTTP, err = parseListen(v.text)
			c.HTTPDefault = false
			return err
		}}},
		{"http_token", "the bearer token that everything but health asks for", "", secret(func(c *Config) *string { return &c.HTTPToken })},
		{"log.level", "debug, info, warn or error", "info", choice(func(c *Config) *string { return &c.Log.Level }, "debug", "info", "warn", "error")},
		{"log.format", "json or text", LogJSON, choice(func(c *Config) *string { return &c.Log.Format }, LogJSON, LogText)},
		{"log.customers", "hash or plain: whether log lines show a short hash in the place of customer ids and quoted input", LogHashed, choice(func(c *Config) *string { return &c.Log.Customers }, LogHashed, LogPlain)},
		{"cache", "memory for the views of all shards; without it a quarter of `memory`, 1GiB at most", "", size(func(c *Config) *int64 { return &c.Cache }, 1<<20)},
		{"memory", "what the process should stay within; without it nine tenths of what the machine or the container has", "", size(func(c *Config) *int64 { return &c.Memory }, 64<<20)},
		{"unit.max_events", "events that one unit of work holds at most", "10000", whole(func(c *Config) *int { return &c.Unit.MaxEvents }, 1, 1<<20)},
		{"unit.max_bytes", "bytes that one unit of work has at most", "1MiB", size(func(c *Config) *int64 { return &c.Unit.MaxBytes }, 1<<10)},
	}
}

// DeliveryKeys are the keys of a channel under delivery.
func DeliveryKeys(channel string) []ConfigKey {
	to := func(f func(*ChannelConfig) *string) setter {
		return text(func(c *Config) *string { return f(c.channel(channel)) })
	}
	keys := []ConfigKey{
		{"webhook", "URL that each action is posted to", "", to(func(d *ChannelConfig) *string { return &d.Webhook })},
		{"secret", "key of the webhook's signature", "", secret(func(c *Config) *string { return &c.channel(channel).Secret })},
		{"rate", "most tries in a time: 500/s, 30/m", "", setter{set: func(c *Config, v value) (err error) {
			c.channel(channel).Rate, err = parseRate(v.text)
			return err
		}}},
		{"smtp", "URL of a mail server", "", to(func(d *ChannelConfig) *string { return &d.SMTP })},
		{"username", "who logs in at the mail server", "", to(func(d *ChannelConfig) *string { return &d.Username })},
		{"password", "the password", "", secret(func(c *Config) *string { return &c.channel(channel).Password })},
		{"from", "the sender's address", "", to(func(d *ChannelConfig) *string { return &d.From })},
		{"log", "stdout, stderr or a file", "", setter{set: func(c *Config, v value) error {
			if v.text != "stdout" && v.text != "stderr" {
				v.text = v.path()
			}
			c.channel(channel).Log = v.text
			return nil
		}}},
	}
	for i := range keys {
		keys[i].Path = "delivery." + channel + "." + keys[i].Path
	}
	return keys
}

func (c *Config) tls() *TLSConfig {
	if c.Kafka.TLS == nil {
		c.Kafka.TLS = new(TLSConfig)
	}
	return c.Kafka.TLS
}

func (c *Config) sasl() *SASLConfig {
	if c.Kafka.SASL == nil {
		c.Kafka.SASL = new(SASLConfig)
	}
	return c.Kafka.SASL
}

// channel gives the channel's entry of Delivery, made in its place where there is none.
func (c *Config) channel(name string) *ChannelConfig {
	i := 0
	for i < len(c.Delivery) && c.Delivery[i].Channel < name {
		i++
	}
	if i == len(c.Delivery) || c.Delivery[i].Channel != name {
		c.Delivery = append(c.Delivery, ChannelConfig{})
		copy(c.Delivery[i+1:], c.Delivery[i:])
		c.Delivery[i] = ChannelConfig{Channel: name}
	}
	return &c.Delivery[i]
}

func text(of func(*Config) *string) setter {
	return setter{set: func(c *Config, v value) error { *of(c) = v.text; return nil }}
}

// secret is a text that no message may show.
func secret(of func(*Config) *string) setter {
	s := text(of)
	s.secret = true
	return s
}

func file(of func(*Config) *string) setter {
	return setter{set: func(c *Config, v value) error { *of(c) = v.path(); return nil }}
}

func choice(of func(*Config) *string, of1 ...string) setter {
	return setter{set: func(c *Config, v value) error {
		*of(c) = v.text
		return oneOf(v.text, of1...)
	}}
}

func whole(of func(*Config) *int, least, most int) setter {
	return setter{number: true, set: func(c *Config, v value) (err error) {
		*of(c), err = parseWhole(v.text, least, most)
		return err
	}}
}

func size(of func(*Config) *int64, least int64) setter {
	return setter{number: true, set: func(c *Config, v value) error {
		n, err := parseSize(v.text)
		if err != nil {
			return err
		}
		if n < least {
			return fmt.Errorf("%s is too small: at least %s", v.text, FormatSize(least))
		}
		*of(c) = n
		return nil
	}}
}
