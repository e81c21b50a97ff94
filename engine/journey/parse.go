package journey

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"wend/engine/journey/expr"
	"wend/schemas/yamlfile"
)

// made says whether a text is not empty and made of the ranges of characters, given as pairs.
func made(text, ranges string) bool {
	for i := 0; i < len(text); i++ {
		in := false
		for r := 0; r+1 < len(ranges); r += 2 {
			in = in || text[i] >= ranges[r] && text[i] <= ranges[r+1]
		}
		if !in {
			return false
		}
	}
	return text != ""
}

// isName is for what expressions call by name.
func isName(text string) bool { return made(text, "az09__") && made(text[:1], "az") }

// isLabel is for what stands in the name of a topic or in the variant of an action.
func isLabel(text string) bool {
	return made(text, "azAZ09__--..") && made(text[:1], "azAZ09__--") && len(text) <= 100
}

// parser makes the tree of one document. A method that reads a part returns what it could read, and false or nil when
// a problem of it was added.
type parser struct {
	ps       *yamlfile.Problems
	journey  *Journey
	ids      map[string]yamlfile.Pos // of steps: own ids, and the templates of sends without one
	sends    []string                // ids
	ofs      []Text                  // the sends that triggers name
	lostSend bool                    // one that can't be read: its id may be what an `of` names
	noWait   string                  // what the steps at hand stand in, when they may not wait
}

func parseJourney(n *yamlfile.Node, ps *yamlfile.Problems) *Journey {
	p := &parser{ps: ps, ids: make(map[string]yamlfile.Pos)}
	errors := countErrors(*ps)
	m, ok := n.AsMap(ps, "a journey")
	if !ok {
		return nil
	}
	j := &Journey{Rollout: 1, OnUpdate: onUpdatePin, Enter: &Enter{Trigger: Trigger{Pos: n.Pos}}}
	j.Name.Pos = n.Pos
	p.journey = j
	if v := m.Need("journey"); v != nil {
		if t, ok := p.text(v, "a journey's name"); ok {
			j.Name = t
			if !made(t.Value, "az09--") {
				ps.Errorf(t.Pos, "a journey's name is made of a-z, 0-9 and -, found %s", yamlfile.Quote(t.Value))
			}
		}
	}
	if v := m.Get("description"); v != nil {
		j.Description, _ = v.AsText(ps, "a description")
	}
	if v := m.Get("priority"); v != nil {
		j.Priority, _ = v.AsInt(ps, "a whole number", math.MinInt64, math.MaxInt64)
	}
	if v := m.Get("timezone"); v != nil {
		j.Timezone = p.zone(v)
	}
	if v := m.Get("rollout"); v != nil {
		j.Rollout = p.share(v)
	}
	if v := m.Get("holdout"); v != nil {
		j.Holdout = p.share(v)
	}
	if v := m.Need("enter"); v != nil {
		p.enter(v)
	}
	if v := m.Get("goal"); v != nil {
		j.Goal = p.trigger(v, inGoal, "goal")
	}
	if v := m.Get("exit"); v != nil {
		for i, item := range list(v, ps, "a list of exits, each `- on: TYPE`") {
			if t := p.trigger(item, inExit, place("exit", i)); t != nil {
				j.Exits = append(j.Exits, t)
			}
		}
	}
	if v := m.Need("steps"); v != nil {
		if _, ok := v.AsList(ps, "a list of steps"); ok {
			j.Steps = p.steps(v, "steps", "")
		}
	}
	if v := m.Get("on_update"); v != nil {
		if s, ok := v.AsOneOf(ps, onUpdatePin, onUpdateFollow, onUpdateExit); ok {
			j.OnUpdate = s
		} else {
			j.OnUpdate = ""
		}
	}
	if v := m.Get("moves"); v != nil {
		p.moves(v)
	}
	m.Done()
	p.checkOfs()
	if j.OnUpdate == onUpdateFollow {
		p.checkOwnIDs(j.Steps)
	}
	p.checkMoves()
	j.Broken, j.LostSend = countErrors(*ps) > errors, p.lostSend
	return j
}

func countErrors(ps yamlfile.Problems) int {
	n := 0
	for _, p := range ps {
		if p.Severity == yamlfile.Error {
			n++
		}
	}
	return n
}

// checkOfs finds the `of` that name no send of the journey.
func (p *parser) checkOfs() {
	if p.lostSend {
		return
	}
	for _, of := range p.ofs {
		if !slices.Contains(p.sends, of.Value) {
			hint := yamlfile.DidYouMean(of.Value, p.sends)
			if hint == "" {
				hint = ": of is the id of a send, or else its template"
			}
			p.ps.Errorf(of.Pos, "no send of this journey has the id %s%s", yamlfile.Quote(of.Value), hint)
		}
	}
}

