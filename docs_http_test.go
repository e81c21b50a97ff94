package wend_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/connectors/broker"
	"wend/connectors/kafka"
	"wend/schemas/workspacetest"
)

// live is an engine on an embedded broker, which has handled what a page says, as if its first event had been a little while
// ago.
type live struct {
	t       *testing.T
	dir     string
	path    string // of commands
	address string // of http
	shift   int64  // from the page's times to those of the events, ms
}

const liveToken = "docs-token"

func newLive(t *testing.T, page string) *live {
	const partitions = 4
	b, err := broker.Start(broker.Options{Topics: []broker.Topic{{Name: "events", Partitions: partitions}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	bin := build(t)
	l := &live{t: t, dir: t.TempDir(), path: bin + string(os.PathListSeparator) + os.Getenv("PATH")}
	files := map[string]string{}
	for _, m := range regexp.MustCompile("<!-- file: (.+) -->\n```[a-z]*\n((?s:.*?))```").FindAllStringSubmatch(page, -1) {
		files[m[1]] = m[2]
	}
	files["shop/wend.yaml"] = "app: shop\nkafka: {brokers: [" + b.Addr() + "], session_timeout: 6s}\nhttp: 127.0.0.1:0\nhttp_token: \"${WEND_TOKEN}\"\n"
	for name, text := range files {
		workspacetest.Write(t, filepath.Join(l.dir, name), text)
	}
	engine := exec.Command(filepath.Join(bin, "wend"), "run", "-C", filepath.Join(l.dir, "shop"))
	engine.Env = append(os.Environ(), "WEND_TOKEN="+liveToken)
	said, err := engine.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := engine.Start(); err != nil {
		t.Fatal(err)
	}
	running, ended := make(chan string, 1), make(chan struct{})
	var told strings.Builder // read when ended is closed
	go func() {              // the pipe's only reader, so that it never fills
		defer close(ended)
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			told.WriteString(lines.Text() + "\n")
			var line struct{ Msg, HTTP string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "running" {
				running <- line.HTTP
			}
		}
	}()
	t.Cleanup(func() {
		_ = engine.Process.Signal(syscall.SIGTERM)                                                   // Wait says whether it ended
		late := time.AfterFunc(2*time.Minute, func() { _ = engine.Process.Signal(syscall.SIGQUIT) }) // it says what waits for what, and ends
		defer late.Stop()
		<-ended // all is read before Wait closes the pipe
		if err := engine.Wait(); err != nil {
			t.Errorf("%v\n%s", err, told.String())
		}
	})
	select {
	case l.address = <-running:
	case <-ended:
		t.Fatalf("the engine ended before it ran:\n%s", told.String())
	case <-time.After(2 * time.Minute):
		_ = engine.Process.Signal(syscall.SIGQUIT) // the same
		t.Fatal("the engine does not run after two minutes")
	}
	client, err := kafka.New(kafka.Options{Brokers: []string{b.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	m, err := client.Metadata(t.Context(), "events")
	if err != nil {
		t.Fatal(err)
	}
	var ev struct {
		Customer string `json:"customer_id"`
		Time     int64  `json:"ts"`
	}
	for line := range strings.Lines(block(t, page, "events")) {
		if err := json.Unmarshal([]byte(line), &ev); err != nil {
			t.Fatal(err)
		}
		if l.shift == 0 {
			l.shift = time.Now().Add(-10*time.Minute).UnixMilli() - ev.Time
		}
		line = strings.Replace(line, strconv.FormatInt(ev.Time, 10), strconv.FormatInt(ev.Time+l.shift, 10), 1)
		p := m.Topics[0].Partitions[connectors.Murmur2Partition([]byte(ev.Customer), partitions)]
		var one batch.Builder
		one.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: time.Now().UnixMilli()})
		one.Append([]byte(ev.Customer), []byte(line))
		r := client.Produce(t.Context(), p.Leader, []connectors.Batch{{TopicPartition: connectors.TopicPartition{Topic: "events", Partition: p.ID}, Bytes: one.Finish()}}, 5*time.Second)
		if r[0].Err != nil || r[0].Code != connectors.OK {
			t.Fatal(r[0])
		}
	}
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var state struct{ Time int64 }
		if json.Unmarshal([]byte(l.get("/v1/customers/"+ev.Customer, true)), &state) == nil && state.Time >= ev.Time+l.shift {
			return l
		}
		if time.Now().After(deadline) {
			t.Fatal("the last event is not handled")
		}
	}
}

func (l *live) get(path string, token bool) string {
	r, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, l.address+path, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	if token {
		r.Header.Set("Authorization", "Bearer "+liveToken)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(b)
}

// run runs a line of the page. It is curl's part itself, for that may not be there.
func (l *live) run(command string) string {
	out := ""
	if ask := regexp.MustCompile(`^curl -s (-H "Authorization: Bearer \$WEND_TOKEN" )?127\.0\.0\.1:8080(/\S*)$`).FindStringSubmatch(strings.TrimSpace(command)); ask != nil {
		out = l.get(ask[2], ask[1] != "")
	} else {
		cmd := exec.CommandContext(l.t.Context(), "bash", "-euo", "pipefail", "-c", command)
		cmd.Dir = l.dir
		cmd.Env = append(os.Environ(), "PATH="+l.path, "WEND_TOKEN="+liveToken, "WEND_HTTP="+strings.TrimPrefix(l.address, "http://"))
		b, err := cmd.CombinedOutput()
		if err != nil {
			l.t.Errorf("%s%v\n%s", command, err, b)
		}
		out = string(b)
	}
	return l.back(out)
}

// back puts the page's times in the place of those that are.
func (l *live) back(s string) string {
	s = regexp.MustCompile(`\b1[0-9]{12}\b`).ReplaceAllStringFunc(s, func(ms string) string {
		n, _ := strconv.ParseInt(ms, 10, 64) // the pattern is one
		return strconv.FormatInt(n-l.shift, 10)
	})
	return regexp.MustCompile(`\b20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z`).ReplaceAllStringFunc(s, func(text string) string {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return text
		}
		return at.Add(-time.Duration(l.shift) * time.Millisecond).Format("2006-01-02T15:04:05.999Z07:00")
	})
}

// TestHTTPDoc asks a running engine what docs/http.md asks, and compares. WEND_WRITE_DOCS=1 writes what came into the page.
func TestHTTPDoc(t *testing.T) {
	const page = "docs/http.md"
	text := read(t, page)
	runConsoles(t, page, text, newLive(t, text).run)
}
