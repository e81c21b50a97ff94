// Package plot draws how one thing grows with another, as SVG: a few lines over an axis whose steps are ratios, each point with a bar
// from the least to the most that was measured. The same chart gives the same bytes. It knows nothing of what is measured.
package plot

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Chart is what to draw.
type Chart struct {
	Title string
	X, Y  string // what the axes are, with their units
	Lines []Line
}

// Line is one of a chart.
type Line struct {
	Name   string
	Points []Point // in any order
}

// Point is what was measured at an X.
type Point struct {
	X                float64 // above 0
	Min, Median, Max float64 // not below 0
}

// The picture, in its units.
const (
	width, height            = 640.0, 360.0
	left, right, top, bottom = 72.0, 24.0, 64.0, 52.0 // around the plane
	inset                    = 0.06                   // of the plane's width, beside the first and the last point
)

// style has a background of its own, so that the picture can be read on any page.
const style = `<style>
svg{--paper:#ffffff;--ink:#24292f;--faint:#d0d7de;--c0:#0b62a4;--c1:#b3400a;--c2:#2d7d46}
@media (prefers-color-scheme:dark){svg{--paper:#161b22;--ink:#e6edf3;--faint:#30363d;--c0:#6cb6ff;--c1:#ff9d5c;--c2:#7ee2a0}}
text{font:13px system-ui,sans-serif;fill:var(--ink)}.title{font-size:15px;font-weight:600}.paper{fill:var(--paper)}.grid{stroke:var(--faint)}.axis{stroke:var(--ink)}
.l0{stroke:var(--c0)}.l1{stroke:var(--c1)}.l2{stroke:var(--c2)}.p0{fill:var(--c0)}.p1{fill:var(--c1)}.p2{fill:var(--c2)}.line{fill:none;stroke-width:2}.bar{stroke-width:1.5}
</style>
`

// colours is how many lines can be told apart.
const colours = 3

// SVG draws the chart. It is an error where there is nothing to draw, where something cannot be placed or where there are more
// than three lines.
func (c Chart) SVG() (string, error) {
	p, err := c.plane()
	if err != nil {
		return "", fmt.Errorf("draw %q: %w", c.Title, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\" aria-label=\"%s\">\n", width, height, width, height, escape(c.Title))
	b.WriteString(style)
	fmt.Fprintf(&b, "<rect class=\"paper\" width=\"%.0f\" height=\"%.0f\" rx=\"6\"/>\n", width, height)
	text(&b, left, 24, "start", "title", c.Title)
	p.axes(&b, c)
	at := left
	for i, l := range c.Lines {
		p.line(&b, i, l)
		mark(&b, i, at+5, top-18)
		text(&b, at+15, top-14, "start", "", l.Name)
		at += 40 + 7.5*float64(len([]rune(l.Name)))
	}
	b.WriteString("</svg>\n")
	return b.String(), nil
}

// plane places values.
type plane struct {
	xs        []float64 // of all points, ascending, each once
	low, high float64   // logarithms of the least and the greatest X
	most      float64   // of Y
	step      float64   // from a line of the grid to the next
}

func (c Chart) plane() (p plane, err error) {
	if len(c.Lines) > colours {
		return p, fmt.Errorf("%d lines: at most %d can be told apart", len(c.Lines), colours)
	}
	most := 0.0
	for _, l := range c.Lines {
		for _, v := range l.Points {
			if !(v.X > 0 && v.Min >= 0 && v.Min <= v.Median && v.Median <= v.Max) || math.IsInf(v.X, 1) || math.IsInf(v.Max, 1) {
				return p, fmt.Errorf("%s at %v: %v, %v, %v cannot be placed", l.Name, v.X, v.Min, v.Median, v.Max)
			}
			p.xs, most = append(p.xs, v.X), max(most, v.Max)
		}
	}
	if len(p.xs) == 0 {
		return p, errors.New("there is no point")
	}
	slices.Sort(p.xs)
	p.xs = slices.Compact(p.xs)
	p.low, p.high = math.Log(p.xs[0]), math.Log(p.xs[len(p.xs)-1])
	p.step = nice(most / 4)
	p.most = p.step * max(1, math.Ceil(most/p.step))
	return p, nil
}

// nice is 1, 2 or 5 times a power of ten, at or above a value.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v {
			return m * power
		}
	}
	return 10 * power
}

