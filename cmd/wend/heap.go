package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// What the heap may grow by between two collections: what the process allocates in roomTime, but no less than leastRoom bytes
// and no more than what is live.
const (
	roomTime  = 5 // seconds
	leastRoom = 32 << 20
	lookEvery = time.Second
)

// boundHeap has the heap grow by what the load needs, until ctx ends. Go by itself lets it grow to twice what is live. That
// is right for a process that catches up: collecting more often costs processor time, and less often saved none that could be
// measured. But one that then has little to do would keep twice the memory for long: it comes to no collection for minutes,
// and what is free goes back to the system only as far as the next collection is not expected to need it. Where the user
// set GOGC, that holds.
func boundHeap(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(samples)
	h := heap{allocated: samples[1].Value.Uint64(), percent: mostPercent}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(samples)
		before := h.percent
		calmed := h.look(samples[0].Value.Uint64(), samples[1].Value.Uint64())
		if h.percent != before {
			debug.SetGCPercent(h.percent) // it stops the world for a moment
		}
		if calmed {
			debug.FreeOSMemory()
		}
	}
}

// mostPercent is Go's default.
const mostPercent = 100

// heap is how a process allocates, looked at once a second.
type heap struct {
	allocated uint64 // bytes since the process began
	live      uint64 // bytes
	rate      uint64 // bytes a second; it rises at once, and falls slowly
	percent   int    // of what is live, by which the heap may grow
	loaded    bool   // rate was high and has not been low since
}

// look takes in what is live, in bytes, and what was allocated since the process began. True: there is little to do, and a load
// is over, or much of what was live no longer is; what that needed can be given back.
func (h *heap) look(live, allocated uint64) (calmed bool) {
	fell := live+2*leastRoom < h.live
	h.live = live
	h.rate, h.allocated = max(allocated-h.allocated, h.rate/4*3), allocated
	room := max(h.rate*roomTime, leastRoom)
	h.percent = mostPercent
	for ; h.percent > 1 && live/2 >= room; live /= 2 { // halves, so that it seldom changes
		h.percent /= 2
	}
	calmed = (h.loaded || fell) && room == leastRoom
	h.loaded = !calmed && (h.loaded || room >= 4*leastRoom)
	return calmed
}
