//go:build unix

package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"wend/bench/stand"
)

// stall starts a second engine, stops the first where it stands for longer than its session, waits until the second has
// published on every partition, and wakes the first. What the first had in hand then is refused by the journal, and what
// it publishes is what the second owes: the audit and JournalKept see whether that is so.
func (f *fire) stall(ctx context.Context, first *stand.Process) (*stand.Process, error) {
	m, err := f.NewMember(f.app, "b", 0)
	if err != nil {
		return nil, err
	}
	second, err := f.Start(m)
	if err != nil {
		return nil, err
	}
	if err := second.Ready(ctx, readyTimeout); err != nil {
		return nil, err
	}
	if err := f.pause(ctx, 5*time.Second); err != nil { // time for the group to share out the partitions
		return nil, err
	}
	if err := first.Signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	stopped := time.Now()
	awake := func() error { return first.Signal(syscall.SIGCONT) }
	if err := f.pause(ctx, stand.SessionTimeout/2); err != nil {
		return nil, stand.Together(err, awake())
	}
	taken := []int{} // partitions on which nobody publishes now: those of the first
	for p := range stand.Partitions {
		if f.watch.Count(p, stopped.Add(time.Second).UnixMilli(), time.Now().UnixMilli()) == 0 {
			taken = append(taken, p)
		}
	}
	beyond := stopped.Add(stand.SessionTimeout + time.Second)
	if err := f.pause(ctx, time.Until(beyond)); err != nil {
		return nil, stand.Together(err, awake())
	}
	ok := f.watch.Until(ctx, 30*time.Second, func() bool {
		for p := range stand.Partitions {
			if f.watch.Count(p, stopped.Add(time.Second).UnixMilli(), 1<<62) == 0 {
				return false
			}
		}
		return true
	})
	took := f.watch.AllSince(stopped.Add(time.Second)).Sub(stopped)
	if err := f.pause(ctx, 2*time.Second); err != nil {
		return nil, stand.Together(err, awake())
	}
	if err := awake(); err != nil {
		return nil, err
	}
	fmt.Printf("stall: stopped for %.1f s; the other published on its partitions %v, on all of them %.1f s after the stop\n", time.Since(stopped).Seconds(), taken, took.Seconds())
	if !ok {
		f.failed = append(f.failed, stand.Wrongf("the second engine did not take over within 30 s\n%s", second.Tail()))
	}
	if len(taken) == 0 {
		f.failed = append(f.failed, stand.Wrongf("the stopped engine owned nothing: this run shows nothing"))
	}
	return second, f.pause(ctx, 5*time.Second)
}
