package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/connectors/broker"
	"wend/connectors/kafka"
	"wend/engine"
	"wend/schemas/workspacetest"
)

// marks are texts that stand nowhere else, and must not come to light.
type marks []string

// in gives those that are in b, as they are or in a form that is read as easily.
func (m marks) in(b []byte) (found []string) {
	for _, mark := range m {
		for _, form := range []string{mark, base64.StdEncoding.EncodeToString([]byte(mark)), hex.EncodeToString([]byte(mark))} {
			if bytes.Contains(b, []byte(form)) {
				found = append(found, mark)
				break
			}
		}
	}
	return found
}

// inFiles gives those that are in files below the directories, but for what the test wrote.
func (m marks) inFiles(t *testing.T, dirs ...string) (found []string) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if got := m.in(b); got != nil {
				found = append(found, path+" has "+strings.Join(got, ", "))
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return found
}

// site is a workspace on an embedded broker, and all that wend has said there.
type site struct {
	t    *testing.T
	dir  string
	said bytes.Buffer
}

func (s *site) write(name, text string) {
	s.t.Helper()
	workspacetest.Write(s.t, filepath.Join(s.dir, name), text)
}

// wend runs a command to its end, which must have that status.
func (s *site) wend(status int, args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "wend", args...)
	out, err := cmd.CombinedOutput()
	s.said.Write(out)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		s.t.Fatalf("wend %s: status %d, want %d: %s", strings.Join(args, " "), got, status, out)
	}
	return string(out)
}

// stop ends a process and keeps what it said.
func (s *site) stop(r *running) int {
	s.t.Helper()
	status := r.stop(syscall.SIGTERM)
	s.said.WriteString(r.said.String())
	for line := range r.out {
		s.said.WriteString(line + "\n")
	}
	return status
}

// get asks the HTTP side and keeps what it answers.
func (s *site) get(url, token string) int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := errors.Join(resp.Header.Write(&s.said), func() error { _, err := s.said.ReadFrom(resp.Body); return err }()); err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode
}

// produce appends values to the topic's first partition under a key.
func produceTo(t *testing.T, client *kafka.Client, topic, key string, values ...string) {
	t.Helper()
	m, err := client.Metadata(t.Context(), topic)
	if err != nil || len(m.Topics[0].Partitions) == 0 {
		t.Fatal(m, err)
	}
	var b batch.Builder
	b.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: time.Now().UnixMilli()})
	for _, v := range values {
		b.Append([]byte(key), []byte(v))
	}
	r := client.Produce(t.Context(), m.Topics[0].Partitions[0].Leader, []connectors.Batch{{TopicPartition: connectors.TopicPartition{Topic: topic}, Bytes: b.Finish()}}, 5*time.Second)
	if r[0].Err != nil || r[0].Code != connectors.OK {
		t.Fatal(r[0])
	}
}

const markedJourney = `
journey: j
enter: {on: a, again: always}
steps:
  - {send: push, template: now, with: {note: event.note}}
`

