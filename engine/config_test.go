package engine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wend/schemas"
	"wend/schemas/yamlfile"
)

// workspaceWith writes a wend.yaml and gives its directory.
func workspaceWith(t *testing.T, yaml string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ConfigFile), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func lines(dir string, ps yamlfile.Problems) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(strings.ReplaceAll(p.String(), dir+string(filepath.Separator), "") + "\n")
	}
	return b.String()
}

func TestConfigReadsEveryKey(t *testing.T) {
	dir := workspaceWith(t, `
app: shop
kafka:
  brokers: [k1:9092, "k2:9093"]
  session_timeout: 1m30s
  tls: {ca: ca.pem, cert: /etc/c.pem, key: k.pem}
  sasl: {mechanism: scram-sha-512, username: u, password: "a${SECRET}b"}
source:
  topic: in
  format: json
  fields: {id: meta.id, customer: who, type: kind, time: at}
  partitioner: crc32
actions: {topic: all-actions}
journal: {topic: "{app}-j"}
dead_letter: {topic: "dead.{app}"}
data_dir: ./state
standby: 0
on_gap: skip
on_loss: resend
http: 0.0.0.0:9999
http_token: t
delivery:
  push: {webhook: "https://push.example/send", secret: s, rate: 30/m}
  email: {smtp: "smtp://mail.example:587", username: u, password: p, from: shop@example.com}
  sms: {log: stdout}
log: {level: debug, format: text}
cache: 64MiB
memory: 1GiB
unit: {max_events: 7, max_bytes: 100KB}
x-mine: anything
`)
	c, ps := LoadConfig(dir, []string{"SECRET=$ecret"}, nil)
	if len(ps) > 0 {
		t.Fatal(lines(dir, ps))
	}
	type pair struct{ got, want any }
	for name, p := range map[string]pair{
		"app":         {c.App, "shop"},
		"brokers":     {strings.Join(c.Kafka.Brokers, " "), "k1:9092 k2:9093"},
		"session":     {c.Kafka.SessionTimeout, 90 * time.Second},
		"ca":          {c.Kafka.TLS.CA, filepath.Join(dir, "ca.pem")},
		"cert":        {c.Kafka.TLS.Cert, "/etc/c.pem"},
		"sasl":        {*c.Kafka.SASL, SASLConfig{SASLSHA512, "u", "a$ecretb"}},
		"topic":       {c.Source.Topic, "in"},
		"id":          {c.Source.Format.ID, "meta.id"},
		"customer":    {c.Source.Format.Customer, "who"},
		"type":        {c.Source.Format.Type, "kind"},
		"time":        {c.Source.Format.Time, "at"},
		"partitioner": {c.Source.Partitioner, CRC32},
		"actions":     {c.ActionTopic("sms"), "all-actions"},
		"journal":     {c.Journal, "shop-j"},
		"dead letter": {c.DeadLetter, "dead.shop"},
		"data":        {c.DataDir, filepath.Join(dir, "state")},
		"gap":         {c.OnGap, GapSkip},
		"loss":        {c.OnLoss, LossResend},
		"http":        {c.HTTP, "0.0.0.0:9999"},
		"http asked":  {c.HTTPDefault, false},
		"token":       {c.HTTPToken, "t"},
		"channels":    {len(c.Delivery), 3},
		"email":       {c.Delivery[0], ChannelConfig{Channel: "email", SMTP: "smtp://mail.example:587", Username: "u", Password: "p", From: "shop@example.com"}},
		"push":        {c.Delivery[1], ChannelConfig{Channel: "push", Webhook: "https://push.example/send", Secret: "s", Rate: 0.5}},
		"sms":         {c.Delivery[2], ChannelConfig{Channel: "sms", Log: "stdout"}},
		"log":         {c.Log, LogConfig{"debug", LogText, LogHashed}},
		"cache":       {c.Cache, int64(64 << 20)},
		"memory":      {c.Memory, int64(1 << 30)},
		"unit":        {c.Unit, UnitConfig{7, 100_000}},
	} {
		if p.got != p.want {
			t.Errorf("%s: got %v, want %v", name, p.got, p.want)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	dir := workspaceWith(t, "app: shop\n")
	c, ps := LoadConfig(dir, nil, nil)
	if len(ps) > 0 {
		t.Fatal(lines(dir, ps))
	}
	want := DefaultConfig()
	want.Dir, want.App, want.DataDir, want.Journal, want.DeadLetter = dir, "shop", filepath.Join(dir, "data"), "shop.journal", "shop.dead-letter"
	if c.Kafka.Brokers[0] != "127.0.0.1:9092" || c.ActionTopic("push") != "actions.push" || c.DataDir != want.DataDir ||
		c.Journal != want.Journal || c.DeadLetter != want.DeadLetter || c.HTTP != "127.0.0.1:8080" || !c.HTTPDefault {
		t.Errorf("got %+v, want %+v", c, want)
	}
	// What the keys say of themselves is what the defaults are.
	said := Config{}
	for _, k := range ConfigKeys() {
		if k.Default == "" {
			continue
		}
		if err := k.set(&said, value{k.Default, dir}); err != nil {
			t.Errorf("%s: %v", k.Path, err)
		}
	}
	said.HTTPDefault = true
	said.App, said.Dir, said.Journal, said.DeadLetter = "shop", dir, want.Journal, want.DeadLetter
	if a, b := strings.TrimSpace(dump(said)), strings.TrimSpace(dump(c)); a != b {
		t.Errorf("the keys' defaults give\n%s\nthe file without keys\n%s", a, b)
	}
}

func TestConfigPrecedence(t *testing.T) {
	dir := workspaceWith(t, "app: file\nsource: {topic: file}\nhttp_token: ${MISSING}\njournal: {topic: file}\n")
	c, ps := LoadConfig(dir, []string{
		"WEND_SOURCE_TOPIC=variable", "WEND_JOURNAL_TOPIC=variable", "WEND_DATA_DIR=here", "WEND_TEST_KAFKA=not ours", "WEND_DELIVERY_IN_APP_LOG=stderr",
	}, []Setting{
		{"journal.topic", "flag", "--journal-topic"}, {"http_token", "t", "--http-token"}, {"delivery.push.log", "stdout", "--delivery-push-log"},
	})
	if len(ps) > 0 {
		t.Fatal(lines(dir, ps))
	}
	here, _ := os.Getwd()
	if c.App != "file" || c.Source.Topic != "variable" || c.Journal != "flag" || c.HTTPToken != "t" || c.DataDir != filepath.Join(here, "here") {
		t.Errorf("got %+v", c)
	}
	if len(c.Delivery) != 2 || c.Delivery[0] != (ChannelConfig{Channel: "in_app", Log: "stderr"}) || c.Delivery[1] != (ChannelConfig{Channel: "push", Log: "stdout"}) {
		t.Errorf("delivery %+v", c.Delivery)
	}
}

// The fields of events are those of the format, but for the ones that are given.
func TestConfigFormats(t *testing.T) {
	for _, c := range []struct {
		yaml string
		env  []string
		want schemas.Format
	}{
		{"app: a\n", nil, schemas.Format{Name: "json", ID: "event_id", Customer: "customer_id", Type: "type", Time: "ts"}},
		{"app: a\nsource: {format: segment}\n", nil, schemas.Format{Name: "segment", ID: "messageId", Customer: "userId", Type: "event", Time: "timestamp"}},
		{"app: a\nsource: {fields: {customer: data.user}}\n", []string{"WEND_SOURCE_FORMAT=cloudevents"}, schemas.Format{Name: "cloudevents", ID: "id", Customer: "data.user", Type: "type", Time: "time"}},
	} {
		cfg, ps := LoadConfig(workspaceWith(t, c.yaml), c.env, nil)
		if len(ps) > 0 || cfg.Source.Format != c.want {
			t.Errorf("%s: got %+v, %v", c.yaml, cfg.Source.Format, ps)
		}
	}
}

func TestConfigProblems(t *testing.T) {
	for _, c := range []struct {
		name, yaml string
		env        []string
		flags      []Setting
		want       []string // each a beginning of a line, in order
	}{
		{name: "unknown keys, all at once", yaml: "app: a\nbrokers: [x]\nkafka: {broker: [a:1]}\nsource: {fields: {user: x}}\n", want: []string{
			`wend.yaml:2:1: error: unknown key "brokers"`, `wend.yaml:3:9: error: unknown key "broker": did you mean "brokers"?`, `wend.yaml:4:19: error: unknown key "user"`,
		}},
		{name: "a duration without a unit", yaml: "app: a\nkafka: {session_timeout: 10}\n", want: []string{`wend.yaml:2:26: error: kafka.session_timeout: "10": a duration`}},
		{name: "a duration out of range", yaml: "app: a\nkafka: {session_timeout: 10ms}\n", want: []string{`wend.yaml:2:26: error: kafka.session_timeout: 10ms is out of range`}},
		{name: "a size without a unit", yaml: "app: a\ncache: 256\n", want: []string{`wend.yaml:2:8: error: cache: "256": a size`}},
		{name: "a number where a text belongs", yaml: "app: 12\n", want: []string{`wend.yaml:1:6: error: expected a text for app, found the number 12: put it in quotes`}},
		{name: "a list where a text belongs", yaml: "app: [a]\n", want: []string{`wend.yaml:1:6: error: expected a value for app, found a list`}},
		{name: "a text where a mapping belongs", yaml: "app: a\nkafka: k:9092\n", want: []string{`wend.yaml:2:8: error: expected the keys of kafka, found "k:9092"`}},
		{name: "a key without a value", yaml: "app:\n", want: []string{`wend.yaml:1:5: error: expected a value for app, found nothing`}},
		{name: "no app", yaml: "source: {topic: t}\n", want: []string{`wend.yaml:1:1: error: app: is missing`}},
		{name: "an empty file", yaml: "", want: []string{`wend.yaml:1:1: error: app: is missing`}},
		{name: "choices", yaml: "app: a\non_gap: go\non_loss: x\nlog: {level: loud}\nsource: {format: xml, partitioner: md5}\n", want: []string{
			`wend.yaml:2:9: error: on_gap: "go" is not known: write stop or skip`, `wend.yaml:3:10: error: on_loss: "x" is not known`,
			`wend.yaml:4:14: error: log.level: "loud" is not known: write debug, info, warn or error`,
			`wend.yaml:5:18: error: source.format: "xml" is not known`, `wend.yaml:5:36: error: source.partitioner: "md5" is not known`,
		}},
		{name: "a format of later", yaml: "app: a\nsource: {format: msgpack}\n", want: []string{`wend.yaml:2:18: error: source.format: format msgpack is not supported yet`}},
		{name: "brokers", yaml: "app: a\nkafka: {brokers: [a, \"b:x\"]}\n", want: []string{
			`wend.yaml:2:18: error: kafka.brokers: "a" is no address`, `wend.yaml:2:18: error: kafka.brokers: "b:x" is no address`,
		}},
		{name: "missing variable", yaml: "app: a\nhttp_token: \"x${NO_SUCH}\"\n", want: []string{`wend.yaml:2:13: error: http_token: the environment has no NO_SUCH`}},
		{name: "a wrong value that a flag overrides is still wrong", yaml: "app: a\non_gap: go\n", flags: []Setting{{"on_gap", "skip", "--on-gap"}}, want: []string{`wend.yaml:2:9: error: on_gap: "go"`}},
		{name: "flag and variable are named as the place", yaml: "app: a\n", env: []string{"WEND_CACHE=lots"}, flags: []Setting{{"on_gap", "go", "--on-gap"}}, want: []string{
			`--on-gap: error: on_gap: "go" is not known`, `WEND_CACHE: error: cache: "lots"`,
		}},
		{name: "two keys, one topic", yaml: "app: a\nsource: {topic: a.journal}\n", want: []string{`wend.yaml:1:1: error: journal.topic: "a.journal" is also source.topic`}},
		{name: "names of topics", yaml: "app: a b\nsource: {topic: \"ä\"}\n", want: []string{`wend.yaml:1:6: error: app: "a b" cannot name topics`, `wend.yaml:2:17: error: source.topic: "ä" is no name of a topic`}},
		{name: "delivery", yaml: "app: a\ndelivery:\n  push: {}\n  sms: {log: stdout, webhook: \"http://x\"}\n  email: {smtp: \"smtp://m\"}\n  fax: {number: 3}\n", want: []string{
			`wend.yaml:3:3: error: delivery.push: needs exactly one of`, `wend.yaml:4:3: error: delivery.sms: needs exactly one of`,
			`wend.yaml:5:3: error: delivery.email.from: is missing`, `wend.yaml:6:3: error: delivery.fax: needs exactly one of`, `wend.yaml:6:9: error: unknown key "number"`,
		}},
		{name: "sasl by halves", yaml: "app: a\nkafka: {sasl: {username: u}}\n", want: []string{
			`wend.yaml:2:9: error: kafka.sasl.mechanism: "" is not known`, `wend.yaml:2:9: error: kafka.sasl.password: is missing`,
		}},
		{name: "tls by halves", yaml: "app: a\nkafka: {tls: {cert: c}}\n", want: []string{`wend.yaml:2:14: error: kafka.tls: cert and key belong together`}},
		{name: "standby", yaml: "app: a\nstandby: -1\n", want: []string{`wend.yaml:2:10: error: standby: `}},
		{name: "instance", yaml: "app: a\ninstance: a b\n", want: []string{`wend.yaml:2:11: error: instance: "a b" is no name for a member`}},
		{name: "an address of http", yaml: "app: a\nhttp: here\n", want: []string{`wend.yaml:2:7: error: http: "here" is no address`}},
		{name: "a syntax error", yaml: "app: [a\n", want: []string{`wend.yaml:`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := workspaceWith(t, c.yaml)
			_, ps := LoadConfig(dir, c.env, c.flags)
			got := strings.Split(strings.TrimSpace(lines(dir, ps)), "\n")
			if len(got) != len(c.want) {
				t.Fatalf("got\n%s\nwant %d lines\n%s", strings.Join(got, "\n"), len(c.want), strings.Join(c.want, "\n"))
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) {
					t.Errorf("got  %s\nwant %s…", got[i], c.want[i])
				}
			}
		})
	}
}

func TestConfigOfNoWorkspace(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nowhere")
	_, ps := LoadConfig(dir, nil, nil)
	if got := lines(dir, ps); !strings.Contains(got, "there is no such file") {
		t.Errorf("got %q", got)
	}
	c, ps := LoadConfig(t.TempDir(), []string{"WEND_APP=shop"}, nil) // everything from elsewhere is good
	if len(ps) > 0 || c.Journal != "shop.journal" {
		t.Errorf("got %v, %+v", ps, c)
	}
}

func TestCheckConfig(t *testing.T) {
	dir := workspaceWith(t, "source: {topic: events, partitioner: md5}\nhttp_token: ${NO_SUCH}\nbroker: 7\n")
	_, ps := CheckConfig(dir)
	got := lines(dir, ps)
	want := `wend.yaml:1:38: error: source.partitioner: "md5" is not known: write murmur2, crc32 or none` + "\n" + `wend.yaml:3:1: error: unknown key "broker"`
	if !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 2 {
		t.Errorf("got\n%s", got)
	}
	if _, ps := CheckConfig(t.TempDir()); len(ps) > 0 {
		t.Errorf("without a file: %v", ps)
	}
	secrets := workspaceWith(t, `kafka: {sasl: {mechanism: plain, username: "${NO_SUCH}", password: "${NO_SUCH}"}}
delivery: {push: {webhook: "${NO_SUCH}"}, email: {smtp: "smtp://mail:25", from: "${NO_SUCH}"}}
`)
	if _, ps := CheckConfig(secrets); len(ps) > 0 {
		t.Errorf("secrets that the environment does not hold here: %v", ps)
	}
}

func TestListenAddresses(t *testing.T) {
	for in, want := range map[string]string{"8080": "127.0.0.1:8080", ":8080": "127.0.0.1:8080", "0.0.0.0:1": "0.0.0.0:1", "[::1]:1": "[::1]:1", "off": ""} {
		if got, err := parseListen(in); got != want || err != nil {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
}

func TestSizesAreWrittenAsRead(t *testing.T) {
	for _, s := range []string{"0B", "1B", "1023B", "1KiB", "1025B", "256MiB", "3GiB", "2TiB", "2048TiB"} {
		n, err := parseSize(s)
		if err != nil || FormatSize(n) != s {
			t.Errorf("%s: %d, %v, %s", s, n, err, FormatSize(n))
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("app: shop\nkafka: {brokers: [a:1], tls: {}}\n")
	f.Add("delivery: {a: {log: x}, b: ~}\nhttp: ${A}\n")
	f.Fuzz(func(t *testing.T, yaml string) {
		dir := workspaceWith(t, yaml)
		c, ps := LoadConfig(dir, []string{"A=b"}, nil)
		if !ps.Failed() && len(c.Validate()) > 0 {
			t.Errorf("loaded without a problem, but %v", c.Validate())
		}
	})
}

func dump(c Config) string {
	b, _ := json.MarshalIndent(c, "", " ")
	return string(b)
}
