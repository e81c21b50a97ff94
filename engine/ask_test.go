package engine

import (
	"errors"
	"testing"

	"wend/engine/journey"
)

// What is answered is what was there when it was asked, and only once the journal has it; a shard that is lost meanwhile
// answers nothing.
func TestAnswerWaitsForTheJournal(t *testing.T) {
	for _, c := range []struct {
		name    string
		unit    uint64 // that wrote the document
		flying  uint64 // 0: none
		then    func(s *shard)
		now     bool // answered at once
		refused bool
	}{
		{"in an acknowledged unit", 4, 5, nil, true, false},
		{"of no unit: from the view", 0, 5, nil, true, false},
		{"in flight", 5, 5, func(s *shard) { s.flying = nil }, false, false},
		{"in the open unit", 6, 5, func(s *shard) { s.flying, s.open = nil, &unit{number: 7} }, false, false},
		{"in the open unit, with nothing in flight", 6, 0, func(s *shard) { s.flying, s.open = s.open, &unit{number: 7} }, false, true},
		{"in flight, and another has claimed", 5, 5, func(s *shard) { s.life, s.phase = s.life+1, phaseIdle }, false, true},
		{"in flight, and the shard has failed", 5, 5, func(s *shard) { s.phase = phaseFailed }, false, true},
		{"in flight, and the shard is ours again", 5, 5, func(s *shard) { s.life, s.flying = s.life+1, nil }, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &shard{phase: phaseRunning, cache: newCache(1 << 20), open: &unit{number: 6}}
			s.running = &running{program: &journey.Program{}}
			if c.flying > 0 {
				s.flying = &unit{number: c.flying}
			}
			e := &entry{customer: "ada", unit: c.unit}
			e.keep([]byte("old"))
			s.cache.add(e)
			r := &runner{shard: s}
			var got knowledge
			var err error
			answers := 0
			r.hear("ada", func(k knowledge, e error) { got, err, answers = k, e, answers+1 })
			r.answer()
			if (answers == 1) != c.now {
				t.Fatalf("%d answers at once", answers)
			}
			e.keep([]byte("new"))
			if c.then != nil {
				c.then(s)
			}
			r.answer()
			if c.refused && answers == 0 { // its unit is in flight now: still waiting; then the shard goes
				s.phase = phaseIdle
				r.answer()
			}
			if answers != 1 || (err != nil) != c.refused || err != nil && !errors.Is(err, errNotAtWork) {
				t.Fatalf("%d answers, %v", answers, err)
			}
			if err == nil && string(got.raw) != "old" {
				t.Errorf("answer %q", got.raw)
			}
			r.answer()
			if answers != 1 || len(r.questions) != 0 {
				t.Errorf("%d answers, %d questions are left", answers, len(r.questions))
			}
		})
	}
	for p := phaseIdle; p <= phaseFailed; p++ {
		if p == phaseRunning || p == phaseStopping {
			continue
		}
		r := &runner{shard: &shard{phase: p}}
		asked := error(nil)
		r.hear("ada", func(_ knowledge, err error) { asked = err })
		if !errors.Is(asked, errNotAtWork) {
			t.Errorf("phase %d: %v", p, asked)
		}
	}
}
