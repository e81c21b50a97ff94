//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"wend/bench/figures"
	"wend/bench/plot"
)

const pointsFile = "points.jsonl"

// point is one figure of one run.
type point struct {
	Series string `json:"series"`
	X      int    `json:"x"`
	figures.Figure
	Commit string `json:"commit"` // on which it was measured
	At     string `json:"at"`     // RFC 3339
}

func appendPoints(path string, e errand, fs []figures.Figure, commit string, at time.Time) (err error) {
	var lines bytes.Buffer
	for _, f := range fs {
		line, err := json.Marshal(point{e.series.name, e.x, f, commit, at.Format(time.RFC3339)})
		if err != nil {
			return err
		}
		lines.Write(append(line, '\n'))
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	_, err = file.Write(lines.Bytes())
	return err
}

func readPoints(path string) (all []point, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: nothing was measured yet (--measure)", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		var p point
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		all = append(all, p)
	}
	return all, lines.Err()
}

// dropOthers takes the points of what is to be measured out of a file, unless they are of the same commit.
func dropOthers(path string, errands []errand, commit string) error {
	all, err := readPoints(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var kept bytes.Buffer
	for _, p := range all {
		if p.Commit != commit && slices.ContainsFunc(errands, func(e errand) bool { return e.series.name == p.Series && e.x == p.X }) {
			continue
		}
		line, err := json.Marshal(p)
		if err != nil {
			return err
		}
		kept.Write(append(line, '\n'))
	}
	return os.WriteFile(path, kept.Bytes(), 0o644)
}

// spread is what runs at an x came to.
type spread struct {
	x                int
	min, median, max float64
	runs             int
	commits          []string // in order
}

// spreads of a line, by ascending x.
func spreads(points []point, series string, l *line) (all []spread, err error) {
	values, commits := map[int][]float64{}, map[int][]string{}
	for _, p := range points {
		if p.Series != series || p.Name != l.figure {
			continue
		}
		if p.Unit != l.unit || p.Value <= 0 && l.per > 0 {
			return nil, fmt.Errorf("%s at %d: %s is %v %s", series, p.X, p.Name, p.Value, p.Unit)
		}
		values[p.X] = append(values[p.X], l.value(p.Value))
		if !slices.Contains(commits[p.X], p.Commit) {
			commits[p.X] = append(commits[p.X], p.Commit)
		}
	}
	for x, v := range values {
		all = append(all, spread{x, slices.Min(v), figures.Median(v), slices.Max(v), len(v), commits[x]})
	}
	slices.SortFunc(all, func(a, b spread) int { return a.x - b.x })
	return all, nil
}

// draw makes the pictures, by the names of their files. A chart of which nothing was measured is left out.
func draw(points []point) (map[string]string, error) {
	pictures := map[string]string{}
	for i := range everything {
		s := &everything[i]
		for _, c := range s.charts {
			picture := plot.Chart{Title: c.title, X: s.x, Y: c.y}
			drawn := 0
			for j := range c.lines {
				got, err := spreads(points, s.name, &c.lines[j])
				if err != nil {
					return nil, err
				}
				l := plot.Line{Name: c.lines[j].name}
				for _, v := range got {
					l.Points = append(l.Points, plot.Point{X: float64(v.x), Min: v.min, Median: v.median, Max: v.max})
				}
				drawn += len(l.Points)
				picture.Lines = append(picture.Lines, l)
			}
			if drawn == 0 {
				continue
			}
			text, err := picture.SVG()
			if err != nil {
				return nil, err
			}
			pictures[c.file] = text
		}
	}
	return pictures, nil
}

// table is all of it as Markdown.
func table(points []point) string {
	var b strings.Builder
	b.WriteString("| with | at | what | min | median | max | runs | commit |\n|---|---:|---|---:|---:|---:|---:|---|\n")
	for i := range everything {
		s := &everything[i]
		for _, c := range s.charts {
			for j := range c.lines {
				l := &c.lines[j]
				got, err := spreads(points, s.name, l)
				if err != nil {
					fmt.Fprintf(&b, "| %s | | %v | | | | | |\n", s.name, err)
					continue
				}
				for _, v := range got {
					fmt.Fprintf(&b, "| %s | %s | %s, %s | %s | %s | %s | %d | %s |\n", s.name, figures.Number(float64(v.x)), l.name, c.y,
						figures.Number(v.min), figures.Number(v.median), figures.Number(v.max), v.runs, strings.Join(v.commits, ", "))
				}
			}
		}
	}
	return b.String()
}
