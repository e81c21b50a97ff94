package oracle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	engine "wend/engine/journey"
	"wend/schemas"
)

// bench runs cases through the engine, by the way that users take: files of a workspace and lines of a log.
type bench struct {
	dir     string
	almanac *almanac
}

// load gives the case's program, or what is wrong with its workspace.
func (b *bench) load(s *scenario) (*engine.Program, string) {
	for name, text := range map[string]string{"journeys/case.yaml": s.journeysYAML(), "profile.yaml": printYAML(s.profile), "policies.yaml": printYAML(s.policies)} {
		path := filepath.Join(b.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err.Error()
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err.Error()
		}
	}
	ws, problems := engine.Load(b.dir)
	p, more := engine.Compile(ws)
	if problems.Failed() || p == nil {
		return nil, fmt.Sprint(append(problems, more...))
	}
	return p, ""
}

// got is what the engine decides.
func got(p *engine.Program, s *scenario) (lines []string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the engine panics: %v", r)
		}
	}()
	until := s.until
	if until == forever {
		until = schemas.NoTime
	}
	sim, err := engine.SimulateLog(p, strings.NewReader(strings.Join(s.log, "\n")), engine.SimulateOptions{Until: until, Trace: true}, func(*schemas.Action) {}, func(int, string) {})
	if err != nil {
		return nil, err
	}
	return linesOf(sim.Trace())
}

// linesOf writes decisions as the oracle does.
func linesOf(trace []engine.Traced) (lines []string, err error) {
	for i := range trace {
		d := &trace[i]
		switch d.Kind.String() {
		case "sent":
			v, err := schemas.ParseJSON(d.Action.AppendJSON(nil))
			if err != nil {
				return nil, err
			}
			lines = append(lines, asJSON(v))
		case "goal":
			lines = append(lines, fmt.Sprintf("%s#%d goal", d.Journey, d.Enrollment))
		case "exit":
			lines = append(lines, fmt.Sprintf("%s#%d exit %s", d.Journey, d.Enrollment, d.Reason))
		case "entered":
			lines = append(lines, fmt.Sprintf("%s#%d entered", d.Journey, d.Enrollment))
		case "refused":
			lines = append(lines, fmt.Sprintf("%s refused %s", d.Journey, d.Reason))
		case "withheld", "stopped":
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s#%d %s %s %s", d.Journey, d.Enrollment, d.Kind, d.Step, d.Reason)))
		}
	}
	return lines, nil
}

// want is what the oracle decides; false when the case is none.
func (b *bench) want(s *scenario) (o *oracle, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if r != any(errTooMuch) && r != any(errTooLate) {
				panic(fmt.Sprintf("%v\n%s", r, s))
			}
			ok = false
		}
	}()
	o = newOracle(s, b.almanac)
	o.simulate(s.log, s.until, s.changes)
	return o, true
}

// verdict of one case.
type verdict struct {
	refused  string // by the loader
	none     bool   // it is no case
	differs  string
	compared *oracle
}

// prepare gives what runs a case through the engine. Without it the verdict says that the case does not load, or is none.
func (b *bench) prepare(s *scenario) (run func() ([]string, error), wrong verdict) {
	if len(s.changes) == 0 {
		p, refused := b.load(s)
		if refused != "" {
			return nil, verdict{refused: refused}
		}
		return func() ([]string, error) { return got(p, s) }, verdict{}
	}
	first, refused := newReleased(s, false)
	switch {
	case refused != "":
		return nil, verdict{refused: refused}
	case len(s.changes) == 0: // every deploy is refused
		return nil, verdict{none: true}
	}
	return func() ([]string, error) { return first.run(s) }, verdict{}
}

func (b *bench) judge(s *scenario) verdict {
	run, wrong := b.prepare(s)
	if run == nil {
		return wrong
	}
	o, ok := b.want(s)
	if !ok {
		return verdict{none: true}
	}
	lines, err := run()
	if err != nil {
		return verdict{differs: err.Error()}
	}
	i := differAt(lines, o.lines)
	if i < 0 {
		return verdict{compared: o}
	}
	have, expected := lineAt(lines, o.lines, i)
	var text strings.Builder
	fmt.Fprintf(&text, "line %d\nengine %s\noracle %s\nthe oracle's lines:\n", i+1, have, expected)
	for _, l := range o.lines[:min(len(o.lines), i+3)] {
		fmt.Fprintf(&text, "  %s %s %s\n", rfc3339(l.at, time.UTC), l.customer, l.text)
	}
	text.WriteString("the engine's:\n  " + strings.Join(lines[:min(len(lines), i+3)], "\n  ") + "\n")
	return verdict{differs: text.String(), compared: o}
}

// differAt is the first line that differs; -1: none does.
func differAt(lines []string, wanted []line) int {
	for i := range max(len(lines), len(wanted)) {
		if have, expected := lineAt(lines, wanted, i); have != expected {
			return i
		}
	}
	return -1
}

func lineAt(lines []string, wanted []line, i int) (have, expected string) {
	have, expected = "nothing more", "nothing more"
	if i < len(lines) {
		have = lines[i]
	}
	if i < len(wanted) {
		expected = wanted[i].text
	}
	return have, expected
}
