package engine

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
)

// event has a customer seen now.
func (s *sim) event(customer string) {
	text := fmt.Sprintf(`{"event_id":"e%d","customer_id":%q,"type":"seen","ts":%d}`, s.events, customer, s.wall)
	s.events++
	s.builder.Reset(batch.Header{ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1, Timestamp: s.wall})
	s.builder.Append([]byte(customer), []byte(text))
	raw := s.builder.Finish()
	in, err := batch.ReadInfo(raw)
	if err != nil {
		s.t.Fatal(err)
	}
	s.broker.log(s.source).append(raw, in, s.wall)
}

// armedUnder counts how often the journal has a document with timers of the program, and nothing but that changed.
func (s *sim) armedUnder(p *journey.Program) map[string]int {
	count, last := map[string]int{}, map[string]uint64{}
	err := s.broker.log(s.journal).each(func(r *batch.Record) error {
		customer, ok := strings.CutPrefix(string(r.Key), "c/")
		if !ok {
			return nil
		}
		doc, err := schemas.DecodeDocument(r.Value)
		if err != nil {
			return err
		}
		if doc.Armed == p.Armed() && last[customer] != doc.Armed {
			count[customer]++
		}
		last[customer] = doc.Armed
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return count
}

const quietJourney = "journey: quiet\nenter: {on: never}\nsteps: [{send: shop, template: q}]\n"

// TestArmingAfterADeploy: with a new program every customer of the view gets the timers of its schedule, once, whoever
// takes over meanwhile; what was before the deploy is not made up for, and what comes then fires for everybody, once.
func TestArmingAfterADeploy(t *testing.T) {
	before := compileJourneys(t, quietJourney)
	after := compileJourneys(t, quietJourney+"---\njourney: daily\nenter: {schedule: {cron: \"0 23 * * *\"}, again: always}\nsteps: [{send: mail, template: daily}]\n")
	takeovers := 0
	for seed := range uint64(40) {
		s := newSim(t, before, seed, "")
		s.calm = true
		rnd := rand.New(rand.NewPCG(seed, 3))
		var customers []string
		for i := range 60 {
			customers = append(customers, fmt.Sprintf("k%d", i))
		}
		owner := func() *simOwner {
			for _, o := range s.living() {
				s.kill(o, rnd.IntN(3) == 2)
			}
			s.start()
			return s.owners[len(s.owners)-1]
		}
		o := owner()
		for i, c := range customers[:50] {
			s.event(c)
			if i%7 == 6 {
				s.rounds(o, 3, time.Millisecond)
			}
		}
		s.rounds(o, 60, 20*time.Millisecond)
		if head := s.head; head.Armed != 0 || head.Sources[0].Offset != 50 {
			t.Fatalf("seed %d: %+v", seed, head)
		}
		s.pause(2 * time.Hour) // over 23:00
		deployed := s.wall

		s.program = after
		o = owner()
		for n := 0; ; n++ {
			head := s.head
			if head.Armed == after.Armed() {
				if since := head.Moments[0].Since; since < deployed || since > deployed+60_000 && n < 20 {
					t.Fatalf("seed %d: counts since %d, deployed at %d", seed, since, deployed)
				}
				if !head.Arming {
					break
				}
			}
			if n > 2000 || s.failed != nil {
				t.Fatalf("seed %d: arming does not end: %v", seed, s.failed)
			}
			s.rounds(o, 1, time.Millisecond)
			switch rnd.IntN(12) {
			case 1:
				s.event(customers[50+rnd.IntN(10)]) // a new one
			case 2:
				s.event(customers[rnd.IntN(50)])
			}
			if s.head.Arming && n < 300 && rnd.IntN(4) == 1 {
				takeovers++
				o = owner()
			}
		}
		s.rounds(o, 60, 20*time.Millisecond)
		for _, c := range customers[50:] {
			s.event(c)
		}
		s.rounds(o, 60, 20*time.Millisecond)
		armed := s.armedUnder(after)
		for _, c := range customers {
			if armed[c] != 1 {
				t.Fatalf("seed %d: %s was armed %d times", seed, c, armed[c])
			}
		}
		if len(s.got.actions) > 0 {
			t.Fatalf("seed %d: made up for: %v", seed, s.got.actions)
		}
		for range 50 { // over 23:00 twice
			s.pause(time.Hour)
			if rnd.IntN(10) == 0 {
				o = owner()
			}
			s.rounds(o, 40, time.Millisecond)
		}
		s.rounds(o, 200, 20*time.Millisecond)
		for _, c := range customers {
			if got := s.got.of(c + "/mail"); len(got) != 2 || got[0] == got[1] {
				t.Fatalf("seed %d: %s got %v", seed, c, got)
			}
		}
		if s.failed != nil {
			t.Fatal(s.failed)
		}
		for _, o := range s.living() {
			s.end(o)
		}
	}
	if takeovers < 20 {
		t.Errorf("only %d takeovers while customers were armed", takeovers)
	}
}

// TestArmingUnderTheFirstHead: an engine that begins with a topic's past makes up for all of a schedule, as simulate does.
func TestArmingUnderTheFirstHead(t *testing.T) {
	p := compileJourneys(t, "journey: hourly\nenter: {schedule: {cron: \"0 * * * *\"}, again: always}\nsteps: [{send: mail, template: hourly}]\n")
	s := newSim(t, p, 1, "")
	s.calm = true
	s.event("kim") // at 22:13
	s.pause(5 * time.Hour)
	s.event("lee")
	s.start()
	o := s.owners[0]
	s.rounds(o, 100, 20*time.Millisecond)
	if kim, lee := len(s.got.of("kim/mail")), len(s.got.of("lee/mail")); kim != 5 || lee != 0 {
		t.Errorf("kim got %d, lee %d; want 5 and 0", kim, lee)
	}
	if head := s.head; head.Arming || len(head.Moments) != 1 || head.Moments[0].Since != schemas.NoTime || s.failed != nil {
		t.Errorf("%+v, %v", head, s.failed)
	}
	s.end(o)
}
