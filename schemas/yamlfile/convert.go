package yamlfile

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	quoteIt  = "put the expression in quotes"
	bangTrap = "YAML takes a leading ! for a tag: " + quoteIt
	commaCut = "YAML ends this text at the comma or bracket inside {…} or […]: " + quoteIt
	hashCut  = "YAML begins a comment at the ` #` in this text: " + quoteIt
	braceMap = "YAML takes {{ for a mapping: " + quoteIt + ", \"{{ … }}\""
)

// converter makes Nodes of the library's, whose own reading of scalars is YAML 1.1's in places.
type converter struct {
	*source
	ps     *Problems
	done   map[*yaml.Node]*Node // nil while in the making
	masked map[int]bool         // offsets of texts that were reported and written over
	merges int
	begin  int // the line from which the file is read, behind what an error cut short
}

func (c *converter) node(y *yaml.Node, level int) *Node {
	if y.Kind == yaml.AliasNode {
		return c.alias(y)
	}
	start := c.offset(y.Line, y.Column)
	n := &Node{Pos: c.pos(start), size: 1, depth: 1}
	c.done[y] = nil
	switch begin := c.skipAnchor(start); {
	case c.masked[begin]:
		n.TextPos, n.Kind = n.Pos, Bad
	case level >= maxDepth:
		c.bad(n, "more than %d levels are too many", maxDepth)
	case y.Style&yaml.TaggedStyle != 0, begin < len(c.data) && c.data[begin] == '!':
		c.bad(n, bangTrap)
	case y.Kind == yaml.ScalarNode:
		c.scalar(n, y, begin)
	case y.Kind == yaml.SequenceNode:
		c.list(n, y, level)
	case y.Kind == yaml.MappingNode:
		c.mapping(n, y, level, begin)
	default:
		c.bad(n, "a value of no kind that YAML has")
	}
	switch {
	case n.size > maxNodes:
		c.bad(n, "with its aliases this stands for more than %d values", maxNodes)
	case n.depth > maxDepth:
		c.bad(n, "with its aliases this has more than %d levels", maxDepth)
	}
	c.done[y] = n
	return n
}

func (c *converter) bad(n *Node, format string, args ...any) {
	c.ps.Errorf(n.Pos, format, args...)
	*n = Node{Pos: n.Pos, TextPos: n.Pos, Kind: Bad, size: 1, depth: 1}
}

func (c *converter) alias(y *yaml.Node) *Node {
	n, known := c.done[y.Alias]
	if known && n != nil {
		return n
	}
	n = &Node{Pos: c.pos(c.offset(y.Line, y.Column))}
	c.bad(n, "the alias *%s stands inside the value that it names", y.Value)
	return n
}

// skipAnchor returns the offset behind `&name` and the spaces after it.
func (c *converter) skipAnchor(at int) int {
	if at >= len(c.data) || c.data[at] != '&' {
		return at
	}
	for at < len(c.data) && !isSpace(c.data[at]) {
		at++
	}
	for at < len(c.data) && isSpace(c.data[at]) {
		at++
	}
	return at
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }

func (c *converter) scalar(n *Node, y *yaml.Node, begin int) {
	n.Kind, n.Text = String, y.Value
	switch {
	case y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		c.block(n, y, begin)
		return
	case y.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		begin++
	default:
		n.Plain = true
	}
	if n.Plain && n.Text == "" {
		begin = c.offset(y.Line, y.Column) // nothing stands behind an anchor
	}
	n.TextPos = c.pos(begin)
	if strings.HasPrefix(string(c.data[min(begin, len(c.data)):min(begin+len(n.Text), len(c.data))]), n.Text) &&
		!strings.ContainsAny(n.Text, "\r\n") {
		n.layout = verbatim
	} else {
		var quote byte
		if !n.Plain && begin <= len(c.data) {
			quote = c.data[begin-1]
		}
		n.pieces = c.pieces(n.Text, begin, quote)
	}
	if n.Plain && n.layout == verbatim && unclosed(n.Text) > 0 {
		after := c.line(n.TextPos.Line)[begin+len(n.Text)-c.lines[n.TextPos.Line-1]:]
		if spaces := len(after) - len(strings.TrimLeft(after, " \t")); spaces > 0 && strings.HasPrefix(after[spaces:], "#") {
			c.bad(n, hashCut)
			return
		}
	}
	if n.Plain && !n.resolve() {
		c.bad(n, "%s is no number that fits 64 bits: put it in quotes if it is meant as text", Quote(n.Text))
	}
}

