package main

import "testing"

func TestHeap(t *testing.T) {
	const mib = 1 << 20
	type second struct {
		live, allocates uint64 // MiB
		percent         int
		calmed          bool
	}
	for name, seconds := range map[string][]second{
		"little is live":              {{30, 1, 100, false}, {30, 0, 100, false}},
		"idle with much that is live": {{300, 1, 12, false}, {300, 1, 12, false}},
		"much to do":                  {{300, 100, 100, false}, {600, 100, 100, false}},
		"a load that ends": {
			{400, 20, 25, false}, {400, 40, 50, false}, {400, 1, 50, false}, {400, 1, 50, false}, {400, 1, 25, false}, {400, 1, 25, false},
			{400, 1, 12, false}, {400, 1, 12, false}, {400, 1, 12, true}, {400, 1, 12, false},
		},
		"what a load left is let go": {{400, 1, 12, false}, {380, 1, 12, false}, {100, 1, 50, true}, {90, 1, 50, false}},
		"much is let go under load":  {{400, 100, 100, false}, {100, 100, 100, false}},
		"a small load that ends":     {{400, 20, 25, false}, {400, 1, 25, false}, {400, 1, 25, false}, {400, 1, 12, false}, {400, 1, 12, false}},
	} {
		t.Run(name, func(t *testing.T) {
			h := heap{allocated: 7 * mib, percent: mostPercent}
			sum := uint64(7)
			for i, s := range seconds {
				sum += s.allocates
				if calmed := h.look(s.live*mib, sum*mib); h.percent != s.percent || calmed != s.calmed {
					t.Errorf("second %d: %d %%, calmed %v; want %d, %v (%d bytes a second)", i, h.percent, calmed, s.percent, s.calmed, h.rate)
				}
			}
		})
	}
}
