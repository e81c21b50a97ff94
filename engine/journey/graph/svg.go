package graph

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	fontSize, lineHeight   = 13.0, 17.0
	labelFont, labelHeight = 11.5, 14.0
	labelColumns           = 30 // characters of a label's line
	boxColumns             = 34 // characters of a box's line
	titleFont              = 17.0
)

// SVG gives the chart as a picture of its own, with no script, no external font and no link.
func (g *Graph) SVG() string {
	top := margin + titleFont + 14
	about := wrap(g.Description, 90)
	if g.Description == "" {
		about = nil
	}
	top += float64(len(about)) * lineHeight
	d := layout(g, top)
	width := d.right + margin
	width = max(width, textWidth(g.Journey, titleFont, true)+2*margin)
	for _, l := range about {
		width = max(width, textWidth(l, fontSize, false)+2*margin)
	}
	height := d.bottom + margin

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img" aria-label="%s" font-family="Helvetica, Arial, 'Liberation Sans', sans-serif" font-size="%s" fill="%s">`+"\n",
		px(width), px(height), px(width), px(height), xmlText(g.Journey), px(fontSize), ink)
	b.WriteString(`<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" fill="#64748b"/></marker></defs>` + "\n")
	fmt.Fprintf(&b, `<rect width="%s" height="%s" fill="#ffffff"/>`+"\n", px(width), px(height))
	fmt.Fprintf(&b, `<text x="%s" y="%s" font-size="%s" font-weight="bold">%s</text>`+"\n", px(margin), px(margin+titleFont-3), px(titleFont), xmlText(g.Journey))
	for i, l := range about {
		fmt.Fprintf(&b, `<text x="%s" y="%s" fill="#52606d">%s</text>`+"\n", px(margin), px(margin+titleFont+14+float64(i)*lineHeight), xmlText(l))
	}
	for i := range d.lines {
		d.lines[i].svg(&b)
	}
	for i := range d.labels {
		d.labels[i].svg(&b)
	}
	for i := range d.boxes {
		d.boxes[i].svg(&b, &g.Nodes[d.boxes[i].node])
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// svg draws a line with rounded corners.
func (l *line) svg(b *strings.Builder) {
	var path strings.Builder
	for i, p := range l.points {
		switch {
		case i == 0:
			fmt.Fprintf(&path, "M%s %s", px(p.x), px(p.y))
		case i == len(l.points)-1:
			fmt.Fprintf(&path, "L%s %s", px(p.x), px(p.y))
		default:
			before, after := toward(p, l.points[i-1]), toward(p, l.points[i+1])
			fmt.Fprintf(&path, "L%s %sQ%s %s %s %s", px(before.x), px(before.y), px(p.x), px(p.y), px(after.x), px(after.y))
		}
	}
	extra := ""
	if l.arrow {
		extra += ` marker-end="url(#arrow)"`
	}
	if l.back {
		extra += ` stroke-dasharray="5 4"`
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="#64748b" stroke-width="1.4"%s/>`+"\n", path.String(), extra)
}

// toward is the point where a corner at p begins to bend to q, which lies straight above, below or beside it.
func toward(p, q point) point {
	const radius = 7.0
	dx, dy := q.x-p.x, q.y-p.y
	length := max(dx, -dx) + max(dy, -dy)
	if length == 0 {
		return p
	}
	r := min(radius, length/2) / length
	return point{p.x + dx*r, p.y + dy*r}
}

func (l *label) svg(b *strings.Builder) {
	fmt.Fprintf(b, `<rect x="%s" y="%s" width="%s" height="%s" rx="4" fill="#ffffff"/>`+"\n", px(l.x-l.w/2), px(l.y), px(l.w), px(l.h))
	for i, text := range l.lines {
		fmt.Fprintf(b, `<text x="%s" y="%s" text-anchor="middle" font-size="%s" fill="#3e4c59">%s</text>`+"\n",
			px(l.x), px(l.y+float64(i)*labelHeight+labelFont), px(labelFont), xmlText(text))
	}
}

func (x *box) svg(b *strings.Builder, n *Node) {
	look, radius := looks[n.Kind], 6.0
	switch n.Kind {
	case Enter, Goal, Leave, End:
		radius = min(x.h/2, 18)
	}
	step := ""
	if n.Step != "" {
		step = ` data-step="` + xmlText(n.Step) + `"`
	}
	fmt.Fprintf(b, `<g class="%s"%s>`, n.Kind, step)
	if n.Step != "" {
		fmt.Fprintf(b, `<title>%s</title>`, xmlText(n.Step))
	}
	if n.Kind == Choice || n.Kind == Repeat {
		const cut = 10.0
		fmt.Fprintf(b, `<path d="M%s %sL%s %sL%s %sL%s %sL%s %sL%s %sz" fill="%s" stroke="%s" stroke-width="1.4"/>`,
			px(x.x-cut), px(x.y+x.h/2), px(x.x), px(x.y), px(x.x+x.w), px(x.y), px(x.x+x.w+cut), px(x.y+x.h/2), px(x.x+x.w), px(x.y+x.h), px(x.x), px(x.y+x.h), look.fill, look.line)
	} else {
		fmt.Fprintf(b, `<rect x="%s" y="%s" width="%s" height="%s" rx="%s" fill="%s" stroke="%s" stroke-width="1.4"/>`,
			px(x.x), px(x.y), px(x.w), px(x.h), px(radius), look.fill, look.line)
	}
	for i, l := range boxLines(n) {
		weight, fill := "", ""
		if i == 0 {
			weight = ` font-weight="bold"`
		} else if !l.first {
			fill = ` fill="#3e4c59"`
		}
		fmt.Fprintf(b, `<text x="%s" y="%s" text-anchor="middle"%s%s>%s</text>`,
			px(x.x+x.w/2), px(x.y+boxPadY+float64(i)*lineHeight+fontSize-1), weight, fill, xmlText(l.text))
	}
	b.WriteString("</g>\n")
}

type boxLine struct {
	text  string
	first bool // not the rest of a long line
}

// boxLines are a node's lines, the long ones broken.
func boxLines(n *Node) []boxLine {
	var out []boxLine
	for _, l := range n.Lines {
		for i, part := range wrap(l, boxColumns) {
			out = append(out, boxLine{part, i == 0})
		}
	}
	return out
}

// wrap breaks a text at spaces into lines of at most so many characters; a longer word is broken where it must be.
func wrap(text string, columns int) []string {
	var lines []string
	current := ""
	for _, word := range strings.Fields(text) {
		for {
			room := columns - len([]rune(current))
			if current != "" {
				room--
			}
			runes := []rune(word)
			if len(runes) <= room {
				if current != "" {
					current += " "
				}
				current += word
				break
			}
			if current != "" {
				lines, current = append(lines, current), ""
				continue
			}
			lines = append(lines, string(runes[:columns]))
			word = string(runes[columns:])
		}
	}
	if current != "" || len(lines) == 0 {
		lines = append(lines, current)
	}
	return lines
}

// px writes a length to a tenth of a pixel.
func px(x float64) string {
	return strconv.FormatFloat(float64(int64(x*10+0.5))/10, 'f', -1, 64)
}

var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// xmlText is text as XML holds it; what XML cannot hold is left out.
func xmlText(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0xfffe || r == 0xffff || r == 0xfffd {
			return -1
		}
		return r
	}, text)
	return xmlEscapes.Replace(text)
}

// helvetica is the width of the characters from space to ~ in thousandths of the font size.
var helvetica = [95]uint16{
	278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
	556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
	1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
	667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
	333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
	556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
}

// textWidth estimates how wide a text is; a little more rather than less, as the viewer's font may be another.
func textWidth(text string, size float64, bold bool) float64 {
	sum := 0.0
	for _, r := range text {
		switch {
		case r >= ' ' && r <= '~':
			sum += float64(helvetica[r-' '])
		case r < 0x1100:
			sum += 600
		default:
			sum += 1000 // wide scripts
		}
	}
	if bold {
		sum *= 1.06
	}
	return sum / 1000 * size * 1.06
}
