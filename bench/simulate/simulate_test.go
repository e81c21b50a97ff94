//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wend/bench/figures"
	"wend/bench/stand"
)

// TestSimulate: what the command prints is measured when it is right, and not when a line is missing, there twice or changed.
func TestSimulate(t *testing.T) {
	dir := t.TempDir()
	wend := filepath.Join(dir, "wend")
	if err := stand.Build(t.Context(), wend, ""); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ change, want string }{
		"right":     {"cat", ""},
		"missing":   {"sed 7d", "1 wrong"},
		"twice":     {"sed 7p", "wrong"},
		"changed":   {`sed 's/"decided_at":\(.*\)0,/"decided_at":\11,/'`, "wrong"},
		"no action": {"sed 7s/^/x/", "line 7 of the actions is none"},
		"failed":    {"cat; exit 3", "exit status 3"},
		"nothing":   {"head -n 0", "wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			program, measured := filepath.Join(t.TempDir(), "changed"), filepath.Join(t.TempDir(), "figures.jsonl")
			if err := os.WriteFile(program, fmt.Appendf(nil, "#!/bin/sh\n%s \"$@\" | (%s)\n", wend, c.change), 0o755); err != nil {
				t.Fatal(err)
			}
			o, err := parse([]string{"--wend", program, "--dir", t.TempDir(), "--figures", measured, "--customers", "50", "--events", "1000", "--rounds", "2"})
			if err != nil {
				t.Fatal(err)
			}
			err = run(t.Context(), o)
			got, none := figures.Read(measured)
			if c.want == "" {
				if err != nil || none != nil || len(got) != 2 || got[0].Name != "simulate/events_per_cpu_s" || got[0].Value <= 0 || got[1].Value < 1 {
					t.Errorf("%v %v %+v", err, none, got)
				}
				return
			}
			var w *stand.Wrong
			if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &w) != (name != "failed") || none == nil {
				t.Errorf("%v, want %s; figures %+v", err, c.want, got)
			}
		})
	}
}
