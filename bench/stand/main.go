//go:build unix

package stand

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Main is what commands that hold the engine to something have in common: it reads the arguments, runs until it is through
// or interrupted, and ends the process where that was not good: with 1 and FAIL where something is not as promised (a
// Wrong), with 2 where it could not run. It returns when all was good.
func Main[O any](name string, parse func(args []string) (O, error), run func(context.Context, O) error) {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	} else if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, o)
	stop()
	var wrong *Wrong
	if errors.As(err, &wrong) {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	} else if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
}

// Pause waits for a while; the error is why the context ended before.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
