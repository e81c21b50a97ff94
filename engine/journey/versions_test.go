package journey

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"wend/schemas"
)

var rewriteVersions = flag.Bool("rewrite-versions", false, "write what comes of each edit into docs/versions.md")

const versionsPage = "../../docs/versions.md"

// page is docs/versions.md: the journey, the edits and the positions that it speaks of, and what it says comes of each.
type page struct {
	lines   []string
	journey string
	tables  map[string][][]string // by heading
	ends    map[string]int        // the line behind each table
}

func readPage(t *testing.T) *page {
	t.Helper()
	text, err := os.ReadFile(versionsPage)
	if err != nil {
		t.Fatal(err)
	}
	p := &page{lines: strings.Split(string(text), "\n"), tables: map[string][][]string{}, ends: map[string]int{}}
	heading, code := "", false
	for i, line := range p.lines {
		switch {
		case strings.HasPrefix(line, "```"):
			code = line == "```yaml"
		case code:
			p.journey += line + "\n"
		case strings.HasPrefix(line, "## "):
			heading = line[3:]
		case strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "|--"):
			var cells []string
			for _, c := range strings.Split(strings.Trim(line, "|"), "|") {
				cells = append(cells, strings.TrimSpace(c))
			}
			p.tables[heading] = append(p.tables[heading], cells)
			p.ends[heading] = i + 1
		}
	}
	for name, rows := range p.tables {
		p.tables[name] = rows[1:] // the names of columns
	}
	return p
}

func code(cell string) string { return strings.Trim(cell, "`") }

// edit makes the journey's next version; "" where its file is gone.
func (p *page) edit(t *testing.T, name, update string) string {
	t.Helper()
	text := p.journey
	for _, row := range p.tables["Edits"] {
		if row[0] != name {
			continue
		}
		from, to := code(row[1]), code(row[2])
		switch {
		case from == "the file":
			return ""
		case from == "":
			continue
		case !strings.Contains(text, from):
			t.Fatalf("%s: the journey has no %s", name, from)
		}
		text = strings.Replace(text, from, to, 1)
	}
	if update == onUpdateFollow {
		return text + "on_update: follow\n"
	}
	start, end := strings.Index(text, "moves:"), 0
	if start >= 0 { // it needs follow
		end = start + strings.Index(text[start:], "\n") + 1
		text = text[:start] + text[end:]
	}
	return text + "on_update: " + update + "\n"
}

const versionsPolicies = `channels: {sms: {quiet: {from: "01:00", to: "09:00"}}}`

// versionsLater is what still happens to every customer behind the deploy.
const versionsLater = "4h answered, 50h paid, 60h refused"

func (p *page) load(t *testing.T, text string) *Workspace {
	t.Helper()
	if text == "" {
		text = nothingElse
	}
	ws, problems := LoadFiles(map[string][]byte{"journeys/a.yaml": []byte(text), "policies.yaml": []byte(versionsPolicies), "profile.yaml": []byte("attributes: {}")})
	if problems.Failed() {
		t.Fatalf("%s\n%v", text, problems)
	}
	return ws
}

// outcome plays a position, deploys the edit and plays on.
func (p *page) outcome(t *testing.T, position []string, edited string) string {
	t.Helper()
	first := p.load(t, p.journey)
	next := p.load(t, edited)
	release := func(deployed bool, status Status) *Program {
		r := &Release{Current: first, Versions: map[string]uint64{"offer": 1}, Status: map[string]Status{"offer": status}}
		if deployed {
			r.Current, r.Versions, r.Older, r.Deployed = next, map[string]uint64{}, olderOf(first, 1), caseTime(t, code(position[2]))
			for _, j := range next.Journeys {
				r.Versions[j.Name.Value] = 2
			}
		}
		prog, problems := CompileRelease(r)
		if prog == nil {
			t.Fatalf("%s\n%v", edited, problems)
		}
		return prog
	}
	doc := schemas.NewDocument()
	var out Effects
	out.Tracing = true
	deployed, status := false, Status{}
	program := release(deployed, status)
	state, told := "", []string{}
	step := func(in Input) {
		program.Step("c", doc, in, &out)
		doc = reread(t, doc)
		for _, d := range out.Decisions {
			at := " " + offset(d.Time-caseStart)
			switch {
			case !deployed:
			case d.Kind == DecidedSent:
				told = append(told, d.Action.Template+at)
			case d.Kind == DecidedGoal:
				told = append(told, "goal"+at)
			case d.Kind == DecidedExit && d.Reason != reasonCompleted:
				told = append(told, "exit "+d.Reason+at)
			}
		}
		out.Reset()
	}
	var what []string
	for _, x := range strings.Split(code(position[1])+", "+code(position[2])+" deploy, "+versionsLater, ", ") {
		at, _, _ := strings.Cut(x, " ")
		i, _ := slices.BinarySearchFunc(what, x, func(a, b string) int {
			a, _, _ = strings.Cut(a, " ")
			if caseTime(t, a) <= caseTime(t, at) {
				return -1
			}
			return 1
		})
		what = slices.Insert(what, i, x)
	}
	for i, x := range what {
		at, kind, _ := strings.Cut(x, " ")
		now := caseTime(t, at)
		if kind == "pause" || kind == "resume" || kind == "deploy" {
			// A change is obeyed behind all that was before it.
			for program.NextDue("c", doc) <= now {
				step(Input{Until: now})
			}
		}
		switch kind {
		case "deploy":
			deployed = true
			program = release(deployed, status)
			step(Input{Until: schemas.NoTime})
			state = stateOf(doc)
		case "pause", "resume":
			status = Status{Paused: kind == "pause"}
			if kind == "resume" {
				status.Resumed = now
			}
			program = release(deployed, status)
		default:
			step(Input{Event: &schemas.Event{ID: fmt.Sprint(i), Customer: "c", Type: kind, Time: now, Body: schemas.Fields{{Name: "k", Value: "k"}}}})
		}
	}
	for due := program.NextDue("c", doc); due != schemas.Never; due = program.NextDue("c", doc) {
		step(Input{Until: due})
	}
	if len(told) == 0 {
		return state
	}
	return strings.TrimPrefix(state+": "+strings.Join(told, ", "), ": ")
}

