package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"wend/engine"
	"wend/engine/journey"
	"wend/schemas/yamlfile"
)

// isDirectory is an error with advice where there is none.
func isDirectory(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("the workspace: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("the workspace: %s is a file: name the directory that holds journeys/", dir)
	}
	return nil
}

// oneWorkspace wants exactly one argument: the directory.
func oneWorkspace(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one workspace: wend %s", cmd.Use)
	}
	return nil
}

// workspace is a directory read and compiled.
type workspace struct {
	source  *journey.Workspace
	program *journey.Program // nil when a problem is an error
	config  engine.Config
}

// readWorkspace reads all that a directory says, with every problem of it.
func readWorkspace(dir string) (workspace, yamlfile.Problems, error) {
	if err := isDirectory(dir); err != nil {
		return workspace{}, nil, err
	}
	cfg, problems := engine.CheckConfig(dir)
	w, problems := compile(dir, cfg, problems)
	return w, problems, nil
}

// compile reads the journeys beside a configuration, whose problems are added to theirs.
func compile(dir string, cfg engine.Config, problems yamlfile.Problems) (workspace, yamlfile.Problems) {
	w := workspace{config: cfg}
	var more yamlfile.Problems
	w.source, more = journey.Load(dir)
	problems = append(problems, more...)
	w.program, more = journey.Compile(w.source)
	problems = append(problems, more...)
	problems.Sort()
	return w, problems
}

// runnable is goodWorkspace for what runs on a cluster: its configuration is complete, with what flags and variables say.
func runnable(cmd *cobra.Command, dir string, args []string, told io.Writer) (workspace, error) {
	if err := isDirectory(dir); err != nil {
		return workspace{}, err
	}
	cfg, problems := loadConfig(cmd, dir, args)
	w, problems := compile(dir, cfg, problems)
	return w, tell(problems, told)
}

// goodWorkspace is readWorkspace for those who cannot go on with a broken one: every problem is told.
func goodWorkspace(dir string, told io.Writer) (workspace, error) {
	w, problems, err := readWorkspace(dir)
	if err != nil {
		return w, err
	}
	return w, tell(problems, told)
}

// replayable is goodWorkspace for what reads a log: the form of its events is what flags and variables say, too.
func replayable(cmd *cobra.Command, dir string, args []string, told io.Writer) (workspace, error) {
	if err := isDirectory(dir); err != nil {
		return workspace{}, err
	}
	cfg, problems := engine.OfflineConfig(dir, os.Environ(), settings(cmd, args))
	w, problems := compile(dir, cfg, problems)
	return w, tell(problems, told)
}

// tell prints the problems; errNotGood when there is an error among them.
func tell(problems yamlfile.Problems, w io.Writer) error {
	for _, p := range problems {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	if problems.Failed() {
		return errNotGood
	}
	return nil
}
