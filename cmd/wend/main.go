// Command wend is the trigger engine and its tools: one file per command, which reads flags, wires the packages, and
// says how it went. What the commands do is in the packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(execute(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are where a command reads and writes: results to out, everything else to err.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// errNotGood ends a command with status 1: the thing asked about is not good, and what is wrong with it has been said.
var errNotGood = errors.New("not good")

// execute runs one command and gives its exit status: 0 good, 1 the thing asked about is not good, 2 wrong use, or it
// could not run.
func execute(args []string, s streams) int {
	ctx, stop := interruptible()
	defer stop()
	root := newRoot(s, args)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNotGood):
		return 1
	default:
		_, _ = fmt.Fprintln(s.err, "wend:", err)
		return 2
	}
}

// interruptible gives a context that ends with the first SIGINT or SIGTERM. One that comes a moment later
// kills the process as if nobody had listened; at once it is the same wish, sent to the process and to its group.
func interruptible() (context.Context, func()) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		time.Sleep(200 * time.Millisecond)
		stop()
	})
	return ctx, stop
}

func newRoot(s streams, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:   "wend",
		Short: "A trigger engine for customer journeys on Kafka",
		Long: `Wend reads events from a Kafka topic, runs customer journeys over them, and writes actions to other topics,
each exactly once.

Exit status: 0 good, 1 the thing asked about is not good (problems found, a test failed), 2 wrong use or it could not run.
Results go to stdout, everything else to stderr.`,
		Example: `  wend demo                                        everything in one process
  wend check ./shop                                is the workspace good?
  wend simulate ./shop --events events.jsonl       what would it send?
  wend run -C ./shop                               the engine`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.New("say what to do: `wend --help` lists the commands")
		},
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: see `%s --help`", err, cmd.CommandPath())
	})
	root.AddCommand(
		newBroker(s), newCheck(s), newDeliver(s, args), newDemo(s), newDeploy(s, args), newDiff(s), newForget(s, args), newDoctor(s, args), newExplain(s, args), newGraph(s), newJourneys(s, args), newPause(s, args), newResume(s, args), newRun(s, args), newSchema(s), newSimulate(s), newTest(s), newTopics(s, args), newVersion(s),
	)
	addLibraryCommands(root)
	return root
}

// addLibraryCommands makes the commands that the library would add later, and gives them what it leaves out: an example.
func addLibraryCommands(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Example = "  wend help simulate"
		case "completion":
			c.Example = "  wend completion bash > /etc/bash_completion.d/wend"
			for _, shell := range c.Commands() {
				shell.Example = "  wend completion " + shell.Name() + " --no-descriptions"
			}
		}
	}
}
