package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"wend/engine/journey"
	"wend/engine/property"
)

func newTest(s streams) *cobra.Command {
	format := "text"
	cmd := &cobra.Command{
		Use:   "test DIR",
		Short: "Run the tests of a workspace's journeys",
		Long: `Test runs tests/*.yaml of the workspace in DIR, each against the journey that it names. A failing one shows what was expected
beside what came, and the trace. A property there ("never: more than 2 push in 24h") is tried on many made-up customers, always the
same ones; where one breaks it, the smallest that does is shown. At the end stand the steps and branches that no test reached.`,
		Example: "  wend test ./shop\n  wend test ./shop --format junit > tests.xml",
		Args:    oneWorkspace,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := known("--format", format, "text", "json", "junit"); err != nil {
				return err
			}
			w, err := goodWorkspace(args[0], s.err)
			if err != nil {
				return err
			}
			results, problems := journey.RunTests(w.source)
			if results == nil {
				return tell(problems, s.err)
			}
			properties, err := property.Run(w.source)
			if err != nil {
				return err
			}
			switch format {
			case "json":
				err = testJSON(results, properties, s.out)
			case "junit":
				err = testJUnit(results, properties, s.out)
			default:
				err = testText(results, properties, s.out)
			}
			if err == nil && (!results.Passed() || brokenProperties(properties) > 0) {
				err = errNotGood
			}
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "text, json or junit")
	return cmd
}

func testText(r *journey.TestResults, properties []property.Result, w io.Writer) error {
	var b strings.Builder
	failed := 0
	for _, t := range r.Tests {
		if t.Passed {
			fmt.Fprintf(&b, "ok    %s: %s\n", t.Journey, t.Name)
			continue
		}
		failed++
		fmt.Fprintf(&b, "FAIL  %s: %s (%s)\n%s", t.Journey, t.Name, t.Pos, sideBySide(&t))
	}
	for i := range properties {
		b.WriteString(propertyLine(&properties[i]))
	}
	for _, c := range r.Coverage {
		fmt.Fprintf(&b, "reached %d of %d steps and branches of %s\n", c.Reached, c.All, c.Journey)
		for _, m := range c.Missed {
			fmt.Fprintf(&b, "  not reached: %s %s\n", m.Pos, m.Place)
		}
	}
	failed += brokenProperties(properties)
	fmt.Fprintf(&b, "%d passed, %d failed\n", len(r.Tests)+len(properties)-failed, failed)
	_, err := io.WriteString(w, b.String())
	return err
}

// sideBySide is what a failing test shows.
func sideBySide(t *journey.TestResult) string {
	var b strings.Builder
	for _, f := range t.Failures {
		fmt.Fprintf(&b, "      %s\n", f)
	}
	if len(t.Lines) > 0 {
		width := len("expected")
		for _, l := range t.Lines {
			width = max(width, len([]rune(l.Expected)))
		}
		row := func(mark, expected, got string) {
			line := fmt.Sprintf("    %s %s%s   %s", mark, expected, strings.Repeat(" ", width-len([]rune(expected))), got)
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
		row(" ", "expected", "got")
		for _, l := range t.Lines {
			mark := " "
			if !l.Same {
				mark = "≠"
			}
			row(mark, l.Expected, l.Got)
		}
	}
	if len(t.Trace) > 0 {
		b.WriteString("      trace\n")
		for _, l := range t.Trace {
			fmt.Fprintf(&b, "        %s\n", l)
		}
	}
	return b.String()
}

func testJSON(r *journey.TestResults, properties []property.Result, w io.Writer) error {
	type place struct {
		File  string `json:"file"`
		Line  int    `json:"line"`
		Col   int    `json:"col"`
		Place string `json:"place,omitempty"`
	}
	type line struct {
		Expected string `json:"expected"`
		Got      string `json:"got"`
		Same     bool   `json:"same"`
	}
	type test struct {
		place
		Name     string   `json:"name"`
		Journey  string   `json:"journey"`
		Passed   bool     `json:"passed"`
		Failures []string `json:"failures,omitempty"`
		Lines    []line   `json:"lines"`
		Trace    []string `json:"trace,omitempty"`
	}
	type coverage struct {
		Journey string  `json:"journey"`
		Steps   int     `json:"steps"`
		Reached int     `json:"reached"`
		Missed  []place `json:"missed"`
	}
	out := struct {
		Passed     bool          `json:"passed"`
		Tests      []test        `json:"tests"`
		Properties []propertyRow `json:"properties"`
		Coverage   []coverage    `json:"coverage"`
	}{r.Passed() && brokenProperties(properties) == 0, []test{}, propertyRows(properties), []coverage{}}
	for _, t := range r.Tests {
		row := test{
			place: place{File: t.Pos.File, Line: t.Pos.Line, Col: t.Pos.Col}, Name: t.Name, Journey: t.Journey, Passed: t.Passed,
			Failures: t.Failures, Lines: []line{},
		}
		for _, l := range t.Lines {
			row.Lines = append(row.Lines, line(l))
		}
		if !t.Passed {
			row.Trace = t.Trace
		}
		out.Tests = append(out.Tests, row)
	}
	for _, c := range r.Coverage {
		row := coverage{c.Journey, c.All, c.Reached, []place{}}
		for _, m := range c.Missed {
			row.Missed = append(row.Missed, place{m.Pos.File, m.Pos.Line, m.Pos.Col, m.Place})
		}
		out.Coverage = append(out.Coverage, row)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func testJUnit(r *journey.TestResults, properties []property.Result, w io.Writer) error {
	type failure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testcase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		File    string   `xml:"file,attr"`
		Line    int      `xml:"line,attr"`
		Failure *failure `xml:"failure,omitempty"`
	}
	suite := struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Cases    []testcase `xml:"testcase"`
	}{Name: "journeys", Tests: len(r.Tests) + len(properties)}
	for _, t := range r.Tests {
		c := testcase{Name: t.Name, Class: t.Journey, File: t.Pos.File, Line: t.Pos.Line}
		if !t.Passed {
			suite.Failures++
			c.Failure = &failure{Message: strings.Join(t.Failures, "; "), Text: sideBySide(&t)}
		}
		suite.Cases = append(suite.Cases, c)
	}
	for i := range properties {
		p := &properties[i]
		c := testcase{Name: p.Property.Name, Class: "property", File: p.Property.File, Line: p.Property.Line}
		if p.Found != nil {
			suite.Failures++
			c.Failure = &failure{Message: "never " + p.Property.Never.Text + ": " + p.Found.Why, Text: propertyFailure(p)}
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(struct {
		XMLName xml.Name `xml:"testsuites"`
		Suite   any
	}{Suite: suite}); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
