package plot

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden file anew")

var chart = Chart{Title: "Processor time of an event, by customers", X: "customers", Y: "µs an event", Lines: []Line{
	{"engine", []Point{{1_000_000, 3.2, 3.4, 3.9}, {10_000, 2.5, 2.6, 2.6}, {100_000, 2.9, 3, 3.3}}},
	{"broker <of our own>", []Point{{10_000, 4, 4, 4}, {1_000_000, 4.1, 4.4, 4.6}}},
}}

func TestGolden(t *testing.T) {
	got, err := chart.SVG()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", "chart.svg")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || got != string(want) {
		t.Errorf("%s (-update writes it): %v\n%s", path, err, got)
	}
}

// TestInside: what comes is XML, and all of it lies in the picture.
func TestInside(t *testing.T) {
	one := Chart{Title: "one", Lines: []Line{{"a", []Point{{5, 0, 0, 0}}}}}
	for _, c := range []Chart{chart, one} {
		got, err := c.SVG()
		if err != nil {
			t.Fatal(err)
		}
		marks := 0
		for d := xml.NewDecoder(strings.NewReader(got)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			e, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			for _, a := range e.Attr {
				v, err := strconv.ParseFloat(a.Value, 64)
				switch name := a.Name.Local; {
				case err != nil:
				case strings.Contains(name, "x") && (v < 0 || v > width), strings.Contains(name, "y") && (v < 0 || v > height), math.IsNaN(v):
					t.Errorf("%s: %s of %s is %v", c.Title, name, e.Name.Local, v)
				}
				if a.Name.Local == "class" && strings.HasPrefix(a.Value, "p") && a.Value != "paper" {
					marks++
				}
			}
		}
		want := 0
		for _, l := range c.Lines {
			want += len(l.Points) + 1 // and one in the legend
		}
		if marks != want {
			t.Errorf("%s: %d points, want %d", c.Title, marks, want)
		}
	}
}

func TestPlaces(t *testing.T) {
	p, err := chart.plane()
	if err != nil {
		t.Fatal(err)
	}
	if p.most != 6 || p.step != 2 {
		t.Errorf("up to %v by %v", p.most, p.step)
	}
	if a, b := p.x(100_000)-p.x(10_000), p.x(1_000_000)-p.x(100_000); math.Abs(a-b) > 1e-9 || a <= 0 {
		t.Errorf("ten times as much is %v away, and again %v", a, b)
	}
	if a, b := p.y(0)-p.y(1), p.y(1)-p.y(2); math.Abs(a-b) > 1e-9 || a <= 0 || p.y(0) != height-bottom {
		t.Errorf("one more is %v higher, and again %v, and nothing stands at %v", a, b, p.y(0))
	}
	for v, want := range map[float64]float64{0: 1, 0.3: 0.5, 1: 1, 1.1: 2, 2.1: 5, 6: 10, 51: 100} {
		if got := nice(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: %v, want %v", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 0.5: "0.5", 20: "20", 1500: "1.5k", 100_000: "100k", 1e6: "1M", 2e9: "2G"} {
		if got := number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}

func TestWrong(t *testing.T) {
	point := func(p Point) Chart { return Chart{Title: "t", Lines: []Line{{"a", []Point{p}}}} }
	for name, c := range map[string]Chart{
		"nothing":    {Title: "t", Lines: []Line{{"a", nil}}},
		"no x":       point(Point{0, 1, 1, 1}),
		"below 0":    point(Point{1, -1, 1, 1}),
		"in turn":    point(Point{1, 2, 1, 3}),
		"no number":  point(Point{1, math.NaN(), 1, 1}),
		"endless":    point(Point{1, 1, 1, math.Inf(1)}),
		"four lines": {Title: "t", Lines: make([]Line, 4)},
	} {
		if got, err := c.SVG(); err == nil || !strings.HasPrefix(err.Error(), `draw "t": `) {
			t.Errorf("%s: %v %s", name, err, got)
		}
	}
}
