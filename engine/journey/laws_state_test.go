package journey

import (
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"wend/schemas"
)

// Laws of windows, scores and looks: each against a plain way of doing the same.

// lookAtAll makes a program one whose looks evaluate everything, whatever has changed.
func lookAtAll(p *Program) *Program {
	all := watchers{}
	for i := range p.looks {
		all = append(all, int32(i))
	}
	for _, name := range []string{"a", "b", "c", "e", "z"} {
		if p.types[name] == nil {
			p.types[name] = &typeIndex{name: name, id: int32(len(p.types))}
		}
	}
	for _, t := range p.types {
		t.watch = all
	}
	for i := range p.scores {
		p.scores[i].watch = all
	}
	for i := range p.leaving {
		p.leaving[i].watch = all
	}
	p.watched = map[string]watchers{}
	for name := range p.profile {
		p.watched[name] = all
	}
	return p
}

// knows holds that after a Step every condition has the value in the document that evaluating it gives.
func (r *lawRun) knows() {
	if r.doc.Known != r.p.known {
		return // nothing was handled yet
	}
	var out Effects
	s := &out.step
	s.p, s.out, s.doc, s.customer = r.p, &out, r.doc, "c"
	for i := range r.p.looks {
		l := &r.p.looks[i]
		if l.cond == nil {
			continue
		}
		at, found := findLook(r.doc.Looks, l.name)
		if !found {
			r.t.Fatalf("the document does not know %s of %s", l.place, l.plan.name)
		}
		if now, _ := s.holds(l.cond, l.plan, nil, l.place); now != (r.doc.Looks[at]&1 == 1) && r.counters.Cut+r.out.Counters.Cut == 0 {
			r.t.Fatalf("%s of %s is %v", l.place, l.plan.name, now)
		}
	}
}

// pastEvent is what a plain list remembers.
type pastEvent struct {
	ts int64
	n  any
}

// plainWindow is the language's sentence: those younger than the window and the event in hand; above 128, every bucket
// of which an instant is inside.
func plainWindow(past []pastEvent, now, within int64, inHand *pastEvent) (n int64, sum float64) {
	bucket := func(t int64) int64 {
		x := new(big.Int).Mul(big.NewInt(t), big.NewInt(64))
		return x.Div(x, big.NewInt(within)).Int64() // Euclid's division: within is positive
	}
	in := map[int]bool{}
	for i, ev := range past {
		if now-ev.ts < within {
			in[i] = true
		}
	}
	if len(in) > 128 {
		for i, ev := range past {
			in[i] = bucket(ev.ts) >= bucket(now-within+1)
		}
	}
	for i, ev := range past {
		if !in[i] && inHand != &past[i] {
			continue
		}
		n++
		switch x := ev.n.(type) {
		case int64:
			sum += float64(x)
		case float64:
			sum += x
		}
	}
	return n, sum
}

func TestWindowLaw(t *testing.T) {
	widths := []int64{37, 1000, 60_000, 600_000}
	p := compileText(t, `
journey: j
enter: {on: [a, b], again: always}
steps:
  - send: push
    template: x
    with:
      n0: '{{ count("a", "37ms") }}'
      s0: '{{ sum("a", "n", "37ms") }}'
      n1: '{{ count("a", "1s") }}'
      s1: '{{ sum("a", "n", "1s") }}'
      n2: '{{ count("a", "1m") }}'
      s2: '{{ sum("a", "n", "1m") }}'
      n3: '{{ count("a", "10m") }}'
      s3: '{{ sum("a", "n", "10m") }}'
      last: '{{ last("a") }}'
      seen: '{{ seen("a") }}'
`, "")
	number := func(v any) float64 {
		switch x := v.(type) {
		case int64:
			return float64(x)
		case float64:
			return x
		}
		return -1
	}
	crowded := 0
	rapid.Check(t, func(t *rapid.T) {
		doc := schemas.NewDocument()
		var out Effects
		var past []pastEvent
		now := int64(caseStart)
		for i := range rapid.IntRange(1, 700).Draw(t, "events") {
			// Most come close together, so that windows have more than they count exactly.
			at := now
			switch rapid.IntRange(0, 30).Draw(t, "time") {
			case 0:
				at += rapid.Int64Range(0, 700_000).Draw(t, "gap")
			case 1, 2:
				at -= rapid.Int64Range(0, 700_000).Draw(t, "late")
			case 3, 4, 5:
				at -= rapid.Int64Range(0, 1100).Draw(t, "a little late")
			default:
				at += rapid.Int64Range(0, 9).Draw(t, "step")
			}
			if i == 0 {
				at = now // the customer's time begins with the first event
			}
			now = max(now, at)
			ev := schemas.Event{ID: fmt.Sprint(i), Customer: "c", Type: "a", Time: at}
			if rapid.IntRange(0, 9).Draw(t, "type") == 0 {
				ev.Type = "b"
			}
			n := rapid.SampledFrom([]any{int64(3), int64(-1), 0.5, "3", nil, true}).Draw(t, "n")
			ev.Body = schemas.Fields{{Name: "n", Value: n}}
			var inHand *pastEvent
			if ev.Type == "a" {
				past = append(past, pastEvent{at, n})
				inHand = &past[len(past)-1]
			}
			out.Reset()
			p.Step("c", doc, Input{Event: &ev}, &out)
			if len(out.Actions) != 1 {
				t.Fatal("no action")
			}
			got := out.Actions[0].Params.Map()
			for k, within := range widths {
				count, sum := plainWindow(past, now, within, inHand)
				if count > 128 {
					crowded++
				}
				if number(got[fmt.Sprintf("n%d", k)]) != float64(count) || number(got[fmt.Sprintf("s%d", k)]) != sum {
					t.Fatalf("event %d: %dms has %v and %v, not %v and %v", i, within, got[fmt.Sprintf("n%d", k)], got[fmt.Sprintf("s%d", k)], count, sum)
				}
			}
			if got["seen"] != (len(past) > 0) {
				t.Fatalf("seen %v", got["seen"])
			}
			if i%50 == 0 {
				again, err := schemas.DecodeDocument(doc.Append(nil))
				if err != nil {
					t.Fatal(err)
				}
				doc = again
			}
			for k := range doc.Series {
				if x := &doc.Series[k]; len(x.Times) > maxTimes || len(x.Older) > len(widths)*(windowBuckets+1) {
					t.Fatalf("%d times and %d buckets are kept", len(x.Times), len(x.Older))
				}
			}
		}
	})
	if crowded == 0 && !testing.Short() {
		t.Error("no window was ever crowded")
	}
}

