package journey

import (
	"sort"
	"strconv"
	"strings"

	"wend/schemas/yamlfile"
)

// Property is a tests/*.yaml document that says what must never happen, whatever the customer does.
type Property struct {
	yamlfile.Pos
	Name    string
	Journey *Text // nil: all journeys together
	Never   Never
	Runs    int   // timelines tried
	Seed    int64 // of the first
}

// Never is what must not happen: more than Max actions within Window, or, with After, an action after an event.
type Never struct {
	Text     string
	Channel  string // "": any
	Template string // "": any
	Max      int
	Window   int64  // ms; exactly that far apart is not within it
	After    string // event type
}

const (
	propertyRuns = 500
	maxRuns      = 100_000
	wantNever    = `what must not happen: "more than 2 push in 24h", "more than 1 template coupon in 7d", "any send after unsubscribe"`
)

func (l *loader) property(doc *yamlfile.Node, journeys []string) {
	p := &parser{ps: &l.ps}
	m, ok := doc.AsMap(&l.ps, "a property")
	if !ok {
		return
	}
	out := &Property{Pos: doc.Pos, Runs: propertyRuns, Seed: 1}
	errors := countErrors(l.ps)
	if v := m.Need("property"); v != nil {
		out.Name, _ = v.AsText(&l.ps, "what must hold, in words")
	}
	if v := m.Get("journey"); v != nil {
		if t, ok := p.text(v, "a journey's name"); ok {
			out.Journey = &t
			if i := sort.SearchStrings(journeys, t.Value); (i == len(journeys) || journeys[i] != t.Value) && !l.blind {
				l.ps.Errorf(t.Pos, "no journey is called %s%s", yamlfile.Quote(t.Value), yamlfile.DidYouMean(t.Value, journeys))
			}
		}
	}
	if v := m.Need("never"); v != nil {
		if text, ok := v.AsText(&l.ps, wantNever); ok {
			if out.Never, ok = parseNever(text); !ok {
				v.Wrong(&l.ps, wantNever)
			}
		}
	}
	if v := m.Get("runs"); v != nil {
		n, _ := v.AsInt(&l.ps, "a whole number", 1, maxRuns)
		out.Runs = int(n)
	}
	if v := m.Get("seed"); v != nil {
		out.Seed, _ = v.AsInt(&l.ps, "a whole number", 0, 1<<53)
	}
	m.Done()
	if countErrors(l.ps) == errors {
		l.ws.Properties = append(l.ws.Properties, out)
	}
}

// parseNever reads `more than N WHAT in DURATION` and `any WHAT after TYPE`; WHAT is send, a channel, or template NAME.
func parseNever(text string) (n Never, ok bool) {
	n.Text = text
	words := strings.Fields(text)
	rest := words
	switch {
	case len(words) >= 6 && words[0] == "more" && words[1] == "than":
		max, err := strconv.Atoi(words[2])
		if err != nil || max < 0 || max > 1000 {
			return n, false
		}
		n.Max, rest = max, words[3:]
	case len(words) >= 4 && words[0] == "any":
		rest = words[1:]
	default:
		return n, false
	}
	switch {
	case rest[0] == "send" || rest[0] == "sends":
		rest = rest[1:]
	case rest[0] == "template" && len(rest) == 4:
		n.Template, rest = rest[1], rest[2:]
	default:
		n.Channel, rest = rest[0], rest[1:]
	}
	if len(rest) != 2 {
		return n, false
	}
	switch {
	case words[0] == "more" && rest[0] == "in":
		window, err := yamlfile.ParseDuration(rest[1])
		n.Window = window
		return n, err == nil && window > 0
	case words[0] == "any" && rest[0] == "after":
		n.After = rest[1]
		return n, true
	}
	return n, false
}
