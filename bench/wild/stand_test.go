//go:build unix

package wild

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	realkafka "wend/bench/kafka"
	"wend/schemas/workspacetest"
)

// The users of the secured cluster, and their passwords: a password must never be seen in what the program says.
var users = map[string]string{"wend-engine": "secret-of-the-engine", "wend-worker": "secret-of-the-worker", "wend-operator": "secret-of-the-operator"}

// port is the secured cluster's first, and a login there is good for so long.
const (
	port           = 30100
	reauthenticate = 4 * time.Second
)

// secured is a cluster of one broker with every kind of listener and an authorizer that denies by default.
type secured struct {
	options realkafka.Options
	dir     string // of certificates
	cluster *realkafka.Cluster
}

var shared struct {
	sync.Mutex
	dir     string
	binary  string
	cluster *secured
}

func TestMain(m *testing.M) {
	status := m.Run()
	if c := shared.cluster; c != nil {
		if err := c.cluster.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir) // a temporary directory
	}
	os.Exit(status)
}

func sharedDir(t *testing.T) string {
	t.Helper()
	if shared.dir == "" {
		dir, err := os.MkdirTemp("", "wend-wild-")
		if err != nil {
			t.Fatal(err)
		}
		shared.dir = dir
	}
	return shared.dir
}

// binary builds wend, once.
func binary(t *testing.T) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.binary == "" {
		path := filepath.Join(sharedDir(t), "wend")
		if out, err := exec.Command("go", "build", "-o", path, "wend/cmd/wend").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		shared.binary = path
	}
	return shared.binary
}

func needsKafka(t *testing.T) {
	t.Helper()
	if os.Getenv("WEND_TEST_KAFKA") == "" {
		t.Skip("WEND_TEST_KAFKA is not set: no real Kafka in this run")
	}
}