func place(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// text reads a text that is not empty.
func (p *parser) text(n *yamlfile.Node, want string) (Text, bool) {
	s, ok := n.AsText(p.ps, want)
	return Text{n.TextPos, s, n}, ok
}

// label reads a text that is fit for a topic's name.
func (p *parser) label(n *yamlfile.Node, want string) (Text, bool) {
	t, ok := p.text(n, want)
	if ok && !isLabel(t.Value) {
		p.ps.Errorf(t.Pos, "expected %s of at most 100 letters, digits, `_`, `-` and `.`, found %s", want, yamlfile.Quote(t.Value))
		return t, false
	}
	return t, ok
}

// texts reads a list of texts.
func (p *parser) texts(n *yamlfile.Node, want, each string) (all []Text) {
	items, _ := n.AsList(p.ps, want)
	for _, item := range items {
		if t, ok := p.text(item, each); ok {
			all = append(all, t)
		}
	}
	return all
}

// condition reads a bare expression. `true` and `false` are expressions too.
func (p *parser) condition(n *yamlfile.Node) *Text {
	if n.Kind == yamlfile.Bool {
		return &Text{n.TextPos, strconv.FormatBool(n.Bool), n}
	}
	return p.expression(n, "a condition like event.price >= 20")
}

func (p *parser) expression(n *yamlfile.Node, want string) *Text {
	t, ok := p.text(n, want)
	if !ok {
		return nil
	}
	if strings.HasPrefix(strings.TrimSpace(t.Value), "{{") {
		p.ps.Errorf(t.Pos, "here an expression stands bare: take away the {{ }}")
		return nil
	}
	return &t
}

// share reads a percentage and returns it as a part of 1.
func (p *parser) share(n *yamlfile.Node) float64 {
	const want = "a share like 20%, from 0% to 100%"
	number, ok := strings.CutSuffix(n.Text, "%")
	if n.Kind != yamlfile.String || !ok || number == "" || strings.Trim(number, "0123456789.") != "" {
		n.Wrong(p.ps, want)
		return 0
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f > 100 {
		n.Wrong(p.ps, want)
		return 0
	}
	return f / 100
}

func (p *parser) zone(n *yamlfile.Node) *Text {
	t, ok := p.text(n, "a time zone like Europe/Berlin")
	if !ok {
		return nil
	}
	if _, ok := expr.LoadZone(t.Value); !ok {
		p.ps.Errorf(t.Pos, "no time zone is called %s: give a name of the tz database like Europe/Berlin", yamlfile.Quote(t.Value))
		return nil
	}
	return &t
}

// assigns reads `{name: value, …}`. Under set a null removes: its Value is nil.
func (p *parser) assigns(n *yamlfile.Node, want string, set bool) (all []Assign) {
	if len(n.Entries) == 0 {
		n.Wrong(p.ps, want)
		return nil
	}
	for i := range n.Entries {
		e := &n.Entries[i]
		a := Assign{Name: Text{Pos: e.KeyPos, Value: e.Key}, Value: p.value(e.Value)}
		if set {
			if !isName(e.Key) {
				p.ps.Errorf(e.KeyPos, "an attribute's name is made of a-z, 0-9 and _ and begins with a letter, found %s", yamlfile.Quote(e.Key))
				continue
			}
			if e.Value.Kind == yamlfile.Null {
				a.Value = nil
			}
		}
		all = append(all, a)
	}
	return all
}

// value takes any value as it is. What can't be read has been reported and is a null.
func (p *parser) value(n *yamlfile.Node) *Value {
	v := &Value{Pos: n.Pos}
	switch n.Kind {
	case yamlfile.String:
		v.Kind, v.Text = TextValue, &Text{n.TextPos, n.Text, n}
	case yamlfile.List:
		v.Kind, v.List = ListValue, make([]*Value, len(n.Items))
		for i, item := range n.Items {
			v.List[i] = p.value(item)
		}
	case yamlfile.Map:
		v.Kind, v.Map = MapValue, make([]Assign, len(n.Entries))
		for i, e := range n.Entries {
			v.Map[i] = Assign{Name: Text{Pos: e.KeyPos, Value: e.Key}, Value: p.value(e.Value)}
		}
	default:
		v.Scalar = n.Value()
	}
	return v
}
