package audit

import (
	"slices"
	"strconv"
	"time"
)

// want is an action that must be there.
type want struct {
	template string
	journey  string
	cause    *event
	decided  int64
	number   int  // the enrollment's, of this customer in this journey
	timed    bool // a reminder: not before decided
}

// shopper is one customer as the three journeys see one, read from language.md as naively as it can be.
type shopper struct {
	rules *Rules
	seen  func(template, cause string) *action // what the topic holds for this, or nil
	out   []want

	now     int64 // the customer's time
	handled []handled

	looks     []int64 // j1: times of browses not used up, in order
	coupons   int     // j1: enrollments so far
	purchases int     // j3, and profile.purchases

	carts   int    // j2: enrollments so far
	waiting bool   // j2: one runs
	due     int64  // its deadline
	cause   *event // its latest add_to_cart
	resets  int

	undecided, overtaken int   // how often it was open which was first; how often the timer was
	by                   int64 // of these, the longest that the event had been there when the timer was due, in ms
}

type handled struct {
	id string
	at int64
}

const (
	lookWindow   = int64(599_999) // ms
	maxResets    = 100
	rememberIDs  = 64
	rememberTime = int64(24 * time.Hour / time.Millisecond)
)

func (s *shopper) event(e *event) {
	// A timer due strictly before the event fires first; at the same instant the event comes first.
	if s.waiting && s.due < e.ts {
		s.fire()
	} else if s.waiting && e.appended > s.due-s.rules.Slack.Milliseconds() {
		s.undecide(e)
	}
	s.forget(e.ts)
	if slices.ContainsFunc(s.handled, func(h handled) bool { return h.id == e.id }) {
		return
	}
	s.now = max(s.now, e.ts)
	s.handled = append(s.handled, handled{e.id, s.now})
	if len(s.handled) > rememberIDs {
		s.handled = s.handled[1:]
	}
	switch e.kind {
	case browse:
		s.look(e)
	case addToCart:
		s.fill(e)
	case purchase:
		s.waiting = false // j2's exit, before j3 by name
		s.purchases++
		template := "thank_you"
		if s.purchases == 1 {
			template = "welcome"
		}
		s.out = append(s.out, want{template: template, journey: "j3", cause: e, decided: s.now, number: s.purchases})
	}
}

// undecide follows the topic where the event in hand may have come too late to be ahead of the timer.
func (s *shopper) undecide(e *event) {
	reminder := s.reminder()
	first := reminder != nil
	switch e.kind {
	case browse: // takes nothing away, so only what it brings tells which was first
		coupon := s.seen("view_coupon", e.id)
		if coupon == nil {
			return
		}
		first = first && reminder.offset < coupon.offset
	case other:
		return
	}
	s.undecided++
	if first {
		s.overtaken++
		s.by = max(s.by, s.due-e.appended)
		s.fire()
	}
}

// reminder is the one that the topic holds for the present deadline.
func (s *shopper) reminder() *action {
	if a := s.seen("cart_reminder", s.cause.id); a != nil && a.decided == s.due {
		return a
	}
	return nil
}

// forget drops the ids handled more than a day before the customer's time.
func (s *shopper) forget(ts int64) {
	now := max(s.now, ts)
	s.handled = slices.DeleteFunc(s.handled, func(h handled) bool { return now-h.at > rememberTime })
}

// look is j1: the third look in the window, each look used once.
func (s *shopper) look(e *event) {
	at, _ := slices.BinarySearch(s.looks, e.ts+1)
	s.looks = slices.Insert(s.looks, at, e.ts)
	for first := max(0, at-2); first <= at && first+2 < len(s.looks); first++ {
		if s.looks[first+2]-s.looks[first] <= lookWindow {
			s.looks = slices.Delete(s.looks, first, first+3)
			s.coupons++
			s.out = append(s.out, want{template: "view_coupon", journey: "j1", cause: e, decided: s.now, number: s.coupons})
			return
		}
	}
}

// fill is j2: enter, or restart the deadline.
func (s *shopper) fill(e *event) {
	if !s.waiting {
		s.waiting, s.resets = true, 0
		s.carts++
	} else if s.resets++; s.resets > maxResets {
		return
	}
	s.cause, s.due = e, s.now+s.rules.Await.Milliseconds()
}

// fire is j2's timeout.
func (s *shopper) fire() {
	s.now = max(s.now, s.due)
	s.waiting = false
	s.out = append(s.out, want{template: "cart_reminder", journey: "j2", cause: s.cause, decided: s.due, number: s.carts, timed: true})
}

// end lets time run on to the rules' end.
func (s *shopper) end() {
	if !s.waiting {
		return
	}
	if s.rules.Until == 0 || s.due <= s.rules.Until || s.reminder() != nil {
		s.fire()
	}
}

// id is the action id of what a customer must get.
func (w *want) id(customer string) string {
	return w.journey + "/" + customer + "/" + strconv.Itoa(w.number) + "/" + w.template + "/1"
}
