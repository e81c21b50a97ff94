//go:build unix

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"wend/bench/stand"
)

// mostRevivals is how often a killed broker's start is tried.
const mostRevivals = 10

// brokers has one broker at a time die or stand still, the next only when every replica of everything is in sync again:
// more at once is what min.insync.replicas promises nothing for.
func (d *day) brokers(ctx, whole context.Context) {
	r := d.random(1)
	node := 0
	name := func() string { return fmt.Sprintf("broker %d", node) }
	faults := d.newDeck(r,
		card{"broker killed", func() {
			down := between(r, 0, 12*time.Second)
			d.fault("broker killed", name(), "down for %.1f s", down.Seconds())
			if err := d.Cluster.Kill(node); err != nil {
				d.wrong(err)
				return
			}
			_ = stand.Pause(ctx, down) // the end of the day cuts it short
			// On a busy machine a start may fail, or take longer than Revive waits (then the next one says that it runs):
			// whole is the judge.
			for try := 1; try <= mostRevivals; try++ {
				err := d.Cluster.Revive(whole, node)
				if err == nil {
					d.note(name(), "runs again")
					return
				}
				first, _, _ := strings.Cut(err.Error(), "\n")
				d.note(name(), "%s", first)
				if stand.Pause(whole, 2*time.Second) != nil {
					return
				}
			}
		}},
		card{"broker paused", func() {
			t := between(r, time.Second, 15*time.Second)
			d.fault("broker paused", name(), "for %.1f s", t.Seconds())
			if err := d.Cluster.Pause(node); err != nil {
				d.wrong(err)
				return
			}
			_ = stand.Pause(ctx, t)
			if err := d.Cluster.Resume(node); err != nil {
				d.wrong(err)
			}
			d.note(name(), "goes on")
		}},
	)
	for stand.Pause(ctx, between(r, 4*time.Second, 15*time.Second)) == nil {
		node = 1 + r.IntN(d.o.nodes)
		if !faults.draw() {
			return
		}
		if err := d.whole(whole); err != nil {
			d.wrong(err)
			return
		}
	}
}

// whole waits until each partition has all its replicas in sync, the brokers' own ones too.
func (d *day) whole(ctx context.Context) error {
	const timeout = 5 * time.Minute
	began := time.Now()
	for time.Since(began) < timeout {
		missing := 0
		topics, err := d.Admin.ListTopicsWithInternal(ctx)
		for _, t := range topics {
			for _, p := range t.Partitions {
				if p.Err != nil || p.Leader < 0 || len(p.ISR) < len(p.Replicas) {
					missing++
				}
			}
		}
		if err == nil && missing == 0 {
			return nil
		}
		if err := stand.Pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("some replicas are not in sync %v after the last thing done to a broker", timeout)
}
