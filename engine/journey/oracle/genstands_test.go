package oracle

import (
	"slices"
	"strings"
)

// Where customers stand when a deploy comes is not left to chance: a case is run by the oracle as it is so far, and the deploy
// put where somebody stands in the place that is wanted; which place, and which edit meets it, goes by the case's number, so
// that every pair has its turn.

// The places that a deploy may find an enrollment in.
const (
	inWait, inAwait, inRound = "in a wait", "in an await", "in a repeat's later round"
	putOff, hasLeft          = "a send put off", "has left"
	pausedDue                = "paused, and due"
	pausedDecided            = "paused in an await, which an event or the condition led on from"
)

// places gives each of them the piece of a journey that brings customers there.
func places() map[string]string {
	return map[string]string{
		inWait: "wait", inAwait: "long await", inRound: "repeat", putOff: "push", hasLeft: "", pausedDue: "wait", pausedDecided: "long await",
	}
}

// aim is what a deploy is to meet: an edit of a kind, and a customer in a place. The journey and the step are those of the
// customer found.
type aim struct{ place, kind, journey, step string }

// aimsOf gives the deploys of a case their aims, of one place: every pair of a place and a kind comes up equally often.
func aimsOf(seed uint64) (all []aim) {
	names, kinds := keysOf(places()), editKinds()
	names = append(names, pausedDecided) // it is met seldom, and by few customers at once
	at, turn := seed%uint64(len(names)), seed/uint64(len(names))
	for n := range uint64(3) {
		all = append(all, aim{place: names[at], kind: kinds[(turn+13*n)%uint64(len(kinds))]})
	}
	return all
}

// piecesOf are the steps without which edits of the aims' kinds can't be made.
func piecesOf(aims []aim) (pieces []string) {
	words := map[string]string{"wait": "wait", "await": "await", "deadline": "await", "event": "await", "events": "await", "until": "until", "repeat": "repeat", "rounds": "repeat"}
	for _, a := range aims {
		for _, word := range strings.Fields(strings.ReplaceAll(a.kind, ",", "")) {
			if piece := words[word]; piece != "" && !slices.Contains(pieces, piece) {
				pieces = append(pieces, piece)
			}
		}
	}
	return pieces
}

// stand is where an enrollment stood ahead of a line of the log.
type stand struct {
	before               int
	journey, step, place string
	until                int64 // when it goes on, if nothing comes
}

var standsAlmanac = newAlmanac()

// stands runs a case as it is so far, and gives where enrollments stood ahead of each line from one on. For pausedDecided it
// is where the line's event leads on from an await: a pause ahead of it makes it that.
func (g *generator) stands(s *scenario, from int) (all []stand) {
	defer func() { _ = recover() }() // it is no case then, or has a deploy that the engine refuses: what was found will do
	o := newOracle(s, standsAlmanac)
	if len(s.changes) == 0 {
		o.number()
	}
	type waiting struct {
		r       *run
		due     int64
		arrived int64
		at      *step
	}
	var before []waiting // in awaits, ahead of the line before
	o.watch = func(line int) {
		for _, w := range before {
			if !w.r.running || w.r.at != w.at || w.r.arrived != w.arrived {
				all = append(all, stand{line - 1, w.r.j.name, w.at.id, pausedDecided, w.due})
			}
		}
		before = before[:0]
		for _, name := range keysOf(o.customers) {
			c := o.customers[name]
			for _, journey := range keysOf(c.states) {
				for _, r := range c.states[journey].all {
					until := r.due
					switch {
					case !r.running:
						until = r.expires
					case r.forever:
						until = forever
					}
					if line >= from && line < len(s.log) && r.running && r.await != nil && r.held == nil {
						before = append(before, waiting{r, until, r.arrived, r.at})
					}
					for _, place := range o.places(c, r, c.time) {
						if line >= from {
							step := ""
							if r.running {
								step = r.at.id
							}
							all = append(all, stand{line, journey, step, place, until})
						}
					}
				}
			}
		}
	}
	o.simulate(s.log, g.start, s.changes)
	return all
}

// aimed finds a moment for a deploy, at the earliest that it is given, at which somebody stands in the place of an aim. It puts
// the pause that it takes into the case, and the customer's journey into the aim; times are the newest ahead of each line.
// False: nobody stands there, in one of the journeys.
func (g *generator) aimed(s *scenario, a *aim, journeys []map[string]any, times []int64, from moment, unit int64) (at moment, ok bool) {
	all := slices.DeleteFunc(g.stands(s, from.before), func(x stand) bool {
		now := max(from.at, times[x.before])
		switch {
		case !slices.ContainsFunc(journeys, func(j map[string]any) bool { return j["journey"] == x.journey }):
			return true
		case x.place == a.place:
			return x.until <= now
		case a.place == pausedDue:
			return x.place != inWait && x.place != inAwait || x.until <= now || x.until == forever
		}
		return true
	})
	if len(all) == 0 {
		return moment{}, false
	}
	pick := func() stand { return all[min(g.IntN(len(all)), g.IntN(len(all)))] }
	x, span := pick(), 1+len(s.log)/4
	if a.place == pausedDecided { // where a pause meets many of them
		meets := func(x stand) (n int) {
			for _, y := range all {
				if y.journey == x.journey && y.before >= x.before && y.before < x.before+span {
					n++
				}
			}
			return n
		}
		for range 4 {
			if y := pick(); meets(y) > meets(x) {
				x = y
			}
		}
	}
	a.journey, a.step = x.journey, x.step
	at = moment{x.before, max(from.at, times[x.before])}
	pause := func() { s.changes = append(s.changes, &change{before: at.before, at: at.at, pause: x.journey}) }
	switch {
	case a.place == pausedDecided: // and by and by more of them
		pause()
		at.before = min(len(s.log), x.before+span/2+g.IntN(span))
		at.at = max(at.at, times[at.before])
	case a.place == pausedDue && x.place != pausedDue:
		pause()
		at.at = max(at.at, x.until)
		for at.before < len(s.log) && times[at.before] < x.until {
			at.before++
		}
	case g.oneIn(4):
		pause()
	}
	later := at.at + []int64{0, 1, unit / 2, unit}[g.IntN(4)]
	if a.place == pausedDecided || a.place == pausedDue || x.until > later {
		at.at = later
	}
	return at, true
}

// moment is one of the log: ahead of a line, and later than all so far.
type moment struct {
	before int
	at     int64
}
