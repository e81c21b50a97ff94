//go:build unix

package measure

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wend/bench/figures"
)

func TestParse(t *testing.T) {
	name, args, err := parse("go run ./bench/latency --rate 10000  --check")
	if err != nil || name != "latency" || !slices.Equal(args, []string{"--rate", "10000", "--check"}) {
		t.Error(name, args, err)
	}
	for _, bad := range []string{"", "go run ./cmd/wend", "go run ./bench/cmd/kafka start", "go test ./bench/latency", "./bench/latency", "go run bench/latency"} {
		if _, _, err := parse(bad); err == nil || !strings.Contains(err.Error(), "want go run ./bench/NAME") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// bench puts a script where Build would have put a bench.
func bench(t *testing.T, script string) *Benches {
	t.Helper()
	b := &Benches{Dir: t.TempDir(), Wend: "/no/wend", built: []string{"it"}}
	if err := os.WriteFile(filepath.Join(b.Dir, "bench-it"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRun(t *testing.T) {
	b := bench(t, `test "$*" = "--fast --wend /no/wend --figures $5" || exit 3
echo '{"name":"it/a","value":2,"unit":"s"}' >> "$5"`)
	for range 2 { // each run reads its own
		got, err := b.Run(t.Context(), "go run ./bench/it --fast")
		if err != nil || !slices.Equal(got, []figures.Figure{{Name: "it/a", Value: 2, Unit: "s"}}) {
			t.Fatal(got, err)
		}
	}
	if _, err := b.Run(t.Context(), "go run ./bench/other"); err == nil {
		t.Error("what was not built was run")
	}
}

func TestRunFails(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{"echo the disk is full >&2; exit 7", "go run ./bench/it --fast: exit status 7 (its output: "},
		{"echo the disk is full >&2; exit 7", ".log)\nthe disk is full"},
		{"exit 0", "go run ./bench/it --fast: it measured nothing"},
		{`echo '{"name":"a"}' > "$5"`, "go run ./bench/it --fast: "},
		{`echo '{"name":"a"}' > "$5"`, `.jsonl:1: figure "a" has no value`},
	} {
		if got, err := bench(t, c.script).Run(t.Context(), "go run ./bench/it --fast"); err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v %v, want %s", c.script, got, err, c.want)
		}
	}
}

// TestExecuteEnds: what a program started ends with it.
func TestExecuteEnds(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Execute(ctx, "it", dir, filepath.Join(dir, "log"), []string{"MORE=x"}, "/bin/sh", "-c", `echo $MORE > begun; sleep 1000 & wait`)
	}()
	for {
		if b, err := os.ReadFile(filepath.Join(dir, "begun")); err == nil && string(b) == "x\n" {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) && (err == nil || !strings.Contains(err.Error(), "it: signal: terminated")) {
		t.Error(err)
	}
}

func TestMachine(t *testing.T) {
	m := Machine{CPU: "Abacus", Cores: 2, Memory: 24e9, Kernel: "Linux 6.1", Go: "go1.26", Kafka: "4.1.0", Commit: "abc"}
	if got, want := m.String(), "Abacus, 2 cores, 24.0 GB, Linux 6.1, go1.26, Apache Kafka 4.1.0; commit abc, nothing changed beside it"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	m.Dirty, m.Memory = true, 0
	if got := m.String(); !strings.Contains(got, "unknown memory") || !strings.HasSuffix(got, "the tree had changes beside it") {
		t.Error(got)
	}
	if got := field("a: 1\nmodel name\t: Abacus 3\nmodel name\t: other\n", "model name", unknown); got != "Abacus 3" {
		t.Error(got)
	}
	if got := Look(t.Context()); got.Cores < 1 || got.Kafka == "" || got.CPU == "" {
		t.Errorf("%+v", got)
	}
}
