package graph

import (
	"fmt"
	"strings"
)

// Mermaid gives the chart as a Mermaid flowchart, which Markdown viewers draw.
func (g *Graph) Mermaid() string {
	escape := strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "\n", " ", "`", "#96;")
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	for i, n := range g.Nodes {
		lines := make([]string, len(n.Lines))
		for k, l := range n.Lines {
			lines[k] = escape.Replace(l)
		}
		open, shut := mermaidShape(n.Kind)
		fmt.Fprintf(&b, "  n%d%s\"%s\"%s:::%s\n", i, open, strings.Join(lines, "<br/>"), shut, n.Kind)
	}
	for _, e := range g.Edges {
		line := "-->"
		if e.Back {
			line = "-.->"
		}
		if e.Label != "" {
			line += `|"` + escape.Replace(e.Label) + `"|`
		}
		fmt.Fprintf(&b, "  n%d %s n%d\n", e.From, line, e.To)
	}
	for k := range kindNames {
		l := looks[k]
		fmt.Fprintf(&b, "  classDef %s fill:%s,stroke:%s,color:%s\n", kindNames[k], l.fill, l.line, ink)
	}
	return b.String()
}

func mermaidShape(k Kind) (open, shut string) {
	switch k {
	case Choice, Repeat:
		return "{{", "}}"
	case Enter, Goal, Leave, End:
		return "([", "])"
	case Wait:
		return "(", ")"
	}
	return "[", "]"
}

// DOT gives the chart in the language of Graphviz.
func (g *Graph) DOT() string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ")
	quote := func(text string) string { return `"` + escape.Replace(text) + `"` }
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n", quote(g.Journey))
	b.WriteString("  node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica\", fontsize=11]\n  edge [fontname=\"Helvetica\", fontsize=10]\n")
	for i, n := range g.Nodes {
		lines := make([]string, len(n.Lines))
		for k, l := range n.Lines {
			lines[k] = escape.Replace(l)
		}
		fmt.Fprintf(&b, "  n%d [label=\"%s\", fillcolor=%q, color=%q%s]\n", i, strings.Join(lines, `\n`), looks[n.Kind].fill, looks[n.Kind].line, dotShape(n.Kind))
	}
	for _, e := range g.Edges {
		style := ""
		if e.Back {
			style = ", style=dashed, constraint=false"
		}
		fmt.Fprintf(&b, "  n%d -> n%d [label=%s%s]\n", e.From, e.To, quote(e.Label), style)
	}
	b.WriteString("}\n")
	return b.String()
}

func dotShape(k Kind) string {
	switch k {
	case Choice, Repeat:
		return ", shape=hexagon, style=filled"
	case Enter, Goal, Leave, End:
		return ", shape=ellipse, style=filled"
	}
	return ""
}

// look is a kind's colours, light enough for dark text.
type look struct{ fill, line string }

const ink = "#1f2933"

var looks = [len(kindNames)]look{
	Enter:  {"#dff3e4", "#2f855a"},
	Goal:   {"#dff3e4", "#2f855a"},
	Leave:  {"#fde8e8", "#c05656"},
	Wait:   {"#fff4d6", "#b7791f"},
	Choice: {"#ece6fa", "#6b46c1"},
	Send:   {"#dcebfb", "#2b6cb0"},
	Change: {"#eef1f4", "#64748b"},
	Repeat: {"#ece6fa", "#6b46c1"},
	End:    {"#f3f4f6", "#475569"},
}
