package graph

// The layout follows the shape of the text. A list of steps is a column of boxes on one axis; the arms of a step are
// columns side by side under it, and what comes after the step is under the whole, on its axis. So no two lines cross,
// and the chart is read in the order of the file. All lengths are pixels.
const (
	boxPadX, boxPadY = 12.0, 9.0
	boxMinWidth      = 96.0
	stepGap          = 34.0 // between a box and the next
	forkGap          = 22.0 // from a box to the bar of its arms, and from the bar to their labels
	armGap           = 26.0 // between arms
	chainGap         = 48.0 // between the main flow and those of goal and exits
	loopMargin       = 30.0 // left of a loop's body, for the way back
	joinGap          = 16.0 // from where ways join to the box they lead to
	margin           = 24.0
)

// extent is how far something reaches left and right of its axis, and how high it is.
type extent struct{ left, right, height float64 }

func (e extent) width() float64 { return e.left + e.right }

type (
	point struct{ x, y float64 }
	box   struct {
		node int
		x, y float64 // of the upper left corner
		w, h float64
	}
	label struct {
		lines []string
		x, y  float64 // of the middle of its upper edge
		w, h  float64
	}
	line struct {
		points []point
		arrow  bool
		back   bool
	}
	drawing struct {
		g      *Graph
		boxes  []box
		labels []label
		lines  []line
		right  float64
		bottom float64
	}
)

// layout places the whole chart.
func layout(g *Graph, top float64) *drawing {
	d := &drawing{g: g}
	x := margin
	for _, c := range g.chains {
		e := d.measure(c)
		d.place(c, x+e.left, top, nil)
		x += e.width() + chainGap
		d.reach(x-chainGap, top+e.height)
	}
	return d
}

func (d *drawing) reach(x, y float64) { d.right, d.bottom = max(d.right, x), max(d.bottom, y) }

func (d *drawing) box(node int) (w, h float64) {
	lines := boxLines(&d.g.Nodes[node])
	w = boxMinWidth
	for i, l := range lines {
		w = max(w, textWidth(l.text, fontSize, i == 0)+2*boxPadX)
	}
	return w, float64(len(lines))*lineHeight + 2*boxPadY
}

func labelSize(text string) (lines []string, w, h float64) {
	lines = wrap(text, labelColumns)
	for _, l := range lines {
		w = max(w, textWidth(l, labelFont, false))
	}
	return lines, w + 10, float64(len(lines))*labelHeight + 4
}

// measure tells how much room a block needs.
func (d *drawing) measure(list block) extent {
	var e extent
	for i := range list {
		m := d.measureItem(&list[i])
		e.left, e.right = max(e.left, m.left), max(e.right, m.right)
		if i > 0 {
			e.height += stepGap
		}
		e.height += m.height
	}
	return e
}

func (d *drawing) measureItem(it *item) extent {
	w, h := d.box(it.node)
	e := extent{w / 2, w / 2, h}
	switch {
	case it.loop != nil:
		m := d.measure(it.loop)
		e.left, e.right = max(e.left, m.left)+loopMargin, max(e.right, m.right)
		e.height += stepGap + m.height + joinGap
	case len(it.arms) > 0:
		left, width, arms, high, labels := d.fork(it)
		_ = arms
		e.left, e.right = max(e.left, left), max(e.right, width-left)
		e.height += 2*forkGap + labels + high
	}
	return e
}

// fork measures the arms of an item: where its axis lies in their row, the row's width, each arm's axis in it, the height
// of the highest body with the gap above it, and that of the highest label.
func (d *drawing) fork(it *item) (axis, width float64, arms []float64, high, labels float64) {
	for i := range it.arms {
		a := &it.arms[i]
		_, w, h := labelSize(a.label)
		m := d.measure(a.body)
		left, right := max(m.left, w/2), max(m.right, w/2)
		if i > 0 {
			width += armGap
		}
		arms = append(arms, width+left)
		width += left + right
		labels = max(labels, h)
		if len(a.body) > 0 {
			high = max(high, m.height+forkGap)
		}
	}
	return (arms[0] + arms[len(arms)-1]) / 2, width, arms, high, labels
}

// place draws a block whose axis is at x, from y on; in are the ends of the lines that lead to it. It returns those that
// lead out of it, and where it ends.
func (d *drawing) place(list block, x, y float64, in []point) (out []point, bottom float64) {
	out = in
	for i := range list {
		it := &list[i]
		if i > 0 {
			y += stepGap
		}
		w, h := d.box(it.node)
		d.join(out, x, y)
		d.boxes = append(d.boxes, box{it.node, x - w/2, y, w, h})
		under := y + h
		switch {
		case it.loop != nil:
			out, under = d.placeLoop(it, x, y, h)
		case len(it.arms) > 0:
			out, under = d.placeArms(it, x, y, under)
		case it.ends:
			out = nil
		default:
			out = []point{{x, under}}
		}
		y = under
	}
	return out, y
}

func (d *drawing) placeArms(it *item, x, y, under float64) (out []point, bottom float64) {
	axis, _, arms, high, labels := d.fork(it)
	bar := under + forkGap
	body := bar + forkGap + labels // where the arms' boxes begin, less the gap
	for i := range it.arms {
		a := &it.arms[i]
		at := x - axis + arms[i]
		lines, w, h := labelSize(a.label)
		if a.back {
			// Down to its label, and from there back into the side of the box that is nearer.
			d.lines = append(d.lines, line{points: []point{{x, under}, {x, bar}, {at, bar}, {at, bar + forkGap}}, back: true})
			d.labels = append(d.labels, label{append([]string{"↺ " + lines[0]}, lines[1:]...), at, bar + forkGap, w + 14, h})
			continue
		}
		d.lines = append(d.lines, line{points: []point{{x, under}, {x, bar}, {at, bar}, {at, bar + forkGap}}})
		d.labels = append(d.labels, label{lines, at, bar + forkGap, w, h})
		from := point{at, bar + forkGap + h}
		ends, _ := d.place(a.body, at, body+forkGap, []point{from})
		out = append(out, ends...)
	}
	return out, body + high
}

func (d *drawing) placeLoop(it *item, x, y, h float64) (out []point, bottom float64) {
	m := d.measure(it.loop)
	w, _ := d.box(it.node)
	ends, bottom := d.place(it.loop, x, y+h+stepGap, []point{{x, y + h}})
	bottom += joinGap
	side := x - max(m.left, w/2) - loopMargin*0.7
	if len(ends) > 0 {
		for _, p := range ends {
			d.lines = append(d.lines, line{points: []point{p, {p.x, bottom}, {x, bottom}}})
		}
		d.lines = append(d.lines, line{points: []point{{x, bottom}, {side, bottom}, {side, y + h/2}, {x - w/2, y + h/2}}, arrow: true, back: true})
		out = []point{{x, bottom}}
	}
	return out, bottom
}

// join leads the ends of lines to the box whose upper edge has its middle at x, y.
func (d *drawing) join(in []point, x, y float64) {
	for _, p := range in {
		if p.x == x {
			d.lines = append(d.lines, line{points: []point{p, {x, y}}, arrow: true})
			continue
		}
		d.lines = append(d.lines, line{points: []point{p, {p.x, y - joinGap}, {x, y - joinGap}, {x, y}}, arrow: true})
	}
}
