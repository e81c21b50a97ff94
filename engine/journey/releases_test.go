package journey

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"wend/schemas"
)

var rewriteReleases = flag.Bool("rewrite-releases", false, "write what is decided into testdata/releases")

// releases plays deploys, pauses and resumptions as an engine does: each is obeyed behind all that was before it, and then
// every customer is looked at.
type releases struct {
	t        *testing.T
	files    map[string][]byte // beside journeys
	current  *Workspace
	numbers  map[string]uint64
	older    []OlderVersion
	deployed int64
	status   map[string]Status
	since    map[MomentTrigger]int64
	lazy     bool // nobody is looked at at a deploy, but when something next happens to them, or to the journeys

	p     *Program
	docs  map[string]*schemas.Document
	names []string
	out   Effects
	lines strings.Builder
}

func newReleases(t *testing.T, parts map[string]string) *releases {
	r := &releases{
		t: t, files: map[string][]byte{}, numbers: map[string]uint64{}, status: map[string]Status{}, since: map[MomentTrigger]int64{},
		docs: map[string]*schemas.Document{},
	}
	r.out.Tracing = true
	for _, name := range []string{"profile", "policies"} {
		if text := parts[name]; text != "" {
			r.files[name+".yaml"] = []byte(text)
		}
	}
	return r
}

// deploy puts journeys in force. Every version that there ever was stays known.
func (r *releases) deploy(journeys string, now int64) bool {
	r.t.Helper()
	r.files["journeys/all.yaml"] = []byte(journeys)
	ws, problems := LoadFiles(r.files)
	if problems.Failed() {
		r.t.Fatalf("%s\n%v", journeys, problems)
	}
	numbers, older := map[string]uint64{}, slices.Clone(r.older)
	for _, j := range ws.Journeys {
		name := j.Name.Value
		numbers[name] = 1
		for _, o := range r.older {
			if o.Journey.Name.Value == name {
				numbers[name] = max(numbers[name], o.Version+1)
			}
		}
	}
	if r.current != nil {
		for _, j := range r.current.Journeys {
			next := ws.journeyNamed(j.Name.Value)
			if next != nil && next.Hash() == j.Hash() {
				numbers[j.Name.Value] = r.numbers[j.Name.Value]
				continue
			}
			older = append(older, OlderVersion{j, r.numbers[j.Name.Value]})
			if next != nil {
				numbers[j.Name.Value] = r.numbers[j.Name.Value] + 1
			}
		}
	}
	p, problems := CompileRelease(&Release{Current: ws, Versions: numbers, Older: older, Status: r.status, Deployed: now})
	if p == nil {
		for _, x := range problems {
			fmt.Fprintf(&r.lines, "%s - refused: %s\n", offset(now-caseStart), x.Message)
		}
		return false
	}
	r.current, r.numbers, r.older, r.deployed = ws, numbers, older, now
	r.adopt(p, now)
	return true
}

func (ws *Workspace) journeyNamed(name string) *Journey {
	for _, j := range ws.Journeys {
		if j.Name.Value == name {
			return j
		}
	}
	return nil
}

func (r *releases) adopt(p *Program, now int64) {
	for _, m := range p.Moments() {
		if _, known := r.since[m]; !known {
			r.since[m] = now
			if r.p == nil {
				r.since[m] = schemas.NoTime
			}
		}
	}
	r.p = p
	for _, name := range r.names {
		if !r.lazy && p.Stale(r.docs[name]) {
			r.step(name, Input{Until: schemas.NoTime})
			if p.Stale(r.docs[name]) {
				r.t.Fatalf("%s is stale behind a Step", name)
			}
		}
	}
}

