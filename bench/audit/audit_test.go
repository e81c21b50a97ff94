package audit_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"wend/bench/audit"
	"wend/bench/workload"
	"wend/engine/journey"
	"wend/schemas"
)

const (
	await  = 10 * time.Second
	begin  = int64(1_767_225_600_000)
	events = 6000
	people = 400
)

// logs are what the topics of a run that went well hold. The engine's own simulation makes them, so a clean audit also
// says that the auditor's reading of the journeys and the engine's agree.
type logs struct{ source, actions, letters []audit.Record }

func goodLogs(t *testing.T) *logs {
	t.Helper()
	dir := t.TempDir()
	w := workload.Workspace{App: "shop", Brokers: "127.0.0.1:1", Source: "events", Actions: "actions", DataDir: "data", HTTP: "127.0.0.1:1", Await: await}
	if err := w.Write(dir); err != nil {
		t.Fatal(err)
	}
	ws, problems := journey.Load(dir)
	if problems.Failed() {
		t.Fatal(problems)
	}
	program, problems := journey.Compile(ws)
	if program == nil {
		t.Fatal(problems)
	}
	decoder, err := schemas.NewDecoder(schemas.Format{Name: "json", ID: "event_id", Customer: "customer_id", Type: "type", Time: "ts"})
	if err != nil {
		t.Fatal(err)
	}
	simulation := journey.NewSimulation(program, journey.SimulateOptions{Until: schemas.NoTime})
	l := &logs{}
	next := map[int32]int64{}
	for i := range events {
		e := workload.At(7, i, people)
		ts := begin + int64(i)*20
		r := audit.Record{Partition: int32(e.Customer % 4), Appended: ts + 1, Key: workload.AppendCustomer(nil, e.Customer), Value: workload.AppendJSON(nil, i, e, ts)}
		r.Offset = next[r.Partition]
		next[r.Partition]++
		l.source = append(l.source, r)
		var ev schemas.Event
		if err := decoder.Decode(r.Value, schemas.Origin{Topic: "events", Partition: r.Partition, Offset: r.Offset, Timestamp: r.Appended}, &ev); err != nil {
			t.Fatal(err)
		}
		simulation.Offer(&ev)
	}
	if err := simulation.Finish(); err != nil {
		t.Fatal(err)
	}
	for i := range simulation.Actions() {
		a := &simulation.Actions()[i]
		var customer int
		if _, err := fmt.Sscanf(a.Customer, "c%d", &customer); err != nil {
			t.Fatal(err)
		}
		l.actions = append(l.actions, audit.Record{Partition: int32(customer % 4), Appended: a.DecidedAt + 3, Key: []byte(a.Customer), Value: a.AppendJSON(nil),
			Headers: map[string]string{"action_id": a.ID, "journey": a.Journey, "channel": a.Channel}})
	}
	bad := audit.Record{Partition: 0, Offset: next[0], Appended: begin + 99*20, Value: []byte(`{"type":`)}
	l.source = append(l.source, bad)
	l.letters = []audit.Record{{Value: bad.Value, Headers: map[string]string{"reason": "no JSON", "topic": "events", "partition": "0", "offset": fmt.Sprint(bad.Offset)}}}
	return l
}

func (l *logs) audit(rules audit.Rules) *audit.Report {
	rules.Await, rules.Letters = await, true
	a := audit.New(rules)
	for _, r := range l.source {
		a.Event(r)
	}
	next := map[int32]int64{}
	for _, r := range l.actions {
		r.Offset = next[r.Partition]
		next[r.Partition]++
		a.Action(r)
	}
	for _, r := range l.letters {
		a.Letter(r)
	}
	return a.Finish()
}

// find gives the place of the n-th action with a template.
func (l *logs) find(t *testing.T, template string, n int) int {
	t.Helper()
	for i := range l.actions {
		if strings.Contains(string(l.actions[i].Value), `"template":"`+template+`"`) {
			if n--; n < 0 {
				return i
			}
		}
	}
	t.Fatalf("no %s", template)
	return 0
}

func (l *logs) replace(i int, old, with string) {
	a := &l.actions[i]
	a.Value = bytes.ReplaceAll(a.Value, []byte(old), []byte(with))
}

func TestGoodLogs(t *testing.T) {
	r := goodLogs(t).audit(audit.Rules{})
	if err := r.Problem(); err != nil {
		t.Fatal(err, r.Examples)
	}
	if r.Expected < 1500 || r.Reminders < 200 || r.Events != events || r.Malformed != 1 {
		t.Errorf("too little to be of use: %+v", r)
	}
	if r.Undecided > r.Reminders/10 {
		t.Errorf("%d of %d undecided", r.Undecided, r.Reminders)
	}
	var out bytes.Buffer
	r.Print(&out)
	if !strings.Contains(out.String(), "nothing missing") {
		t.Error(out.String())
	}
}

