//go:build unix

package main

import (
	"context"
	"fmt"
	"time"

	"wend/bench/proxy"
	"wend/bench/stand"
)

// network disturbs the engines' connections to one broker.
func (d *day) network(ctx context.Context, i int) {
	r, p, who := d.random(uint64(10+i)), d.Proxies[i], fmt.Sprintf("network %d", i+1)
	lasting := func(f proxy.Faults, t time.Duration) {
		p.Set(f)
		_ = stand.Pause(ctx, t) // the end of the day cuts it short
		p.Set(proxy.Faults{})
	}
	faults := d.newDeck(r,
		card{"answers lost", func() {
			every, t := 2+r.IntN(20), between(r, 5*time.Second, 20*time.Second)
			d.fault("answers lost", who, "one of %d to produce requests, for %.1f s", every, t.Seconds())
			lasting(proxy.Faults{Lose: every}, t)
		}},
		card{"slow", func() {
			delay, t := between(r, 5*time.Millisecond, 300*time.Millisecond), between(r, 5*time.Second, 20*time.Second)
			d.fault("slow", who, "each way %d ms, for %.1f s", delay.Milliseconds(), t.Seconds())
			lasting(proxy.Faults{Delay: delay}, t)
		}},
		card{"cut", func() {
			for n := 1 + r.IntN(4); n > 0; n-- {
				d.fault("cut", who, "")
				p.Cut()
				_ = stand.Pause(ctx, between(r, 50*time.Millisecond, 2*time.Second))
			}
		}},
		card{"held back", func() {
			t := between(r, 2*time.Second, 14*time.Second)
			end := "then all of it goes on its way"
			cut := r.IntN(2) == 0
			if cut {
				end = "then cut"
			}
			d.fault("held back", who, "for %.1f s, %s", t.Seconds(), end)
			p.Set(proxy.Faults{Hold: true})
			_ = stand.Pause(ctx, t)
			if cut {
				p.Cut()
			}
			p.Set(proxy.Faults{})
		}},
	)
	for stand.Pause(ctx, between(r, 3*time.Second, 20*time.Second)) == nil {
		if !faults.draw() {
			return
		}
	}
}
