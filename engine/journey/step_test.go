package journey

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"wend/schemas"
	"wend/schemas/yamlfile"
)

var rewriteStep = flag.Bool("rewrite-step", false, "write what Step decides into testdata/step")

// TestSentences runs the cases of testdata/step: each is named after a sentence of the language, and shows it.
//
//	=== the sentence
//	journeys (YAML documents)
//	--- profile          (optional)
//	--- policies         (optional)
//	--- events           TIME CUSTOMER TYPE [#ID] [name=JSON or text ...], or: until TIME
//	--- want             TIME CUSTOMER JOURNEY/KEY#NUMBER what
//
// Times are durations from the start. An event has its line's number in the case as id (e1, e2, …) unless it says #ID.
// An until line lets the clock pass; behind the last event time runs on to the end, unless `stop` is the last line.
func TestSentences(t *testing.T) {
	paths, err := filepath.Glob("testdata/step/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cases := strings.Split(string(text), "=== ")
		var out strings.Builder
		out.WriteString(cases[0])
		for _, c := range cases[1:] {
			name, rest, _ := strings.Cut(c, "\n")
			parts := caseParts(rest)
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txt")+"/"+name, func(t *testing.T) {
				got := runCase(t, parts)
				if !*rewriteStep && got != parts["want"] {
					t.Errorf("got:\n%swant:\n%s", got, parts["want"])
				}
				head, _, _ := strings.Cut(rest, "--- want\n")
				fmt.Fprintf(&out, "=== %s\n%s--- want\n%s\n", name, head, got)
			})
		}
		if *rewriteStep {
			if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func caseParts(text string) map[string]string {
	parts := map[string]string{}
	at := "journeys"
	for _, line := range strings.SplitAfter(text, "\n") {
		if name, ok := strings.CutPrefix(line, "--- "); ok {
			at = strings.TrimSpace(name)
			continue
		}
		parts[at] += line
	}
	parts["want"] = strings.TrimRight(parts["want"], "\n")
	if parts["want"] != "" {
		parts["want"] += "\n"
	}
	return parts
}

const caseStart = 1_767_225_600_000 // 2026-01-01T00:00:00Z

func compileText(t testing.TB, journeys, profile string, policies ...string) *Program {
	t.Helper()
	files := map[string]string{"journeys/all.yaml": journeys}
	if profile != "" {
		files["profile.yaml"] = profile
	}
	for _, text := range policies {
		files["policies.yaml"] = text
	}
	ws, problems := Load(workspace(t, files))
	p, more := Compile(ws)
	if problems = append(problems, more...); problems.Failed() || p == nil {
		t.Fatalf("the workspace has problems: %v", problems)
	}
	return p
}

func caseTime(t testing.TB, text string) int64 {
	t.Helper()
	ms, err := yamlfile.ParseDuration(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return caseStart + ms
}

func parseCaseEvent(t testing.TB, number int, line string) *schemas.Event {
	t.Helper()
	words := caseWords(line)
	if len(words) < 3 {
		t.Fatalf("no event: %q", line)
	}
	ev := &schemas.Event{ID: fmt.Sprintf("e%d", number), Time: caseTime(t, words[0]), Customer: words[1], Type: words[2]}
	var fields schemas.Fields
	for _, w := range words[3:] {
		if id, ok := strings.CutPrefix(w, "#"); ok {
			ev.ID = id
			continue
		}
		name, value, _ := strings.Cut(w, "=")
		v, err := schemas.ParseJSON([]byte(value))
		if err != nil {
			v = value
		}
		fields = fields.Set(name, v)
	}
	ev.Body = fields
	return ev
}

// caseWords splits at spaces that stand outside of JSON.
func caseWords(line string) []string {
	var words []string
	depth, quoted, from := 0, false, -1
	for i := 0; i <= len(line); i++ {
		if i == len(line) || line[i] == ' ' && depth == 0 && !quoted {
			if from >= 0 {
				words = append(words, line[from:i])
			}
			from = -1
			continue
		}
		if from < 0 {
			from = i
		}
		switch line[i] {
		case '"':
			quoted = !quoted
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
	}
	return words
}

func runCase(t *testing.T, parts map[string]string) string {
	p := compileText(t, parts["journeys"], parts["profile"], parts["policies"])
	docs := map[string]*schemas.Document{}
	var names []string
	var out Effects
	out.Tracing = true
	var all []Traced
	step := func(customer string, in Input) {
		doc := docs[customer]
		if doc == nil {
			doc = schemas.NewDocument()
			docs[customer] = doc
			names = append(names, customer)
			sort.Strings(names)
		}
		p.Step(customer, doc, in, &out)
		for i := range out.Decisions {
			all = append(all, Traced{customer, out.Decisions[i]})
		}
		out.Reset()
		docs[customer] = reread(t, doc)
	}
	run := true
	for i, line := range strings.Split(strings.TrimSpace(parts["events"]), "\n") {
		line, _, _ = strings.Cut(line, " //")
		switch until, isUntil := strings.CutPrefix(line, "until "); {
		case strings.TrimSpace(line) == "":
		case line == "stop":
			run = false
		case isUntil:
			for _, name := range names {
				step(name, Input{Until: caseTime(t, until)})
			}
		default:
			ev := parseCaseEvent(t, i+1, line)
			step(ev.Customer, Input{Event: ev})
		}
	}
	for _, name := range names {
		for n := 0; run; n++ {
			due := p.NextDue(name, docs[name])
			if due == schemas.Never {
				break
			}
			if n == 1000 {
				t.Fatal("timers do not come to an end")
			}
			step(name, Input{Until: due})
		}
	}
	var b strings.Builder
	for i := range all {
		b.WriteString(caseLine(&all[i]))
	}
	return b.String()
}

// reread is a document after the codec: what a case shows holds across restarts.
func reread(t interface{ Fatal(...any) }, doc *schemas.Document) *schemas.Document {
	again, err := schemas.NewDocumentReader().Read(doc.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func caseLine(d *Traced) string {
	var what string
	switch d.Kind {
	case DecidedSent, DecidedWithheld:
		a := d.Action
		what = fmt.Sprintf("%s %s %s", d.Kind, a.Channel, a.Template)
		if a.Step != a.Template {
			what += " as " + a.Step
		}
		if len(a.Params) > 0 {
			what += " " + string(schemas.AppendJSON(nil, a.Params.Map()))
		}
		if len(a.Variant) > 0 {
			what += " " + fmt.Sprint(a.Variant)
		}
		what += " <- " + a.Cause.EventID
		if a.ExpiresAt != 0 {
			what += " expires " + offset(a.ExpiresAt-caseStart)
		}
	case DecidedGoal, DecidedCut, DecidedLeftOut, DecidedProfile:
		what = d.Kind.String()
		if d.Detail != "" {
			what += " (" + d.Detail + ")"
		}
	case DecidedRefused:
		what = "refused " + d.Reason
	case DecidedStopped:
		what = "stopped " + d.Reason + " (" + d.Detail + ")"
	case DecidedDeferred:
		what = "deferred (" + d.Detail + ") until " + offset(d.Due-caseStart)
	case DecidedExit:
		if d.Reason == reasonCompleted {
			return ""
		}
		what = "exit " + d.Reason
	case DecidedDuplicate:
		what = "duplicate"
	default:
		return ""
	}
	who := d.Journey
	if d.Key != "" {
		who += "/" + d.Key
	}
	if d.Enrollment != 0 {
		who += fmt.Sprintf("#%d", d.Enrollment)
	}
	if who == "" {
		who = "-"
	}
	return fmt.Sprintf("%s %s %s %s\n", offset(d.Time-caseStart), d.Customer, who, what)
}

// TestActionJSON shows the action of the contract's page, but for its version.
func TestActionJSON(t *testing.T) {
	p := compileText(t, `
journey: cart-recovery
enter: {on: add_to_cart, key: event.cart_id}
steps:
  - split: {name: subject, arms: [{name: a, weight: 1}]}
  - wait: 30m
  - send: push
    template: cart-reminder
    with: {sku: "{{ enter.sku }}", name: "{{ profile.first_name }}"}
`, "attributes: {first_name: string}\nupdate: [{on: identify, set: event.traits}]")
	log := `{"event_id":"i","customer_id":"c123","type":"identify","ts":1767225500000,"traits":{"first_name":"Li"}}
{"event_id":"e-81","customer_id":"c123","type":"add_to_cart","ts":1767225600000,"cart_id":"k1","sku":"s1","price":30}
`
	want := `{"action_id":"cart-recovery/c123/k1/1/cart-reminder/1","journey":"cart-recovery","version":0,"step":"cart-reminder",` +
		`"customer_id":"c123","channel":"push","template":"cart-reminder","params":{"name":"Li","sku":"s1"},` +
		`"variant":{"subject":"a"},"cause":{"event_id":"e-81","type":"add_to_cart","ts":1767225600000},` +
		`"decided_at":1767227400000,"expires_at":null,"transactional":false}`
	var got [][]byte
	_, err := SimulateLog(p, strings.NewReader(log), SimulateOptions{Until: schemas.NoTime},
		func(a *schemas.Action) { got = append(got, a.AppendJSON(nil)) },
		func(line int, reason string) { t.Errorf("line %d: %s", line, reason) })
	if err != nil || len(got) != 1 {
		t.Fatalf("%d actions, %v", len(got), err)
	}
	var a, b any
	if json.Unmarshal(got[0], &a) != nil || json.Unmarshal([]byte(want), &b) != nil || fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("got  %s\nwant %s", got[0], want)
	}
	if !bytes.HasPrefix(got[0], []byte(want[:90])) {
		t.Errorf("key order: got %s", got[0])
	}
}