// Each way to be wrong is found, and found as what it is.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, l *logs)
		want  map[audit.Finding]int
	}{
		"an immediate action is missing": {func(t *testing.T, l *logs) {
			i := l.find(t, "thank_you", 10)
			l.actions = slices.Delete(l.actions, i, i+1)
		}, map[audit.Finding]int{audit.Missing: 1}},
		"a reminder is missing": {func(t *testing.T, l *logs) {
			i := l.find(t, "cart_reminder", 10)
			l.actions = slices.Delete(l.actions, i, i+1)
		}, map[audit.Finding]int{audit.Missing: 1}},
		"twice, the same record": {func(t *testing.T, l *logs) {
			l.actions = append(l.actions, l.actions[l.find(t, "view_coupon", 10)])
		}, map[audit.Finding]int{audit.Twice: 1, audit.SameID: 1}},
		"twice, under another id": {func(t *testing.T, l *logs) {
			i := l.find(t, "cart_reminder", 3)
			l.actions = append(l.actions, l.actions[i])
			l.replace(len(l.actions)-1, "/cart_reminder/1", "/cart_reminder/2")
		}, map[audit.Finding]int{audit.Twice: 1}},
		"lost, and another has its id": {func(t *testing.T, l *logs) {
			i := l.find(t, "view_coupon", 10)
			l.replace(i, `"cause":{"event_id":"e`, `"cause":{"event_id":"e1`)
		}, map[audit.Finding]int{audit.Missing: 1, audit.Unexpected: 1}},
		"another customer's": {func(t *testing.T, l *logs) {
			i := l.find(t, "view_coupon", 10)
			l.replace(i, string(l.actions[i].Key), "stranger")
		}, map[audit.Finding]int{audit.Missing: 1, audit.Unexpected: 1}},
		"the other template": {func(t *testing.T, l *logs) {
			l.replace(l.find(t, "welcome", 2), "welcome", "thank_you")
		}, map[audit.Finding]int{audit.WrongTemplate: 1}},
		"a reminder early": {func(t *testing.T, l *logs) {
			l.actions[l.find(t, "cart_reminder", 2)].Appended -= 4
		}, map[audit.Finding]int{audit.Early: 1}},
		"an action before its event": {func(t *testing.T, l *logs) {
			l.actions[l.find(t, "welcome", 2)].Appended -= 3
		}, map[audit.Finding]int{audit.Early: 1}},
		"out of order": {func(t *testing.T, l *logs) {
			for i := range l.actions { // a customer's next action comes first
				for j := i + 1; j < len(l.actions); j++ {
					if bytes.Equal(l.actions[i].Key, l.actions[j].Key) {
						l.actions[i], l.actions[j] = l.actions[j], l.actions[i]
						return
					}
				}
			}
		}, map[audit.Finding]int{audit.Disorder: 1}},
		"on another partition": {func(t *testing.T, l *logs) {
			i := len(l.actions) - 1
			l.actions[i].Partition = (l.actions[i].Partition + 1) % 4
		}, map[audit.Finding]int{audit.Disorder: 1}},
		"a reminder under the first add_to_cart": {func(t *testing.T, l *logs) {
			for i := range l.actions {
				if strings.Contains(string(l.actions[i].Value), "cart_reminder") {
					l.replace(i, `"decided_at":1`, `"decided_at":2`)
					return
				}
			}
		}, map[audit.Finding]int{audit.Content: 1}},
		"a number skipped": {func(t *testing.T, l *logs) {
			i := l.find(t, "thank_you", 2)
			l.replace(i, "/thank_you/1", "0/thank_you/1")
			l.actions[i].Headers["action_id"] = strings.Replace(l.actions[i].Headers["action_id"], "/thank_you/1", "0/thank_you/1", 1)
		}, map[audit.Finding]int{audit.Content: 1}},
		"headers": {func(t *testing.T, l *logs) {
			delete(l.actions[l.find(t, "thank_you", 2)].Headers, "journey")
		}, map[audit.Finding]int{audit.Content: 1}},
		"the key": {func(t *testing.T, l *logs) {
			l.actions[l.find(t, "thank_you", 2)].Key = []byte("x")
		}, map[audit.Finding]int{audit.Content: 1}},
		"no action": {func(t *testing.T, l *logs) {
			l.actions = append(l.actions, audit.Record{Value: []byte("{}")})
		}, map[audit.Finding]int{audit.Unreadable: 1}},
		"a hole in the source": {func(t *testing.T, l *logs) {
			for i := range l.source {
				if bytes.Contains(l.source[i].Value, []byte("browse")) && l.source[i].Partition != 0 {
					l.source = slices.Delete(l.source, i, i+1)
					return
				}
			}
		}, map[audit.Finding]int{audit.Unreadable: 1}},
		"a letter is missing":    {func(t *testing.T, l *logs) { l.letters = nil }, map[audit.Finding]int{audit.BadLetter: 1}},
		"a letter twice":         {func(t *testing.T, l *logs) { l.letters = append(l.letters, l.letters[0]) }, map[audit.Finding]int{audit.BadLetter: 1}},
		"a letter changed":       {func(t *testing.T, l *logs) { l.letters[0].Value = nil }, map[audit.Finding]int{audit.BadLetter: 1}},
		"an event among letters": {func(t *testing.T, l *logs) { l.letters[0].Headers["offset"] = "3" }, map[audit.Finding]int{audit.BadLetter: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			l := goodLogs(t)
			c.spoil(t, l)
			r := l.audit(audit.Rules{})
			for f, n := range c.want {
				if r.Counts[f] != n {
					t.Errorf("%s: %d, want %d", f, r.Counts[f], n)
				}
			}
			// What is spoilt may be wrong in its content as well; nothing else may turn up.
			for f, n := range r.Counts {
				if c.want[f] == 0 && f != audit.Content && n > 0 && !(name == "a hole in the source" && f != audit.Twice) {
					t.Errorf("%s: %d, want none", f, n)
				}
			}
			if r.Problem() == nil {
				t.Error("no problem")
			}
			if t.Failed() {
				t.Log(strings.Join(r.Examples, "\n"))
			}
		})
	}
}

