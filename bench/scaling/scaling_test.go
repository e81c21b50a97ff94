//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wend/bench/figures"
)

// TestSeries: what the series say of themselves can be run.
func TestSeries(t *testing.T) {
	names, pictures := map[string]bool{}, map[string]bool{}
	for i := range everything {
		s := &everything[i]
		if names[s.name] || len(s.xs) < 3 || !slices.IsSorted(s.xs) || len(s.small) == 0 || len(s.charts) == 0 {
			t.Errorf("%+v", s)
		}
		names[s.name] = true
		for _, quick := range []bool{false, true} {
			line := s.command(s.sizes(quick)[0], quick)
			if program := strings.Fields(line); strings.Contains(line, "%!") || len(program) < 4 {
				t.Error(line)
			} else if _, err := os.Stat(filepath.Join("..", "..", program[2])); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
		for _, c := range s.charts {
			if pictures[c.file] || !strings.HasSuffix(c.file, ".svg") {
				t.Error(c.file)
			}
			pictures[c.file] = true
		}
	}
}

func TestPoints(t *testing.T) {
	path := filepath.Join(t.TempDir(), pointsFile)
	s := &everything[0]
	put := func(x int, perCPU, broker float64, commit string) {
		t.Helper()
		fs := []figures.Figure{{Name: "cart/events_per_cpu_s", Value: perCPU, Unit: "events/CPU-s"}, {Name: "cart/broker_us_per_event", Value: broker, Unit: "µs"}}
		if err := appendPoints(path, errand{s, x}, fs, commit, time.Unix(0, 0).UTC()); err != nil {
			t.Fatal(err)
		}
	}
	put(100_000, 250_000, 5, "old")
	put(10_000, 500_000, 3, "old")
	put(10_000, 200_000, 4, "new")
	put(10_000, 250_000, 7, "new")
	points, err := readPoints(path)
	if err != nil {
		t.Fatal(err)
	}
	got := table(points)
	for _, want := range []string{
		"| customers | 10,000 | engine, µs of processor an event | 2 | 4 | 5 | 3 | old, new |\n| customers | 100,000 | engine, µs of processor an event | 4 | 4 | 4 | 1 | old |\n",
		"| customers | 10,000 | broker, µs of processor an event | 3 | 4 | 7 | 3 | old, new |\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s\nis not in\n%s", want, got)
		}
	}
	pictures, err := draw(points)
	if err != nil || len(pictures) != 1 || !strings.Contains(pictures["customers.svg"], ">100k</text>") {
		t.Errorf("%v %d pictures: of memory nothing was measured\n%s", err, len(pictures), pictures["customers.svg"])
	}
	if err := dropOthers(path, []errand{{s, 10_000}}, "new"); err != nil {
		t.Fatal(err)
	}
	if points, err = readPoints(path); err != nil || len(points) != 6 || slices.ContainsFunc(points, func(p point) bool { return p.X == 10_000 && p.Commit == "old" }) {
		t.Errorf("%v %+v", err, points)
	}
	points[0].Unit = "s"
	if got, err := draw(points); err == nil {
		t.Errorf("a figure in another unit was drawn: %v", got)
	}
	if err := dropOthers(filepath.Join(t.TempDir(), "none"), nil, ""); err != nil {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	for _, bad := range [][]string{{"--rounds", "0"}, {"--only", "("}, {"--quick"}, {"--measure", "--quick"}, {"customers"}} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	o, err := parse([]string{"--only", "^journeys/1"})
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, e := range o.errands() {
		got = append(got, e.x)
	}
	if !slices.Equal(got, []int{1, 10, 100}) {
		t.Error(got)
	}
}
