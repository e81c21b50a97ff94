package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/connectors/broker"
	"wend/connectors/kafka"
	"wend/schemas/workspacetest"
)

// running is a wend process of a test. Its stdout and stderr are read line by line.
type running struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err chan string
	mu       sync.Mutex
	said     bytes.Buffer // stderr
}

func begin(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{t: t, cmd: exec.Command("wend", args...), out: make(chan string, 10_000), err: make(chan string, 10_000)}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := r.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			r.out <- s.Text()
		}
		close(r.out)
	}()
	go func() {
		for s := bufio.NewScanner(errs); s.Scan(); {
			r.mu.Lock()
			r.said.WriteString(s.Text() + "\n")
			r.mu.Unlock()
			r.err <- s.Text()
		}
		close(r.err)
	}()
	return r
}

// stop sends the signal and gives the exit status, -1 for a signal's.
func (r *running) stop(s syscall.Signal) int {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
	defer r.patience()()
	for range r.err { // to its end: the pipes are read before Wait closes them
	}
	_ = r.cmd.Wait() // the state says it all
	return r.cmd.ProcessState.ExitCode()
}

// patience lets the process say what each of its goroutines waits for, and end, unless it is called off within two minutes.
func (r *running) patience() (off func()) {
	t := time.AfterFunc(2*time.Minute, func() { _ = r.cmd.Process.Signal(syscall.SIGQUIT) })
	return func() {
		r.t.Helper()
		if !t.Stop() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.t.Errorf("%q took more than two minutes:\n%s", r.cmd.Args, r.said.String())
		}
	}
}

// ready waits until the engine says where its HTTP side is, and that it works on its shards.
func (r *running) ready() string {
	r.t.Helper()
	defer r.patience()()
	for line := range r.err {
		var l struct{ Msg, HTTP string }
		if json.Unmarshal([]byte(line), &l) != nil || l.Msg != "running" {
			continue
		}
		for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			resp, err := http.Get(l.HTTP + "/readyz")
			if err != nil {
				continue
			}
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return l.HTTP
			}
		}
		break
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t.Fatalf("the engine did not become ready:\n%s", r.said.String())
	return ""
}

// TestRunAndDeliver takes an engine and a worker through their lives: topics made, events in, the engine killed in the
// middle, everything delivered once, both stopped by SIGTERM.
func TestRunAndDeliver(t *testing.T) {
	b, err := broker.Start(broker.Options{Topics: []broker.Topic{{Name: "events", Partitions: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	ws := t.TempDir()
	write := func(name, text string) { workspacetest.Write(t, filepath.Join(ws, name), text) }
	write("wend.yaml", "app: shop\nkafka: {brokers: ["+b.Addr()+"], session_timeout: 6s}\nhttp: 127.0.0.1:0\n")
	write("journeys/j.yaml", `
journey: j
enter: {on: a, again: always}
steps:
  - {send: push, template: now}
  - wait: 300ms
  - {send: push, template: later}
`)
	out, err := exec.Command("wend", "topics", "-C", ws).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "created  shop.journal") {
		t.Fatalf("wend topics: %v\n%s", err, out)
	}

	engine := begin(t, "run", "-C", ws)
	engine.ready()
	worker := begin(t, "deliver", "-C", ws, "--channel", "push")
	const events = 300
	produceEvents(t, b.Addr(), events)
	seen := map[string]int{}
	for killed := false; len(seen) < 2*events; {
		select {
		case line := <-worker.out:
			var a struct {
				ID string `json:"action_id"`
			}
			if err := json.Unmarshal([]byte(line), &a); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			seen[a.ID]++
			if !killed && len(seen) > events+events/4 {
				killed = true
				if status := engine.stop(syscall.SIGKILL); status != -1 {
					t.Fatalf("status %d of a killed engine", status)
				}
				engine = begin(t, "run", "-C", ws)
			}
		case <-time.After(2 * time.Minute):
			t.Fatalf("%d of %d actions were delivered\n%s", len(seen), 2*events, engine.said.String())
		}
	}
	address := engine.ready()
	resp, err := http.Get(address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	_, _ = page.ReadFrom(resp.Body)
	_ = resp.Body.Close()
	if !strings.Contains(page.String(), "\nwend_owned_shards 4\n") {
		t.Errorf("metrics: %s", page.String())
	}
	_ = engine.cmd.Process.Signal(syscall.SIGTERM) // some send it twice: to the process and to its group
	if status := engine.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("status %d of an engine that was asked to stop:\n%s", status, engine.said.String())
	}
	if status := worker.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("status %d of a worker that was asked to stop:\n%s", status, worker.said.String())
	}
	for line := range worker.out {
		t.Errorf("one too many: %s", line)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s was delivered %d times", id, n)
		}
	}
}

// produceEvents appends n events of 50 customers.
func produceEvents(t *testing.T, addr string, n int) {
	t.Helper()
	client, err := kafka.New(kafka.Options{Brokers: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	m, err := client.Metadata(t.Context(), "events")
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		customer := []byte(fmt.Sprintf("c%d", i%50))
		p := m.Topics[0].Partitions[connectors.Murmur2Partition(customer, 4)]
		var b batch.Builder
		b.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: time.Now().UnixMilli()})
		b.Append(customer, fmt.Appendf(nil, `{"event_id":"e%d","customer_id":"%s","type":"a"}`, i, customer))
		r := client.Produce(t.Context(), p.Leader, []connectors.Batch{{TopicPartition: connectors.TopicPartition{Topic: "events", Partition: p.ID}, Bytes: b.Finish()}}, 5*time.Second)
		if r[0].Err != nil || r[0].Code != connectors.OK {
			t.Fatal(r[0])
		}
	}
}
