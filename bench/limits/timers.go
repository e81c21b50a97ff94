//go:build unix

package main

import (
	"context"
	"fmt"
	"time"

	"wend/bench/figures"
	"wend/bench/stand"
	"wend/bench/workload"
)

// timers fills a cart for each of very many customers, so that all reminders are due in the same second, and buys
// beside that.
func timers(ctx context.Context, l *limits) error {
	start := time.Now()
	due := start.Add(l.await)
	rate := 40_000.0
	if _, err := l.during(ctx, fmt.Sprintf("%d carts filled", l.o.customers), func() error {
		_, err := l.load(ctx, rate, time.Duration(float64(l.o.customers)/rate*float64(time.Second)), func(i int) (string, workload.Kind, int64) {
			return fmt.Sprintf("cart%d", i), workload.AddToCart, start.UnixMilli() + int64(i%1000)
		})
		return err
	}); err != nil {
		return err
	}
	if left := time.Until(due); left < 15*time.Second {
		return fmt.Errorf("only %v are left before the reminders are due: the machine is too slow for %d customers", left, l.o.customers)
	}
	calm, err := l.during(ctx, "timers wait", func() error { return stand.Pause(ctx, time.Until(due.Add(-time.Second))) })
	if err != nil {
		return err
	}
	var last time.Time
	busy, err := l.during(ctx, "timers fire", func() (err error) {
		last, err = l.probe.reminded(ctx, l.o.customers, restTimeout)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("%d timers due in one second were all fired, and their actions at the consumer, %.1f s behind it; the probe's p99 meanwhile was %.1f × that of idle hours, %.1f × that before\n",
		l.o.customers, last.Sub(due).Seconds()-1, busy.p99/l.idle.p99, busy.p99/calm.p99)
	if l.o.check && busy.p99 > mostTimersP99*l.idle.p99 {
		l.wrong("the probe's p99 among the timers was %.1f × its idle value, more than %v", busy.p99/l.idle.p99, mostTimersP99)
	}
	return l.Measured(
		figures.Figure{Name: "limits/timers_fired_s", Value: last.Sub(due).Seconds() - 1, Unit: "s"},
		figures.Figure{Name: "limits/timers_p99_ratio", Value: busy.p99 / l.idle.p99, Unit: "×"},
		figures.Figure{Name: "limits/timers_resident_mb", Value: float64(l.memory.Load()) / 1e6, Unit: "MB"})
}
