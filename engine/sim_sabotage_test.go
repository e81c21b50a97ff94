package engine

import "testing"

// sabotageAppend does what an owner without a protection would do when a unit goes to the journal.
func (s *sim) sabotageAppend(o *simOwner) {
	u := o.shard.flying
	if u == nil || u.tries > 1 {
		return
	}
	switch s.broken {
	case "view first": // the view does not wait for the acknowledgement
		b := o.shard.view.NewBatch()
		for i := range u.documents {
			b.PutDocument(u.documents[i].entry.customer, u.documents[i].bytes)
		}
		if err := o.shard.view.Apply(b); err != nil {
			s.fail("%w", err)
		}
		b.Close()
	case "publish first": // nor do the actions
		for _, ab := range u.actions {
			s.broker.produce(ab.lane.TopicPartition, ab.bytes)
		}
	}
}

// sabotagePass takes away what an owner should have remembered.
func (s *sim) sabotagePass(o *simOwner) {
	if o.shard.pub == nil || o.shard.phase != phaseRunning {
		return
	}
	t := &o.shard.timers
	switch s.broken {
	case "cursor": // an insert below the cursor does not move it back
		if t.cursor != t.far {
			t.cursor, t.known = t.far, false
		}
	case "late": // a removal takes what was inserted meanwhile
		t.late = nil
	case "hour": // however long it slept, it takes itself for the owner
		o.shard.lastAck, o.shard.pub.proved = o.shard.now, o.shard.now
	case "caught up": // nobody asks where the source ends
		t.clock = max(t.clock, o.shard.now.UnixMilli()-1)
	case "clock": // the wall clock is believed, wherever it goes
		t.skew, t.probe, t.seen = 0, false, o.shard.now
	}
}

// Without a protection some schedule must go wrong, else the simulation could not see it. The first schedule to try is one
// that is known to; when the simulation has changed, others are tried.
func TestSimulationSeesWhatIsTakenOut(t *testing.T) {
	if withRace {
		t.Skip("schedules by the thousand, one goroutine each: the race detector has nothing to see")
	}
	p := simProgram(t)
	for _, c := range []struct {
		broken string
		first  uint64
	}{
		{"look", 1}, {"end", 4}, {"fence", 42}, {"sequences", 200}, {"view first", 13}, {"publish first", 1}, {"hour", 175}, {"caught up", 1}, {"clock", 138},
		{"nonce", 0}, {"cursor", 0}, {"late", 0}, // seldom seen: with -sim.rare
	} {
		t.Run(c.broken, func(t *testing.T) {
			if c.first == 0 && !*simRare {
				t.Skip("takes thousands of schedules: give -sim.rare")
			}
			for seed := c.first; seed < c.first+4000; seed++ {
				if _, err := runSim(t, p, seed, c.broken); err != nil {
					t.Logf("schedule %d: %.200v", seed, err)
					return
				}
			}
			t.Error("no schedule shows that anything is missing")
		})
	}
}