// TestLeavingLaw: between two timers nothing leaves a window, and whatever the look says then is what it says until the
// next.
func TestLeavingLaw(t *testing.T) {
	p := compileText(t, `
journey: j
enter: {becomes: 'count("a", "1s") > 150'}
steps: [{wait: 1m}]
`, "")
	rapid.Check(t, func(t *rapid.T) {
		doc := schemas.NewDocument()
		var out Effects
		now := int64(caseStart)
		for i := range rapid.IntRange(1, 300).Draw(t, "events") {
			now += rapid.Int64Range(0, 7).Draw(t, "step")
			at := now - rapid.SampledFrom([]int64{0, 0, 0, 5, 300}).Draw(t, "late")
			p.Step("c", doc, Input{Event: &schemas.Event{ID: fmt.Sprint(i), Customer: "c", Type: "a", Time: at}}, &out)
		}
		w := &window{typ: p.types["a"], within: 1000}
		s := &out.step
		count := func(at int64) int64 {
			s.doc, s.p = &schemas.Document{Time: at, Series: doc.Series}, p
			n, _ := s.lookBack(w)
			return n
		}
		at := doc.Time
		for at < now+2000 {
			next := nextLeave(doc, &p.leaving[0], at)
			was := count(at)
			for ; at < min(next, now+2000); at++ {
				if n := count(at); n != was {
					t.Fatalf("%d at %d, though the next to leave does so at %d: there were %d", n, at-now, next-now, was)
				}
			}
		}
	})
}

// TestScoreLaw: a score is what replaying its events gives, with a loss for each whole time of idle between two.
func TestScoreLaw(t *testing.T) {
	const after = 60_000
	p := compileText(t, `
journey: j
enter: {on: look, again: always}
steps: [{send: push, template: x, with: {s: "{{ score.s }}"}}]
`, `
scores:
  s:
    add: [{on: a, points: 5}, {on: [a, b], if: event.n > 0, points: 2}, {on: c, points: -4}]
    idle: {after: 1m, points: -3}
    min: -2
`)
	rapid.Check(t, func(t *rapid.T) {
		doc := schemas.NewDocument()
		var out Effects
		now, last := int64(caseStart), int64(schemas.Never)
		want := int64(0)
		for i := range rapid.IntRange(1, 60).Draw(t, "events") {
			now += rapid.SampledFrom([]int64{0, 1, 20_000, 59_999, 60_000, 60_001, 180_000, 400_000}).Draw(t, "gap")
			ev := schemas.Event{
				ID: fmt.Sprint(i), Customer: "c", Time: now, Type: rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "type"),
				Body: schemas.Fields{{Name: "n", Value: int64(rapid.IntRange(0, 1).Draw(t, "n"))}},
			}
			// What is due exactly now comes behind the event.
			for ; last != schemas.Never && last+after < now; last += after {
				want = max(-2, want-3)
			}
			points, counts := int64(0), ev.Type == "a" || ev.Type == "c"
			switch ev.Type {
			case "a":
				points = 5
			case "c":
				points = -4
			}
			if n, _ := ev.Body.Field("n"); n == int64(1) && (ev.Type == "a" || ev.Type == "b") {
				points += 2
				counts = true
			}
			if counts {
				want, last = max(-2, want+points), now
			}
			p.Step("c", doc, Input{Event: &ev}, &out)
			out.Reset()
			look := schemas.Event{ID: fmt.Sprint("l", i), Customer: "c", Type: "look", Time: now}
			p.Step("c", doc, Input{Event: &look}, &out)
			if got, _ := out.Actions[0].Params.Field("s"); got != want {
				t.Fatalf("event %d: %v, replayed %d", i, got, want)
			}
		}
	})
}
