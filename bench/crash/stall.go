//go:build unix

package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// stall starts a second engine, stops the first where it stands for longer than its session, waits until the second has
// published on every partition, and wakes the first. What the first had in hand then is refused by the journal, and what
// it publishes is what the second owes: the audit and journalKept see whether that is so.
func (f *fire) stall(ctx context.Context, first *process) (*process, error) {
	m, err := f.workspace(f.app, "b", 0)
	if err != nil {
		return nil, err
	}
	second, err := f.start(m)
	if err != nil {
		return nil, err
	}
	if err := second.ready(ctx, readyTimeout); err != nil {
		return nil, err
	}
	if err := f.pause(ctx, 5*time.Second); err != nil { // time for the group to share out the partitions
		return nil, err
	}
	if err := first.signal(syscall.SIGSTOP); err != nil {
		return nil, err
	}
	stopped := time.Now()
	awake := func() error { return first.signal(syscall.SIGCONT) }
	if err := f.pause(ctx, sessionTimeout/2); err != nil {
		return nil, together([]error{err, awake()})
	}
	taken := []int{} // partitions on which nobody publishes now: those of the first
	f.watch.mu.Lock()
	for p := range partitions {
		if f.watch.count(p, stopped.Add(time.Second).UnixMilli(), time.Now().UnixMilli()) == 0 {
			taken = append(taken, p)
		}
	}
	f.watch.mu.Unlock()
	beyond := stopped.Add(sessionTimeout + time.Second)
	if err := f.pause(ctx, time.Until(beyond)); err != nil {
		return nil, together([]error{err, awake()})
	}
	ok := f.watch.until(ctx, 30*time.Second, func() bool {
		for p := range partitions {
			if f.watch.count(p, stopped.Add(time.Second).UnixMilli(), 1<<62) == 0 {
				return false
			}
		}
		return true
	})
	took := f.watch.allSince(stopped.Add(time.Second)).Sub(stopped)
	if err := f.pause(ctx, 2*time.Second); err != nil {
		return nil, together([]error{err, awake()})
	}
	if err := awake(); err != nil {
		return nil, err
	}
	fmt.Printf("stall: stopped for %.1f s; the other published on its partitions %v, on all of them %.1f s after the stop\n", time.Since(stopped).Seconds(), taken, took.Seconds())
	if !ok {
		f.failed = append(f.failed, wrongf("the second engine did not take over within 30 s\n%s", second.tail()))
	}
	if len(taken) == 0 {
		f.failed = append(f.failed, wrongf("the stopped engine owned nothing: this run shows nothing"))
	}
	return second, f.pause(ctx, 5*time.Second)
}