// block finds where the text of a block scalar begins: on the line behind its header, at its indentation.
func (c *converter) block(n *Node, y *yaml.Node, begin int) {
	n.TextPos = c.pos(begin)
	header := n.TextPos.Line
	for line := header + 1; line <= len(c.lines); line++ {
		text := c.line(line)
		indent := len(text) - len(strings.TrimLeft(text, " "))
		if indent == len(text) {
			continue
		}
		// With an indentation indicator (|2) some of the spaces are the text's own.
		own := strings.TrimLeft(n.Text, "\n")
		own = own[:len(own)-len(strings.TrimLeft(own, " "))]
		n.TextPos = Pos{c.file, header + 1, max(indent-len(own), 0) + 1}
		break
	}
	if y.Style&yaml.LiteralStyle != 0 {
		n.layout = literal
		return
	}
	n.pieces = c.pieces(n.Text, c.offset(n.TextPos.Line, n.TextPos.Col), 0)
}

func (c *converter) list(n *Node, y *yaml.Node, level int) {
	n.Kind = List
	open := 0 // brackets that a text before left open
	for _, child := range y.Content {
		item := c.node(child, level+1)
		n.grow(item)
		if y.Style&yaml.FlowStyle != 0 && item.Kind == String && item.Plain {
			before := open
			open = max(open+unclosed(item.Text), 0)
			if before == 0 && open > 0 && child != y.Content[len(y.Content)-1] {
				c.bad(item, commaCut)
			} else if before > 0 {
				continue
			}
		}
		n.Items = append(n.Items, item)
	}
}

func (n *Node) grow(child *Node) {
	n.size = min(n.size+child.size, 2*maxNodes)
	n.depth = max(n.depth, child.depth+1)
}

func (c *converter) mapping(n *Node, y *yaml.Node, level, begin int) {
	n.Kind = Map
	flow := y.Style&yaml.FlowStyle != 0
	first := make(map[string]Pos, len(y.Content)/2)
	var merged []*Node
	open := 0 // brackets that the value before left open
	for i := 0; i+1 < len(y.Content); i += 2 {
		yk, yv := y.Content[i], y.Content[i+1]
		key := c.node(yk, level+1)
		if key.Kind == List || key.Kind == Map {
			if strings.HasPrefix(string(c.data[begin:min(begin+2, len(c.data))]), "{{") {
				c.bad(n, braceMap)
				return
			}
			c.bad(key, "a key is a text, not a list or a mapping: %s if it begins with a bracket", quoteIt)
		}
		alone := flow && yv.Kind == yaml.ScalarNode && yv.Value == "" && yv.Style == 0 && yv.Anchor == ""
		if open > 0 && alone {
			open = max(open+unclosed(key.Text), 0)
			continue // the rest of the value that was reported
		}
		value := c.node(yv, level+1)
		n.grow(value)
		open = 0
		if flow && value.Kind == String && value.Plain && c.restFollows(y.Content[i+2:]) {
			if open = max(unclosed(value.Text), 0); open > 0 {
				c.bad(value, commaCut)
			}
		}
		switch {
		case key.Kind == Bad:
			continue
		case key.Plain && key.Text == "<<" && yk.Kind == yaml.ScalarNode:
			merged = append(merged, c.sources(value)...)
			continue
		case key.Text == "":
			c.ps.Errorf(key.Pos, "a key is missing here")
			continue
		}
		if at, twice := first[key.Text]; twice {
			c.ps.Errorf(key.Pos, "the key %s stands here a second time: the first is at %d:%d", Quote(key.Text), at.Line, at.Col)
			continue
		}
		first[key.Text] = key.Pos
		if !strings.HasPrefix(key.Text, "x-") {
			n.Entries = append(n.Entries, Entry{Key: key.Text, KeyPos: key.Pos, Value: value, alone: alone})
		}
	}
	for _, from := range merged {
		if c.merges -= len(from.Entries); c.merges < 0 {
			c.bad(n, "the merges (<<) of this file bring more than %d keys", maxMerge)
			return
		}
		for _, e := range from.Entries {
			if _, own := first[e.Key]; !own {
				first[e.Key] = e.KeyPos
				n.Entries = append(n.Entries, e)
				n.grow(e.Value)
			}
		}
	}
}

// restFollows says whether the next key of a {…} has no value, as the rest of a text cut at its comma has none.
func (c *converter) restFollows(rest []*yaml.Node) bool {
	return len(rest) > 1 && rest[1].Kind == yaml.ScalarNode && rest[1].Value == "" && rest[1].Style == 0
}

// sources returns the mappings that `<<` names, of which the first that has a key counts.
func (c *converter) sources(value *Node) []*Node {
	list := []*Node{value}
	if value.Kind == List {
		list = value.Items
	}
	for _, n := range list {
		if n.Kind != Map {
			n.Wrong(c.ps, "a mapping, or a list of mappings, to merge (<<)")
			return nil
		}
	}
	return list
}

// unclosed counts the brackets that a text opens and does not close; less than 0 where it closes more. An unclosed
// double quote counts as a bracket.
func unclosed(text string) int {
	open := 0
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; ch {
		case '(', '[', '{':
			open++
		case ')', ']', '}':
			open--
		case '"', '\'':
			end := strings.IndexByte(text[i+1:], ch)
			if end >= 0 {
				i += end + 1
			} else if ch == '"' {
				return open + 1
			}
		}
	}
	return open
}
