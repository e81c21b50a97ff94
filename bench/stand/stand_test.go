//go:build unix

package stand

import (
	"path/filepath"
	"slices"
	"testing"

	"wend/bench/figures"
)

// TestMeasured: figures go where the options say, and nowhere without them.
func TestMeasured(t *testing.T) {
	f := figures.Figure{Name: "a/b", Value: 1, Unit: "s"}
	if err := (&Stand{}).Measured(f); err != nil {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "figures.jsonl")
	if err := (&Stand{o: Options{Figures: path}}).Measured(f); err != nil {
		t.Error(err)
	}
	if got, err := figures.Read(path); err != nil || !slices.Equal(got, []figures.Figure{f}) {
		t.Error(got, err)
	}
}
