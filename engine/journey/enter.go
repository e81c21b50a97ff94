package journey

import (
	"slices"
	"strconv"

	"wend/schemas"
)

const (
	maxRunning = 25    // enrollments of a customer in one journey at once
	maxEntered = 1_000 // keys that `never` and `after` remember
)

// enter offers the event in hand to a journey's entry.
func (s *stepper) enter(j *plan) {
	t := &j.enter
	s.inHand = true
	if ok, why := s.holds(t.cond, j, nil, "enter"); !ok {
		s.refuse(j, "", RefusedCondition, whyText(why))
		return
	}
	key := ""
	if j.key != nil {
		v, ok, why := j.key.Eval(s.bind(j, nil))
		if !ok {
			s.refuse(j, "", RefusedKey, whyText(why))
			return
		}
		if key, ok = keyText(v); !ok {
			s.refuse(j, "", RefusedKey, "a key is a text that is not empty, a whole number or a boolean")
			return
		}
	}
	at, found := findState(s.doc, j.name)
	if t.times > 0 {
		if !found {
			s.insertState(j, at)
		}
		if !s.counted(&s.doc.Journeys.At(at).Counts, t, key) {
			s.tooFew(j, t, key)
			return
		}
		found = true
	}
	var js *schemas.JourneyState
	if found {
		js = s.doc.Journeys.At(at)
	}
	if r := s.refusal(j, js, key); r != NotRefused {
		s.refuse(j, key, r, s.draw(r, j))
		s.tidy(at, found)
		return
	}
	if !found {
		js = s.insertState(j, at)
	}
	s.open(j, js, key)
}

// refusal looks at what can stand against an entry once its condition holds and its key is known.
func (s *stepper) refusal(j *plan, js *schemas.JourneyState, key string) Refusal {
	if s.p.paused(j) {
		return RefusedPaused
	}
	if j.rollout < buckets && bucket(j.name, rolloutDraw, s.customer) >= j.rollout {
		return RefusedRollout
	}
	if js == nil {
		return NotRefused
	}
	switch j.again {
	case AgainNever:
		if j.key == nil && js.Entries > 0 || entered(js, key) >= 0 {
			return RefusedEnteredBefore
		}
	case AgainAfterExit, AgainInterval:
		for i := range js.Running {
			if js.Running[i].Key == key {
				return RefusedAlreadyEnrolled
			}
		}
		if i := entered(js, key); j.again == AgainInterval && i >= 0 && s.doc.Time-js.Entered[i].At < j.after {
			return RefusedTooSoon
		}
	}
	if len(js.Running) >= maxRunning {
		return RefusedLimit
	}
	return NotRefused
}

func entered(js *schemas.JourneyState, key string) int {
	for i := range js.Entered {
		if js.Entered[i].Key == key {
			return i
		}
	}
	return -1
}

// remember keeps the entry where `again` will ask for it. Without a key `never` needs no more than the number of
// entries, and what `after` no longer refuses is forgotten.
func (s *stepper) remember(j *plan, js *schemas.JourneyState, key string) {
	switch {
	case j.again == AgainNever && j.key != nil:
	case j.again == AgainInterval:
		js.Entered = slices.DeleteFunc(js.Entered, func(e schemas.Entered) bool {
			return e.Key == key || s.doc.Time-e.At >= j.after
		})
	default:
		return
	}
	if len(js.Entered) >= maxEntered {
		js.Entered = slices.Delete(js.Entered, 0, len(js.Entered)-maxEntered+1)
	}
	js.Entered = append(js.Entered, schemas.Entered{Key: key, At: s.doc.Time})
}

func (s *stepper) insertState(j *plan, at int) *schemas.JourneyState {
	return s.doc.Journeys.Insert(at, j.name)
}

// tidy takes a journey's state away where nothing is in it.
func (s *stepper) tidy(at int, found bool) {
	if !found {
		return
	}
	js := s.doc.Journeys.At(at)
	if js.Entries == 0 && len(js.Entered)+len(js.Counts)+len(js.Running)+len(js.Ended)+len(js.Timers) == 0 {
		s.doc.Journeys.Delete(at)
	}
}

func (s *stepper) refuse(j *plan, key string, r Refusal, detail string) {
	s.out.Counters.Refused[r]++
	s.note(j, trailRefused+trailRefusals[r], 0)
	if s.out.Tracing {
		d := s.about(DecidedRefused, j, nil, "enter")
		d.Key, d.Reason, d.Detail = cloneString(key), r.String(), detail
		s.trace(d)
	}
}

// open begins an enrollment and runs it to its first wait. Most never wait (`again: always` with sends alone), so it
// runs in the stepper's own memory, and moves into the document only where it comes to stand.
func (s *stepper) open(j *plan, js *schemas.JourneyState, key string) {
	if key != "" {
		key = s.text(key)
	}
	js.Entries++
	s.remember(j, js, key)
	en := &s.opened
	*en = schemas.Enrollment{
		Number: js.Entries, Version: j.version, Key: key, Entered: s.doc.Time, Due: schemas.Never,
		Holdout: j.holdout > 0 && bucket(j.name, holdoutDraw, s.customer) < j.holdout,
		Visits:  en.Visits[:0], Sent: en.Sent[:0],
	}
	s.out.Counters.Entered++
	if s.out.Tracing {
		d := s.about(DecidedEntered, j, en, "")
		if en.Holdout {
			d.Detail = "in the holdout"
		}
		s.trace(d)
	}
	s.entering = true
	stands, reason := s.run(j, en, j.start)
	if stands {
		s.settle(j, en)
		js.Running = append(grown(s, &s.scratch.running, js.Running), *en)
		stays := &js.Running[len(js.Running)-1]
		stays.Visits, stays.Sent = moved(s, &s.scratch.visits, en.Visits), moved(s, &s.scratch.sent, en.Sent)
		if !s.out.Reusing {
			s.opened = schemas.Enrollment{}
		}
	} else if s.leave(j, js, en, reason) {
		s.opened = schemas.Enrollment{}
	}
	s.entering = false
}

// keyText is a key as text: 42 and "42" are one key.
func keyText(v any) (string, bool) {
	switch x := v.(type) {
	case string:
		return x, x != ""
	case int64:
		return strconv.FormatInt(x, 10), true
	case bool:
		return strconv.FormatBool(x), true
	}
	return "", false
}
