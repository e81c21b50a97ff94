package engine

import (
	"time"

	"wend/schemas"
)

// Config is what wend.yaml, the WEND_… variables and the flags say: see LoadConfig. A Config made by hand starts from
// DefaultConfig and is looked over by Validate.
type Config struct {
	Dir string // the workspace, absolute; "" when there is none

	App        string // names the group, the journal and the producer ids
	Kafka      KafkaConfig
	Source     SourceConfig
	Actions    string // topic of actions; "{channel}" stands for the channel: see ActionTopic
	Journal    string // topic, "{app}" already replaced
	DeadLetter string // topic, "{app}" already replaced
	DataDir    string // absolute once loaded
	Instance   string // this process's name in the group; "": one of its own, see LoadInstance
	Standby    int    // warm copies of each shard
	OnGap      string // GapStop or GapSkip
	OnLoss     string // LossStop, LossResend or LossDrop

	HTTP        string // host:port; "" is none
	HTTPDefault bool   // nobody asked for HTTP's address: a taken port is no reason to stop
	HTTPToken   string // what everything but health asks for; "" is nothing

	Delivery []ChannelConfig // in order of Channel
	Log      LogConfig

	Cache  int64 // bytes, shared by the views of all shards; 0: 256 MiB
	Memory int64 // bytes that the process should stay within (a soft limit of the collector); 0: nine tenths of what the machine or its cgroup has
	Unit   UnitConfig
}

// KafkaConfig says how to reach the cluster.
type KafkaConfig struct {
	Brokers        []string // host:port, at least one
	SessionTimeout time.Duration
	TLS            *TLSConfig  // nil: plain text
	SASL           *SASLConfig // nil: no login
}

// TLSConfig names PEM files; each may be "", Cert and Key only together.
type TLSConfig struct {
	CA, Cert, Key string
}

// SASLConfig is a login. Mechanism is plain, scram-sha-256 or scram-sha-512.
type SASLConfig struct {
	Mechanism, Username, Password string
}

// SourceConfig says where events come from and how to read them.
type SourceConfig struct {
	Topic       string
	Format      schemas.Format
	Partitioner string // Murmur2, CRC32 or AnyPartition
}

// ChannelConfig says what `wend deliver` does with the actions of a channel. One of Webhook, SMTP and Log is set.
type ChannelConfig struct {
	Channel  string
	Webhook  string // URL
	Secret   string
	Rate     float64 // tries a second; 0: as fast as it goes
	SMTP     string  // URL
	Username string
	Password string
	From     string
	Log      string // stdout, stderr or a file
}

// LogConfig is the engine's own log, on stderr. Level is debug, info, warn or error; Format json or text.
type LogConfig struct {
	Level, Format string
	Customers     string // LogHashed or LogPlain
}

// UnitConfig bounds a unit of work. A unit ends at the first of them that is reached, or as soon as the journal is free.
type UnitConfig struct {
	MaxEvents int   // 1 and up
	MaxBytes  int64 // of the journal batch; also cut at the topic's max.message.bytes
}

// Values of Config's choices.
const (
	GapStop, GapSkip                  = "stop", "skip"
	LossStop, LossResend, LossDrop    = "stop", "resend", "drop"
	Murmur2, CRC32, AnyPartition      = "murmur2", "crc32", "none"
	LogJSON, LogText                  = "json", "text"
	LogHashed, LogPlain               = "hash", "plain"
	SASLPlain, SASLSHA256, SASLSHA512 = "plain", "scram-sha-256", "scram-sha-512"
)

// DefaultConfig is a Config with everything that has a default. App has none.
func DefaultConfig() Config {
	events, _ := schemas.DefaultFormat("json")
	return Config{
		Kafka:       KafkaConfig{Brokers: []string{"127.0.0.1:9092"}, SessionTimeout: 10 * time.Second},
		Source:      SourceConfig{Topic: "events", Format: events, Partitioner: Murmur2},
		Actions:     "actions.{channel}",
		Journal:     "{app}.journal",
		DeadLetter:  "{app}.dead-letter",
		DataDir:     "data",
		OnGap:       GapStop,
		OnLoss:      LossStop,
		HTTP:        "127.0.0.1:8080",
		HTTPDefault: true,
		Log:         LogConfig{Level: "info", Format: LogJSON, Customers: LogHashed},
		Unit:        UnitConfig{MaxEvents: 10000, MaxBytes: 1 << 20},
	}
}
