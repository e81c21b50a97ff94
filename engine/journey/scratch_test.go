package journey

import (
	"testing"

	"pgregory.net/rapid"

	"wend/schemas"
)

// spoil is done to what Reset takes back, before it does.
func (m *scratch) spoil() {
	texts := m.texts[:cap(m.texts)]
	for i := range texts {
		texts[i] = 0xdd
	}
	spoil(&m.counts, schemas.Count{Trigger: "spoiled", Times: []int64{-1}})
	spoil(&m.times, -1)
	spoil(&m.visits, schemas.Visit{Step: "spoiled", Count: 99})
	spoil(&m.sent, schemas.Sent{ID: "spoiled"})
	spoil(&m.running, schemas.Enrollment{Number: 99, Step: "spoiled"})
}

func spoil[T any](p *pieces[T], with T) {
	for i := range p.buf {
		p.buf[i] = with
	}
}

// TestMemoryUsedAgain: what is written down after each Step may lie in memory that is then used again.
func TestMemoryUsedAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := compileLaw(t, someWorkspace(t))
		plain, reused := newLawRun(t, p), newLawRun(t, p)
		reused.out.Reusing, reused.written = true, schemas.NewDocumentReader()
		for _, ev := range someEvents(t) {
			plain.step(Input{Event: ev})
			reused.step(Input{Event: ev})
		}
		plain.finish()
		reused.finish()
		reused.same(plain, "with memory that is used again")
	})
}

// TestScratchIsBounded: one giant input leaves no more behind than any.
func TestScratchIsBounded(t *testing.T) {
	out := Effects{Reusing: true}
	s := &out.step
	s.out = &out
	for range 3 {
		var texts []string
		var lists [][]int64
		for i := range 3 * mostScratch {
			texts = append(texts, s.text("text"))
			list := append(grown(s, &s.scratch.times, nil), int64(i))
			lists = append(lists, append(grown(s, &s.scratch.times, list), int64(i)))
		}
		for i := range texts {
			if texts[i] != "text" || len(lists[i]) != 2 || lists[i][0] != int64(i) || lists[i][1] != int64(i) {
				t.Fatalf("the %dth became %q, %v", i, texts[i], lists[i])
			}
		}
		if long := grown(s, &s.scratch.times, make([]int64, 2*mostScratch)); len(long) != 2*mostScratch || cap(long) == len(long) {
			t.Fatalf("a long list has %d of %d", len(long), cap(long))
		}
		out.Reset()
		if cap(s.scratch.texts) > mostScratch || len(s.scratch.times.buf) > mostScratch {
			t.Fatalf("%d bytes of texts and %d times are kept", cap(s.scratch.texts), len(s.scratch.times.buf))
		}
	}
}

// TestSeveralOpenInMemoryUsedAgain: enrollments that one event opens do not come to stand in each other's memory, nor in
// that of the next event.
func TestSeveralOpenInMemoryUsedAgain(t *testing.T) {
	p := compileText(t, `
journey: one
enter: {on: a, again: always}
steps: [{id: x, send: push, template: t}, {id: x2, send: push, template: t}, wait: 1d]
---
journey: two
enter: {on: a, again: always}
steps: [{id: y, send: push, template: t}, wait: 1d]
`, "")
	var want, got []byte
	for _, reusing := range []bool{false, true} {
		x := schemas.NewDocumentReader()
		out := Effects{Reusing: reusing}
		got = nil
		for i := range 3 {
			doc, err := schemas.NewDocument(), error(nil)
			if i > 0 {
				doc, err = x.Read(got)
			}
			if err != nil {
				t.Fatal(err)
			}
			out.Reset()
			p.Step("c", doc, Input{Event: parseCaseEvent(t, i+1, "1m c a")}, &out)
			got = doc.Append(nil)
			out.step.scratch.spoil()
		}
		if !reusing {
			want = got
		}
	}
	if string(got) != string(want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}