// Secrets come from the environment, are used, and come to light nowhere: neither in what any command says at any
// level, through success and failures, nor in files, nor on topics.
func TestSecretsStaySecret(t *testing.T) {
	secrets := map[string]string{
		"KAFKA_PASSWORD": "sx81-kafka-secret", "HTTP_TOKEN": "sx82-http-secret", "WEBHOOK_SECRET": "sx83-webhook-secret", "SMTP_PASSWORD": "sx84-smtp-secret",
	}
	all := marks{"sx85-wrong-secret", "sx86-literal-secret", "860086008600"}
	for name, value := range secrets {
		t.Setenv(name, value)
		all = append(all, value)
	}
	s := &site{t: t, dir: t.TempDir()}
	topics := t.TempDir()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(topics), kfake.SeedTopics(1, "events"), kfake.GroupMinSessionTimeout(time.Second),
		kfake.EnableSASL(), kfake.Superuser("PLAIN", "wend", secrets["KAFKA_PASSWORD"]))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	addr := cluster.ListenAddrs()[0]
	config := "app: shop\nkafka:\n  brokers: [" + addr + "]\n  session_timeout: 6s\n  sasl: {mechanism: plain, username: wend, password: \"${KAFKA_PASSWORD}\"}\n" +
		"http: 127.0.0.1:0\nhttp_token: \"${HTTP_TOKEN}\"\nlog: {level: debug, customers: plain}\n"
	s.write("wend.yaml", config)
	s.write("journeys/j.yaml", markedJourney)

	// It works.
	s.wend(0, "check", s.dir, "--format", "json")
	s.wend(0, "topics", "-C", s.dir)
	s.wend(0, "doctor", "-C", s.dir)
	engine := begin(t, "run", "-C", s.dir)
	address := engine.ready()
	client, err := kafka.New(kafka.Options{Brokers: []string{addr}, SASL: kafka.SASL{Mechanism: "plain", Username: "wend", Password: secrets["KAFKA_PASSWORD"]}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	produceTo(t, client, "events", "c1", `{"event_id":"e1","customer_id":"c1","type":"a","note":"not-secret-note"}`)
	worker := begin(t, "deliver", "-C", s.dir, "--channel", "push")
	select {
	case line := <-worker.out:
		s.said.WriteString(line)
	case <-time.After(2 * time.Minute):
		t.Fatal("nothing was delivered")
	}
	for _, ask := range []struct {
		path, token string
		status      int
	}{{"/metrics", secrets["HTTP_TOKEN"], 200}, {"/metrics", "sx85-wrong-secret", 401}, {"/sx85-none", "", 401}, {"/readyz", "", 200}} {
		if got := s.get(address+ask.path, ask.token); got != ask.status {
			t.Errorf("%s is answered with %d", ask.path, got)
		}
	}
	s.wend(0, "forget", "-C", s.dir, "--customer", "c1")
	if status := s.stop(worker); status != 0 {
		t.Errorf("status %d", status)
	}

	// Channels whose provider is not there yet; then what is wrong with a file, beside secrets and in them.
	s.write("wend.yaml", config+"delivery:\n  email: {smtp: \"smtp://wend:${SMTP_PASSWORD}@127.0.0.1:1\", username: wend, password: \"${SMTP_PASSWORD}\", from: a@example.com}\n  push: {webhook: \"https://127.0.0.1:1/\", secret: \"${WEBHOOK_SECRET}\"}\n")
	s.wend(2, "deliver", "-C", s.dir)
	for _, broken := range []string{
		"http_token: \"sx86-literal-secret\nx: [",
		"http_token: sx86-literal-secret\nhttp_tokn: 1\nlog: {level: loud}\n",
		"http_token: [sx86-literal-secret]\n",
		"http_token: {sx86-literal-secret: x}\n",
		"http_token: 860086008600\n",
		"http_token: !sx86-literal-secret x\n",
		"kafka: {sasl: {mechanism: plain, username: wend, password: 860086008600}}\n",
		"kafka: {sasl: {mechanism: plain, password: \"${KAFKA_PASSWORD}\"}}\n",
		"kafka: {sasl: {mechanism: none, username: wend, password: \"${KAFKA_PASSWORD}\"}}\n",
		"kafka: {sasl: {mechanism: plain, username: wend, password: \"sx86-literal-secret${NO_SUCH_VARIABLE}\"}}\n",
		"delivery: {email: {smtp: \"mail.example.com:sx86-literal-secret@x\", password: 860086008600}}\n",
		"delivery: {push: {webhook: \"ftp://wend:sx86-literal-secret@x y\", secret: [sx86-literal-secret]}}\n",
		"delivery: {push: {webhook: \"https://wend:${WEBHOOK_SECRET}@x/%zz\", rate: often}}\n",
	} {
		s.write("wend.yaml", "app: shop\n"+broken)
		for _, args := range [][]string{{"check", s.dir}, {"check", s.dir, "--format", "json"}, {"run", "-C", s.dir, "--kafka-brokers", "127.0.0.1:1"}} {
			cmd := exec.CommandContext(t.Context(), "wend", args...)
			out, _ := cmd.CombinedOutput() // status and all: some are good enough for check
			if len(out) == 0 || strings.Contains(string(out), "goroutine ") {
				t.Errorf("%q: wend %s said %q", broken, args[0], out)
			}
			if got := all.in(out); got != nil {
				t.Errorf("%q: wend %s shows %v: %s", broken, args[0], got, out)
			}
		}
	}
	s.write("wend.yaml", config)

	// Nobody there, and who is there refuses.
	s.wend(2, "run", "-C", s.dir, "--kafka-brokers", "127.0.0.1:1")
	s.wend(1, "doctor", "-C", s.dir, "--kafka-brokers", "127.0.0.1:1")
	t.Setenv("KAFKA_PASSWORD", "sx85-wrong-secret")
	for _, c := range []string{"run", "deliver", "topics"} {
		s.wend(2, c, "-C", s.dir)
	}
	s.wend(1, "doctor", "-C", s.dir)
	cluster.Close()
	time.Sleep(time.Second) // for lines about what fails
	s.get(address+"/readyz", "")
	_ = s.stop(engine) // there is nobody to leave

	if got := all.in(s.said.Bytes()); got != nil {
		t.Errorf("%v was shown:\n%s", got, s.said.String())
	}
	// sasl.json is where this broker keeps its own passwords.
	if got := all.inFiles(t, filepath.Join(s.dir, "data"), topics); !slices.Equal(got, []string{filepath.Join(topics, "sasl.json") + " has " + secrets["KAFKA_PASSWORD"]}) {
		t.Error(got)
	}
	if (marks{"not-secret-note"}).inFiles(t, topics) == nil {
		t.Error("the topics' files hold no events: the test tests nothing")
	}
}

// What events hold comes to light on their topics and in the state, and in no log, whatever is wrong with them.
func TestLogsNameNobody(t *testing.T) {
	pii := marks{"px91-customer", "px92-payload", "920092009200", "px93-key"}
	s := &site{t: t, dir: t.TempDir()}
	b, err := broker.Start(broker.Options{Topics: []broker.Topic{
		{Name: "events", Partitions: 2}, {Name: "actions.push", Partitions: 2},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	s.write("wend.yaml", "app: shop\nkafka: {brokers: ["+b.Addr()+"], session_timeout: 6s}\nhttp: 127.0.0.1:0\nlog: {level: debug}\n")
	s.write("journeys/j.yaml", markedJourney)
	client, err := kafka.New(kafka.Options{Brokers: []string{b.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()

	running := begin(t, "run", "-C", s.dir)
	address := running.ready()
	worker := begin(t, "deliver", "-C", s.dir, "--channel", "push", "--delivery-push-log", filepath.Join(s.dir, "pushed"))
	var id string // on the partition that produceTo writes to; and one that is not
	for i, found := 0, 0; found < 2; i++ {
		c := "px91-customer " + strings.Repeat("x", i)
		if connectors.Murmur2Partition([]byte(c), 2) == 0 && id == "" {
			id, found = c, found+1
		} else if connectors.Murmur2Partition([]byte(c), 2) == 1 && found == 1 {
			produceTo(t, client, "events", c, `{"event_id":"w","customer_id":"`+c+`","type":"a"}`)
			found++
		}
	}
	n := 0
	at := func(rest string) string {
		n++
		return fmt.Sprintf(`{"event_id":"px92-payload-%d","customer_id":%q,%s`, n, id, rest)
	}
	bad := []string{
		"px92-payload", `"px92-payload`, `{"px92-payload":`, `{"px92-payload" "x"}`, `{"px92-payload":px92-payload}`, `{"x":"px92-payload\q"}`, "{\"x\":\"px92-payload\xff\"}", `{"x":920092009200e9999}`,
		`{"x":-0920092009200}`, `["px92-payload"]`, `{"customer_id":{"px92-payload":1},"type":"a"}`, `{"customer_id":920092009200.5,"type":"a"}`, `{"customer_id":"","type":"px92-payload"}`,
		at(`"type":920092009200}`), at(`"type":"a","ts":"px92-payload"}`), at(`"type":"a","ts":"px92-\"payload"}`), at(`"type":"a","ts":[920092009200]}`), at(`"type":"a","ts":-920092009200.5}`),
	}
	produceTo(t, client, "events", "px93-key", bad...)
	produceTo(t, client, "events", id, at(`"type":"a","note":"px92-payload"}`))
	produceTo(t, client, "actions.push", "px93-key", "px92-payload", `{"action_id":"px91-customer","channel":920092009200}`)
	letters := func() int {
		letters := 0
		stand := &forgetStand{t: t, client: client, addr: b.Addr(), app: "shop"}
		stand.read("shop.dead-letter", 2, func(*batch.Record) { letters++ })
		return letters
	}
	for deadline := time.Now().Add(2 * time.Minute); letters() < len(bad)+3; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d dead letters of %d:\n%s\n%s", letters(), len(bad)+3, running.said.String(), worker.said.String())
		}
	}
	for deadline := time.Now().Add(2 * time.Minute); pii[:2].inFiles(t, filepath.Join(s.dir, "pushed")) == nil; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the good event's action was not delivered: the test tests nothing")
		}
	}
	s.get(address+"/metrics", "")
	for path, want := range map[string]int{engine.CustomerPath(id): 200, engine.CustomerPath(id + "y"): 404, "/v1/journeys/px92-payload": 404, "/px93-key": 404} {
		resp, err := http.Get(address + path) // what it says is about the customer, and for who asks
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s is answered with %d", path, resp.StatusCode)
		}
	}
	s.wend(0, "doctor", "-C", s.dir)
	if status := s.stop(worker); status != 0 {
		t.Errorf("status %d", status)
	}
	if status := s.stop(running); status != 0 {
		t.Errorf("status %d", status)
	}

	// A journal that holds what is no document: the engine says so, and cannot work on the shard.
	produceTo(t, client, "shop.journal", "c/"+id, "px92-payload")
	if err := os.RemoveAll(filepath.Join(s.dir, "data")); err != nil {
		t.Fatal(err)
	}
	running = begin(t, "run", "-C", s.dir)
	for line := range running.err {
		var l struct{ Level string }
		if json.Unmarshal([]byte(line), &l) == nil && l.Level == "error" || strings.HasPrefix(line, "wend:") {
			break
		}
	}
	_ = s.stop(running)

	said := s.said.String()
	if got := pii.in(s.said.Bytes()); got != nil {
		t.Errorf("%v was shown:\n%s", got, said)
	}
	for _, want := range []string{"dead letter", "customer #", "expected"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing says %q: the test tests nothing\n%s", want, said)
		}
	}
}
