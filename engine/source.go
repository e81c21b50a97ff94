package engine

import (
	"errors"
	"fmt"
	"io"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
)

// Reading the source: what is fetched waits in the shard's queue, and is read record by record from where the shard stands.

// want has records fetched from an offset on; a negative one: none. Answers to what was wanted before are not heard: they
// would lie behind what comes next, and it would be skipped.
func (s *shard) want(offset int64, leaderEpoch int32) {
	s.turn++
	turn := s.turn
	s.env.fetchFrom(offset, leaderEpoch, func(f connectors.Fetched, asked time.Time) {
		if s.turn != turn || s.phase != phaseRunning {
			s.through(&f)
			return
		}
		s.queue = append(s.queue, f)
		if f.Code == connectors.OK {
			s.timers.told(asked, f.LastStable)
		}
	})
}

// outOfRange: the source no longer has what comes next, or never had. All before it is handled.
func (s *shard) outOfRange() {
	life := s.life
	alive := func() bool { return s.life == life && s.phase == phaseRunning }
	s.env.offset(s.source, connectors.Earliest, func(earliest int64, err error) {
		switch {
		case !alive():
		case err != nil:
			s.fetchAgain()
		case earliest <= s.position:
			s.env.offset(s.source, connectors.Latest, func(latest int64, err error) {
				switch {
				case !alive():
				case err != nil || s.position <= latest: // whoever answered was behind
					s.short = shortage{}
					s.fetchAgain()
				default:
					err := fmt.Errorf("engine: %s/%d ends at offset %d, but %d comes next here: the topic was cut or made again; if that was meant, start under another app name or delete the topic %s",
						s.source.Topic, s.source.Partition, latest, s.position, s.journal.Topic)
					if s.short.found(s.now) {
						s.fail(err)
						return
					}
					s.fetchAgain()
					s.listener.Retry(s.id, s.source, "read", err, s.fetches)
				}
			})
		case !s.skipGaps:
			s.fail(fmt.Errorf("engine: %s/%d begins at offset %d, but %d comes next: retention has removed %d records unread; start with --on-gap skip to go on behind the gap",
				s.source.Topic, s.source.Partition, earliest, s.position, earliest-s.position))
		default:
			s.listener.Gap(s.id, s.position, earliest)
			s.position, s.leader = earliest, -1
			s.open.moved = true
			s.want(earliest, -1)
		}
	})
}

// fetchAgain asks for records from where the shard stands once more, a little later.
func (s *shard) fetchAgain() {
	s.want(-1, -1)
	s.fetches++
	s.fetchTry = s.now.Add(backoff(s.fetches))
}

// next gives the record that comes next; io.EOF when all that was fetched is handled.
func (s *shard) next() (*batch.Record, error) {
	for {
		if rec := s.ahead.next(); rec != nil {
			return rec, nil
		}
		if len(s.queue) == 0 {
			return nil, io.EOF
		}
		f := &s.queue[0]
		if f.Code == connectors.OffsetOutOfRange {
			s.queue = s.queue[1:]
			s.outOfRange()
			continue
		}
		if !s.reading {
			s.reader.Reset(f.Batches, s.position, f.Aborted)
			s.reading = true
		}
		err := s.ahead.fill(&s.reader, s.cache)
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("engine: %s/%d: %w", s.source.Topic, s.source.Partition, err)
		}
		if len(f.Batches) > 0 {
			s.position = max(s.position, s.reader.NextOffset())
			s.leader = s.reader.Info().LeaderEpoch
			s.open.moved = true
			s.fetches, s.short = 0, shortage{}
		}
		s.end = f.LastStable
		s.through(f)
		s.queue[0] = connectors.Fetched{}
		s.queue = s.queue[1:]
		s.reading = false
	}
}

// through is called when nothing of an answer will be looked at any more.
func (s *shard) through(f *connectors.Fetched) {
	s.backlog.Add(-int64(len(f.Batches)))
	f.Release()
}

func (s *shard) forgetFetched() {
	for i := range s.queue {
		s.through(&s.queue[i])
	}
	s.queue, s.reading, s.ahead = nil, false, ahead{}
}
