package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
)

// Action topics get more partitions while owners decide, publish, die and are succeeded by others who know of it or do not
// yet: each customer's actions still come once and in order, over all partitions.
func TestActionTopicsGrow(t *testing.T) {
	p := simProgram(t)
	seeds := uint64(*simSeeds) / 2
	if withRace {
		seeds /= 10
	}
	moved := 0
	for seed := uint64(1); seed <= max(seeds, 1); seed++ {
		if *simSeed != 0 {
			seed = *simSeed
		}
		s, n, err := growSim(t, p, seed)
		moved += n
		if *simSeed != 0 {
			t.Log(strings.Join(s.trace, "\n"))
		}
		if err != nil {
			t.Fatalf("schedule %d (-sim.seed=%d shows all of it): %v; before that:\n%s", seed, seed, err, strings.Join(s.trace[max(0, len(s.trace)-40):], "\n"))
		}
		if *simSeed != 0 {
			return
		}
	}
	if moved == 0 {
		t.Error("no customer's actions ever went to another partition than before")
	}
}

func growSim(t testing.TB, p *journey.Program, seed uint64) (s *sim, moved int, err error) {
	s = newSim(t, p, seed, "")
	got, last := map[string][]string{}, map[string]connectors.TopicPartition{}
	s.broker.appended = func(tp connectors.TopicPartition, raw []byte) {
		if tp.Topic != "actions" && tp.Topic != "mails" {
			return
		}
		if err := eachRecord(raw, func(r *batch.Record) error {
			a, err := schemas.DecodeAction(r.Value)
			if err != nil {
				return err
			}
			key := a.Customer + "/" + a.Channel
			got[key] = append(got[key], a.ID)
			if before, ok := last[key]; ok && before != tp {
				moved++
			}
			last[key] = tp
			return nil
		}); err != nil {
			s.fail("%w", err)
		}
	}
	for range 1500 {
		s.step()
		if s.rng.IntN(150) == 0 {
			s.grow()
		}
		if s.failed != nil {
			return s, moved, s.failed
		}
	}
	if err := s.settle(); err != nil {
		return s, moved, err
	}
	for _, o := range s.living() {
		s.kill(o, false)
	}
	want, err := s.replay()
	if err != nil {
		return s, moved, err
	}
	for _, key := range slices.Sorted(maps.Keys(want.actions)) {
		if !slices.Equal(want.actions[key], got[key]) {
			return s, moved, fmt.Errorf("actions of %s: want\n%s\ngot\n%s", key, strings.Join(want.actions[key], "\n"), strings.Join(got[key], "\n"))
		}
	}
	return s, moved, s.failed
}

// grow gives a topic more partitions. Who runs hears of it, or does not yet; who starts may ask a broker that has not.
func (s *sim) grow() {
	channel := []string{"shop", "mail"}[s.rng.IntN(2)]
	r := &routes{channels: maps.Clone(s.routes.channels), deadLetter: s.routes.deadLetter}
	to := r.channels[channel]
	to.partitions = min(to.partitions+1+int32(s.rng.IntN(2)), 7)
	r.channels[channel] = to
	s.note("%s has %d partitions", to.topic, to.partitions)
	for _, o := range s.living() {
		if s.rng.IntN(3) > 0 {
			o.shard.reroute(r)
		}
	}
	s.routes = r
}