func (p plane) x(v float64) float64 {
	room, part := width-left-right, 0.5
	if p.high > p.low {
		part = inset + (1-2*inset)*(math.Log(v)-p.low)/(p.high-p.low)
	}
	return left + part*room
}

func (p plane) y(v float64) float64 { return height - bottom - v/p.most*(height-top-bottom) }

func (p plane) axes(b *strings.Builder, c Chart) {
	for i := 0; float64(i)*p.step <= p.most*(1+1e-9); i++ {
		v := float64(i) * p.step
		class := "grid"
		if i == 0 {
			class = "axis"
		}
		stroke(b, class, left, p.y(v), width-right, p.y(v))
		text(b, left-8, p.y(v)+4, "end", "", number(v))
	}
	for _, v := range p.xs {
		stroke(b, "axis", p.x(v), height-bottom, p.x(v), height-bottom+5)
		text(b, p.x(v), height-bottom+20, "middle", "", number(v))
	}
	text(b, left+(width-left-right)/2, height-12, "middle", "", c.X)
	middle := top + (height-top-bottom)/2
	fmt.Fprintf(b, "<text transform=\"rotate(-90 18 %.1f)\" x=\"18\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n", middle, middle, escape(c.Y))
}

func (p plane) line(b *strings.Builder, i int, l Line) {
	points := slices.SortedFunc(slices.Values(l.Points), func(a, b Point) int {
		switch {
		case a.X < b.X:
			return -1
		case a.X > b.X:
			return 1
		}
		return 0
	})
	var places []string
	for _, v := range points {
		places = append(places, fmt.Sprintf("%.1f,%.1f", p.x(v.X), p.y(v.Median)))
	}
	fmt.Fprintf(b, "<polyline class=\"line l%d\" points=\"%s\"/>\n", i, strings.Join(places, " "))
	for _, v := range points {
		x := p.x(v.X)
		if v.Max > v.Min {
			class := fmt.Sprintf("bar l%d", i)
			stroke(b, class, x, p.y(v.Min), x, p.y(v.Max))
			stroke(b, class, x-4, p.y(v.Min), x+4, p.y(v.Min))
			stroke(b, class, x-4, p.y(v.Max), x+4, p.y(v.Max))
		}
		mark(b, i, x, p.y(v.Median))
	}
}

// mark is a point of a line: each line has a shape of its own, for who sees no colours.
func mark(b *strings.Builder, i int, x, y float64) {
	switch i {
	case 0:
		fmt.Fprintf(b, "<circle class=\"p0\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", x, y)
	case 1:
		fmt.Fprintf(b, "<rect class=\"p1\" x=\"%.1f\" y=\"%.1f\" width=\"8\" height=\"8\"/>\n", x-4, y-4)
	default:
		fmt.Fprintf(b, "<path class=\"p%d\" d=\"M%.1f %.1fl5 9h-10z\"/>\n", i, x, y-5)
	}
}

func stroke(b *strings.Builder, class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(b, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1, x2, y2)
}

func text(b *strings.Builder, x, y float64, anchor, class, s string) {
	if class != "" {
		class = fmt.Sprintf(" class=\"%s\"", class)
	}
	fmt.Fprintf(b, "<text%s x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", class, x, y, anchor, escape(s))
}

// number is short: 0.5, 20, 100k, 1M.
func number(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= u.size {
			return strconv.FormatFloat(v/u.size, 'g', 4, 64) + u.name
		}
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}
