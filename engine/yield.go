package engine

import (
	"time"

	"wend/connectors"
)

// Yielding: the group has given a shard to another member. Its owner works on until that one has claimed it, for the
// other may have to read the journal first. Whether it has is shown by the first refused unit; and since a shard that is
// idle appends nothing, its owner looks from time to time whether the journal has grown without it.

// successorEvery is how often it looks.
const successorEvery = time.Second

// yield has the shard dropped once another member has claimed it. What does not work yet is dropped at once.
func (s *shard) yield() {
	switch s.phase {
	case phaseRunning:
		s.yielding, s.successorAt = true, s.now.Add(successorEvery)
	case phaseStandby:
		s.standDown()
	case phaseIdle, phaseStopping, phaseFailed:
	default:
		s.drop("given to another member")
	}
}

// successor looks for another member's claim, and says when it wants to look again.
func (s *shard) successor() (wake time.Time) {
	if !s.yielding {
		return time.Time{}
	}
	if s.now.Before(s.successorAt) {
		return s.successorAt
	}
	s.successorAt = s.now.Add(successorEvery)
	life := s.life
	s.env.offset(s.journal, connectors.Latest, func(end int64, err error) {
		if err != nil || s.life != life || s.phase != phaseRunning || !s.yielding {
			return
		}
		ours := s.journalEnd
		if s.flying != nil {
			ours += int64(s.flying.count)
		}
		if end > ours {
			s.drop("another member has claimed it")
		}
	})
	return s.successorAt
}
