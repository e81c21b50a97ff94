package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"wend/engine"
	"wend/engine/journey"
	"wend/schemas/yamlfile"
)

func newCheck(s streams) *cobra.Command {
	format := "text"
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Say what is wrong with a workspace",
		Long: `Check loads the workspace in DIR and prints every problem of it as file:line:col: error: what is wrong and what would be
right. Warnings never change the exit status: 0 when there is no error, 1 otherwise.`,
		Example: "  wend check ./shop\n  wend check ./shop --format json",
		Args:    oneWorkspace,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := known("--format", format, "text", "json"); err != nil {
				return err
			}
			if err := isDirectory(args[0]); err != nil {
				return err
			}
			_, problems := engine.CheckConfig(args[0])
			ws, more := journey.Load(args[0])
			problems = append(problems, more...)
			_, more, _ = journey.Check(ws)
			problems = append(problems, more...)
			problems.Sort()
			if format == "json" {
				return checkJSON(problems, s.out)
			}
			if err := tell(problems, s.out); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(s.err, "%s: no errors\n", args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "text or json")
	return cmd
}

func checkJSON(problems yamlfile.Problems, w io.Writer) error {
	type problem struct {
		File     string `json:"file"`
		Line     int    `json:"line"`
		Col      int    `json:"col"`
		Severity string `json:"severity"`
		Message  string `json:"message"`
	}
	rows := make([]problem, len(problems))
	for i, p := range problems {
		rows[i] = problem{p.File, p.Line, p.Col, p.Severity.String(), p.Message}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(struct {
		Good     bool      `json:"good"`
		Problems []problem `json:"problems"`
	}{!problems.Failed(), rows}); err != nil {
		return err
	}
	if problems.Failed() {
		return errNotGood
	}
	return nil
}
