package figures

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestRoundTrip: whatever is appended, in however many calls, is read as it was and in its order.
func TestRoundTrip(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		one := rapid.Custom(func(t *rapid.T) Figure {
			return Figure{rapid.StringN(1, 20, -1).Draw(t, "name"), rapid.Float64().Draw(t, "value"), rapid.String().Draw(t, "unit")}
		})
		var want []Figure
		for _, some := range rapid.SliceOfN(rapid.SliceOf(one), 1, 4).Draw(t, "calls") {
			if err := Append(path, some...); err != nil {
				t.Fatal(err)
			}
			want = append(want, some...)
		}
		got, err := Read(path)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%+v %v, want %+v", got, err, want)
		}
	})
}

func TestAppendRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, bad := range []Figure{{"", 1, "ms"}, {"a", math.NaN(), "ms"}, {"a", math.Inf(-1), ""}} {
		if err := Append(path, Figure{"good", 1, ""}, bad); err == nil {
			t.Errorf("%+v was written", bad)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
	if err := Append(filepath.Join(path, "g"), Figure{"a", 1, ""}); err == nil {
		t.Error("no error for a directory that is not there")
	}
}

// TestAppendTogether: calls at the same time leave whole lines.
func TestAppendTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if err := Append(path, Figure{"a", float64(i), "ms"}, Figure{"b", float64(i), "ms"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got, err := Read(path)
	if err != nil || len(got) != 40 {
		t.Fatalf("%d figures, %v", len(got), err)
	}
	for i := 0; i < len(got); i += 2 {
		if got[i].Name != "a" || got[i+1].Name != "b" || got[i].Value != got[i+1].Value {
			t.Errorf("between the figures of one call came others: %+v", got[i:i+2])
		}
	}
}

func TestReadErrors(t *testing.T) {
	const good = `{"name":"a","value":1,"unit":"ms"}` + "\n"
	path := filepath.Join(t.TempDir(), "f")
	for _, c := range []struct{ text, want string }{
		{good + "\n", ":2: no figure"},
		{good + good + `{"name":"a"` + "\n" + good, ":3: no figure"},
		{`{"name":"a","value":"1","unit":""}`, ":1: no figure"},
		{`{"name":"a","value":1,"unit":"","more":2}`, `:1: no figure, want {"name":…,"value":…,"unit":…}: json: unknown field "more"`},
		{good + `{"name":"a","unit":"ms"}`, `:2: figure "a" has no value`},
		{good + `{"value":2,"unit":"ms"}`, ":2: figure of 2 ms: it has no name"},
		{good + strings.TrimSpace(good) + good, ":2: more than one JSON object"},
		{good + `{"name":"` + strings.Repeat("x", longest), ":2: bufio.Scanner: token too long"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(path); err == nil || got != nil || !strings.HasPrefix(err.Error(), path+c.want) {
			t.Errorf("%.60q: %v %v, want %s", c.text, got, err, c.want)
		}
	}
	if _, err := Read(path + ".not"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