// one is the log of one customer, written by hand: what the language says, case by case.
type one struct {
	logs
	next int64
}

func (o *one) event(id, kind string, ts, appended int64) {
	o.source = append(o.source, audit.Record{Partition: 1, Offset: o.next, Appended: appended, Key: []byte("li"),
		Value: fmt.Appendf(nil, `{"event_id":%q,"customer_id":"li","type":%q,"ts":%d}`, id, kind, ts)})
	o.next++
}

func (o *one) action(journey string, number int, template, cause, kind string, causeTS, decided, published int64) {
	id := fmt.Sprintf("%s/li/%d/%s/1", journey, number, template)
	o.actions = append(o.actions, audit.Record{Appended: published, Key: []byte("li"), Headers: map[string]string{"action_id": id, "journey": journey, "channel": "shop"},
		Value: fmt.Appendf(nil, `{"action_id":%q,"journey":%q,"version":1,"step":%q,"customer_id":"li","channel":"shop","template":%q,"params":{},"variant":{},`+
			`"cause":{"event_id":%q,"type":%q,"ts":%d},"decided_at":%d,"expires_at":null,"transactional":false}`, id, journey, template, template, cause, kind, causeTS, decided)})
}

func TestTimers(t *testing.T) {
	const T = int64(await / time.Millisecond)
	for name, c := range map[string]struct {
		fill func(o *one)
		want string // findings, "" for none
		open int
	}{
		"fires": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.action("j2", 1, "cart_reminder", "a", "add_to_cart", 1000, 1000+T, 1005+T)
		}},
		"the last add_to_cart counts": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.event("b", "add_to_cart", 5000, 5001)
			o.action("j2", 1, "cart_reminder", "b", "add_to_cart", 5000, 5000+T, 5005+T)
		}},
		"not the first": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.event("b", "add_to_cart", 5000, 5001)
			o.action("j2", 1, "cart_reminder", "a", "add_to_cart", 1000, 1000+T, 1005+T)
		}, want: "missing unexpected"},
		"a purchase cancels": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.event("b", "purchase", 5000, 5001)
			o.action("j3", 1, "welcome", "b", "purchase", 5000, 5000, 5005)
		}},
		"a reminder all the same": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.event("b", "purchase", 5000, 5001)
			o.action("j3", 1, "welcome", "b", "purchase", 5000, 5000, 5005)
			o.action("j2", 1, "cart_reminder", "a", "add_to_cart", 1000, 1000+T, 1005+T)
		}, want: "unexpected"},
		"due before the purchase's time, read together": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.event("b", "purchase", 1001+T, 1002+T)
			o.action("j2", 1, "cart_reminder", "a", "add_to_cart", 1000, 1000+T, 9005+T)
			o.action("j3", 1, "welcome", "b", "purchase", 1001+T, 1001+T, 9006+T)
		}},
		"at the same instant the event is first": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.event("b", "purchase", 1000+T, 1000+T)
			o.action("j3", 1, "welcome", "b", "purchase", 1000+T, 1000+T, 1006+T)
		}, open: 1},
		"came too late to cancel": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.event("b", "purchase", 5000, 3000+T)
			o.action("j2", 1, "cart_reminder", "a", "add_to_cart", 1000, 1000+T, 1005+T)
			o.action("j3", 1, "welcome", "b", "purchase", 5000, 1000+T, 3005+T)
		}, open: 1},
		"late, and the customer's time stands": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.event("b", "add_to_cart", 5000, 3000+T)
			o.action("j2", 1, "cart_reminder", "a", "add_to_cart", 1000, 1000+T, 1005+T)
			o.action("j2", 2, "cart_reminder", "b", "add_to_cart", 5000, 1000+2*T, 1005+2*T)
		}, open: 1},
		"appended well before, read after the engine was back": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.event("b", "purchase", 5000, 5001)
			o.action("j2", 1, "cart_reminder", "a", "add_to_cart", 1000, 1000+T, 90005+T)
			o.action("j3", 1, "welcome", "b", "purchase", 5000, 1000+T, 90006+T)
		}, want: "unexpected wrong content"},
		"a look around the due moment, before the timer": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.event("b", "browse", 2000, 2001)
			o.event("c", "browse", 3000, 3001)
			o.event("d", "browse", 990+T, 995+T)
			o.action("j1", 1, "view_coupon", "d", "browse", 990+T, 990+T, 1001+T)
			o.action("j2", 1, "cart_reminder", "a", "add_to_cart", 1000, 1000+T, 1005+T)
		}, open: 1},
		"a look around the due moment, behind the timer": {fill: func(o *one) {
			o.event("a", "add_to_cart", 1000, 1001)
			o.event("b", "browse", 2000, 2001)
			o.event("c", "browse", 3000, 3001)
			o.event("d", "browse", 990+T, 1005+T)
			o.action("j2", 1, "cart_reminder", "a", "add_to_cart", 1000, 1000+T, 1004+T)
			o.action("j1", 1, "view_coupon", "d", "browse", 990+T, 1000+T, 1006+T)
		}, open: 1},
		"a second with the same event id is none": {fill: func(o *one) {
			o.event("a", "purchase", 1000, 1001)
			o.event("a", "purchase", 1000, 1002)
			o.action("j3", 1, "welcome", "a", "purchase", 1000, 1000, 1005)
		}},
		"a time ahead of its append counts as that": {fill: func(o *one) {
			o.event("a", "purchase", 9000, 1001)
			o.action("j3", 1, "welcome", "a", "purchase", 1001, 1001, 1005)
		}},
		"looks too far apart": {fill: func(o *one) {
			o.event("a", "browse", 1000, 1001)
			o.event("b", "browse", 2000, 2001)
			o.event("c", "browse", 601_000, 601_001) // b and c and the next
			o.event("d", "browse", 601_999, 602_001)
			o.action("j1", 1, "view_coupon", "d", "browse", 601_999, 601_999, 602_005)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var o one
			c.fill(&o)
			r := o.audit(audit.Rules{})
			var got []string
			for f, n := range r.Counts {
				if n > 0 {
					got = append(got, string(f))
				}
			}
			slices.Sort(got)
			if strings.Join(got, " ") != c.want || r.Undecided != c.open {
				t.Errorf("got %q, %d undecided; want %q, %d\n%s", got, r.Undecided, c.want, c.open, strings.Join(r.Examples, "\n"))
			}
		})
	}
}

// The tail: what is due behind the end of the run may be there or not.
func TestUntil(t *testing.T) {
	for _, there := range []bool{false, true} {
		var o one
		o.event("a", "add_to_cart", 1000, 1001)
		if there {
			o.action("j2", 1, "cart_reminder", "a", "add_to_cart", 1000, 11000, 11005)
		}
		o.event("z", "purchase", 1000, 1000)
		o.source[1].Value = bytes.ReplaceAll(o.source[1].Value, []byte(`"li"`), []byte(`"mo"`))
		o.action("j3", 1, "welcome", "z", "purchase", 1000, 1000, 1005)
		last := &o.actions[len(o.actions)-1]
		last.Value, last.Key = bytes.ReplaceAll(bytes.ReplaceAll(last.Value, []byte(`"li"`), []byte(`"mo"`)), []byte("/li/"), []byte("/mo/")), []byte("mo")
		last.Headers["action_id"] = "j3/mo/1/welcome/1"
		for until, bad := range map[int64]bool{10_999: false, 11_000: !there, 0: !there} {
			if r := o.audit(audit.Rules{Until: until}); (r.Problem() != nil) != bad {
				t.Errorf("until %d, there %v: %v %v", until, there, r.Problem(), r.Examples)
			}
		}
	}
}