// secureCluster starts it, once.
func secureCluster(t *testing.T) *secured {
	t.Helper()
	needsKafka(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster != nil {
		return shared.cluster
	}
	dir := sharedDir(t)
	ours, err := newAuthority(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newAuthority(dir, "strangers"); err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	for name, until := range map[string]time.Time{"broker": time.Now().Add(day), "old-broker": time.Now().Add(-day), "client": time.Now().Add(day), "old-client": time.Now().Add(-day)} {
		if err := ours.issue(name, until); err != nil {
			t.Fatal(err)
		}
	}
	s := &secured{dir: dir, options: realkafka.Options{Port: port, Heap: "512m", Users: users, Authorize: true,
		Listeners: []realkafka.Listener{
			{Name: "TLS", Identity: filepath.Join(dir, "broker.pem")},
			{Name: "MUTUAL", Identity: filepath.Join(dir, "broker.pem"), ClientsOf: ours.file},
			{Name: "LOGIN", SASL: true},
			{Name: "BOTH", SASL: true, Identity: filepath.Join(dir, "broker.pem")},
			{Name: "EXPIRED", Identity: filepath.Join(dir, "old-broker.pem")},
		},
		Properties: []string{"producer.id.expiration.ms=3000", "producer.id.expiration.check.interval.ms=500", "super.users=User:ANONYMOUS;User:CN=client", "log.segment.bytes=1048576",
			fmt.Sprintf("connections.max.reauth.ms=%d", reauthenticate.Milliseconds())},
	}}
	if s.cluster, err = realkafka.Start(t.Context(), filepath.Join(dir, "kafka"), s.options); err != nil {
		t.Fatal(err)
	}
	shared.cluster = s
	return s
}

// file is one of the certificates'.
func (s *secured) file(name string) string { return filepath.Join(s.dir, name) }

// admin is a client that may do everything.
func admin(t *testing.T, brokers ...string) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ProducerLinger(0), kgo.MetadataMinAge(50*time.Millisecond), kgo.UnknownTopicRetries(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// app is a workspace and its topics.
type app struct {
	t       *testing.T
	name    string
	dir     string
	client  *kgo.Client
	brokers []string // the plain ones
	http    string   // where the engine listens; "" nowhere
	events  int
	reader  *kgo.Client
	got     map[string]int // event ids of actions seen
}

const partitions = 2

func newApp(t *testing.T, brokers []string, name string) *app {
	t.Helper()
	a := &app{t: t, name: fmt.Sprintf("%s-%d", name, time.Now().UnixMilli()), dir: t.TempDir(), client: admin(t, brokers...), brokers: brokers, got: map[string]int{}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	adm := kadm.NewClient(a.client)
	made, err := adm.CreateTopics(ctx, partitions, -1, nil, a.source(), a.actions())
	if err := errors.Join(err, made.Error()); err != nil {
		t.Fatal(err)
	}
	for led := false; !led; time.Sleep(50 * time.Millisecond) { // topics are made before their brokers know of them
		found, err := adm.ListTopics(ctx, a.source(), a.actions())
		if ctx.Err() != nil {
			t.Fatal(err, found.Error())
		}
		led = err == nil && found.Error() == nil
		for _, topic := range found {
			led = led && len(topic.Partitions) == partitions
			for _, p := range topic.Partitions {
				led = led && p.Err == nil && p.Leader >= 0
			}
		}
	}
	a.write("journeys/j.yaml", "journey: j\nenter: {on: a, again: always}\nsteps:\n  - {send: push, template: now}\n")
	if a.reader, err = kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(a.actions()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.MetadataMinAge(50*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.reader.Close)
	return a
}

func (a *app) source() string  { return a.name + ".events" }
func (a *app) actions() string { return a.name + ".actions" }

func (a *app) write(name, text string) {
	a.t.Helper()
	workspacetest.Write(a.t, filepath.Join(a.dir, name), text)
}

// configure writes wend.yaml, with what security asks for.
func (a *app) configure(broker, security string) {
	a.t.Helper()
	a.write("wend.yaml", fmt.Sprintf("app: %s\nkafka:\n  brokers: [%q]\n  session_timeout: 6s\n%ssource: {topic: %s}\nactions: {topic: %s}\nhttp: %q\n", a.name, broker, security, a.source(), a.actions(), cmp.Or(a.http, "off")))
}

// happen has an event happen to a customer in each partition, and gives their ids.
func (a *app) happen() []string {
	a.t.Helper()
	var ids []string
	for p := range partitions {
		a.events++
		id := fmt.Sprintf("e%d", a.events)
		customer := []string{"c0", "c1", "c2", "c3"}[p]
		value := fmt.Sprintf(`{"event_id":%q,"customer_id":%q,"type":"a"}`, id, customer)
		if err := a.client.ProduceSync(a.t.Context(), &kgo.Record{Topic: a.source(), Key: []byte(customer), Value: []byte(value)}).FirstErr(); err != nil {
			a.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// answered waits until there is an action for each of the events; p, if any, must live meanwhile.
func (a *app) answered(ids []string, p *process) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), 60*time.Second)
	defer cancel()
	missing := func() (n int) {
		for _, id := range ids {
			if a.got[id] == 0 {
				n++
			}
		}
		return n
	}
	for missing() > 0 {
		poll, stop := context.WithTimeout(ctx, time.Second)
		a.reader.PollFetches(poll).EachRecord(func(r *kgo.Record) {
			_, rest, _ := strings.Cut(string(r.Value), `"event_id":"`)
			id, _, _ := strings.Cut(rest, `"`)
			a.got[id]++
			if a.got[id] > 1 {
				a.t.Errorf("a second action for %s", id)
			}
		})
		stop()
		if p != nil && p.gone() {
			a.t.Fatalf("the engine ended:\n%s", p.said())
		}
		if ctx.Err() != nil {
			a.t.Fatalf("no action for %d of %v:\n%s", missing(), ids, p.said())
		}
	}
}

// process is a run of wend.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	mu    sync.Mutex
	out   bytes.Buffer
	ended chan struct{}
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) said() string {
	if p == nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func (p *process) gone() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// wend starts it, with an environment beside ours.
func wend(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary(t), args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the state says it all
		close(p.ended)
	}()
	t.Cleanup(func() {
		if !p.gone() {
			_ = p.cmd.Process.Kill() // it may end by itself this moment
			<-p.ended
		}
		for user, password := range users {
			if strings.Contains(p.said(), password) {
				t.Errorf("the password of %s is in what it says:\n%s", user, p.said())
			}
		}
	})
	return p
}

// status waits for its end and gives the exit status.
func (p *process) status() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		p.t.Fatalf("it does not end:\n%s", p.said())
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop ends it as its operator would.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
	if status := p.status(); status != 0 {
		p.t.Errorf("it ended with status %d:\n%s", status, p.said())
	}
}

// says waits until it has said all of these, in what it said from an earlier length on.
func (p *process) says(from int, all ...string) {
	p.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		said := p.said()[from:]
		missing := ""
		for _, want := range all {
			if !strings.Contains(said, want) {
				missing = want
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) || p.gone() {
			p.t.Fatalf("it does not say %q:\n%s", missing, said)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