func (r *releases) step(customer string, in Input) {
	doc := r.docs[customer]
	if doc == nil {
		doc = schemas.NewDocument()
		r.docs[customer] = doc
		r.names = append(r.names, customer)
		sort.Strings(r.names)
	}
	for _, m := range r.p.Moments() {
		in.Since = append(in.Since, r.since[m])
	}
	r.p.Step(customer, doc, in, &r.out)
	for i := range r.out.Decisions {
		d := &r.out.Decisions[i]
		switch d.Kind {
		case DecidedUpdated, DecidedHeld:
			text := d.Detail
			if d.Kind == DecidedUpdated {
				text += ", " + d.Step + " until " + dueText(d.Due)
			}
			who := d.Journey
			if d.Key != "" {
				who += "/" + d.Key
			}
			fmt.Fprintf(&r.lines, "%s %s %s#%d %s (%s)\n", offset(d.Time-caseStart), customer, who, d.Enrollment, d.Kind, text)
		default:
			r.lines.WriteString(caseLine(&Traced{customer, *d}))
		}
	}
	r.out.Reset()
	r.docs[customer] = reread(r.t, doc)
}

func dueText(due int64) string {
	if due == schemas.Never {
		return "an event"
	}
	return offset(due - caseStart)
}

func (r *releases) until(now int64) {
	for _, name := range r.names {
		for r.p.Stale(r.docs[name]) || r.p.NextDue(name, r.docs[name]) <= now {
			r.step(name, Input{Until: now})
		}
	}
}

func (r *releases) play(parts map[string]string) string {
	r.t.Helper()
	if !r.deploy(parts["journeys"], caseStart) {
		r.t.Fatal(r.lines.String())
	}
	end := schemas.Never - 1
	for i, line := range strings.Split(strings.TrimSpace(parts["events"]), "\n") {
		line, _, _ = strings.Cut(line, " //")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if words[0] == "until" {
			end = int(caseTime(r.t, words[1]))
			continue
		}
		now := caseTime(r.t, words[0])
		switch words[1] {
		case "deploy":
			r.until(now)
			if text := parts["profile "+words[2]]; text != "" {
				r.files["profile.yaml"] = []byte(text)
			}
			r.deploy(parts["deploy "+words[2]], now)
		case "pause", "resume":
			r.until(now)
			s := Status{Paused: words[1] == "pause"}
			if !s.Paused {
				s.Resumed = now
				if len(words) > 3 {
					s.Spread = caseTime(r.t, words[3]) - caseStart
				}
			}
			r.status[words[2]] = s
			p, problems := CompileRelease(&Release{Current: r.current, Versions: r.numbers, Older: r.older, Status: r.status, Deployed: r.deployed})
			if p == nil {
				r.t.Fatal(problems)
			}
			r.adopt(p, now)
		default:
			ev := parseCaseEvent(r.t, i+1, line)
			r.step(ev.Customer, Input{Event: ev})
		}
	}
	for _, name := range r.names {
		if r.p.Stale(r.docs[name]) {
			r.step(name, Input{Until: schemas.NoTime})
		}
		for n := 0; r.p.NextDue(name, r.docs[name]) <= int64(end); n++ {
			if n == 1000 {
				r.t.Fatal("timers do not come to an end")
			}
			r.step(name, Input{Until: min(int64(end), r.p.NextDue(name, r.docs[name]))})
		}
	}
	return r.lines.String()
}

// TestReleases runs the cases of testdata/releases. They are written as those of TestSentences are, with lines
// `TIME deploy N` (the parts `deploy N` and, where there is one, `profile N`), `TIME pause JOURNEY` and `TIME resume JOURNEY [SPREAD]` among the events, and
// `until TIME` for where it ends. Each runs a second time with nobody looked at
// before something happens to them, or to the journeys.
func TestReleases(t *testing.T) {
	paths, err := filepath.Glob("testdata/releases/*.txt")
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
				got := newReleases(t, parts).play(parts)
				if !*rewriteReleases && got != parts["want"] {
					t.Errorf("got:\n%swant:\n%s", got, parts["want"])
				}
				lazy := newReleases(t, parts)
				lazy.lazy = true
				if again := lazy.play(parts); !*rewriteReleases && sortedLines(again) != sortedLines(got) {
					t.Errorf("lazily:\n%sat once:\n%s", again, got)
				}
				head, _, _ := strings.Cut(rest, "--- want\n")
				fmt.Fprintf(&out, "=== %s\n%s--- want\n%s\n", name, head, got)
			})
		}
		if *rewriteReleases {
			if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// sortedLines are a case's lines without their order, which among customers is that in which they were looked at.
func sortedLines(text string) string {
	lines := strings.Split(text, "\n")
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}