// stateOf says in which version an enrollment stands where, until when.
func stateOf(doc *schemas.Document) string {
	for i := range doc.Journeys.Len() {
		for _, en := range doc.Journeys.At(i).Running {
			return fmt.Sprintf("version %d, %s until %s", en.Version, en.Step, offset(en.Due-caseStart))
		}
	}
	return "outside"
}

// TestVersionsPage: what docs/versions.md says of every edit and every position of a customer is what comes of it.
func TestVersionsPage(t *testing.T) {
	p := readPage(t)
	var edits []string
	for _, row := range p.tables["Edits"] {
		if !slices.Contains(edits, row[0]) {
			edits = append(edits, row[0])
		}
	}
	positions := p.tables["Positions"]
	if len(edits) < 20 || len(positions) < 6 {
		t.Fatalf("%d edits, %d positions", len(edits), len(positions))
	}
	for i, position := range positions {
		for column, update := range map[int]string{3: onUpdatePin, 4: onUpdateExit} {
			for _, e := range edits {
				text := p.edit(t, e, update)
				got := p.outcome(t, position, text)
				// Who is pinned, or leaves, has nothing of what the edit says; who comes later has.
				if position[0] == "before" {
					continue
				}
				if strings.Contains(text, "journey: offer\n") || update == onUpdatePin {
					if want := code(position[column]); got != want && !*rewriteVersions {
						t.Errorf("%s, %s, %s: got %s, the page says %s", e, position[0], update, got, want)
					}
					positions[i][column] = "`" + got + "`"
				}
			}
		}
	}
	const heading = "With `follow`"
	want := map[string]string{}
	for _, row := range p.tables[heading] {
		want[row[0]+"|"+row[1]] = code(row[2])
	}
	var rows []string
	for _, e := range edits {
		for _, position := range positions {
			got := p.outcome(t, position, p.edit(t, e, onUpdateFollow))
			rows = append(rows, fmt.Sprintf("| %s | %s | `%s` |", e, position[0], got))
			says, there := want[e+"|"+position[0]]
			delete(want, e+"|"+position[0])
			switch {
			case *rewriteVersions:
			case !there:
				t.Errorf("the page says nothing of %s, %s: %s", e, position[0], got)
			case says != got:
				t.Errorf("%s, %s: got %s, the page says %s", e, position[0], got, says)
			}
		}
	}
	for row := range want {
		if !*rewriteVersions {
			t.Errorf("the page has a row for no edit and position: %s", row)
		}
	}
	if *rewriteVersions {
		p.rewrite(t, positions, heading, rows)
	}
}

func (p *page) rewrite(t *testing.T, positions [][]string, heading string, rows []string) {
	replace := func(at int, n int, with []string) {
		p.lines = slices.Replace(p.lines, at-n, at, with...)
	}
	replace(p.ends[heading], len(p.tables[heading]), rows) // the later one first
	var lines []string
	for _, row := range positions {
		lines = append(lines, "| "+strings.Join(row, " | ")+" |")
	}
	replace(p.ends["Positions"], len(positions), lines)
	if err := os.WriteFile(versionsPage, []byte(strings.Join(p.lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}
