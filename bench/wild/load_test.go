//go:build unix

package wild

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"wend/bench/audit"
	"wend/bench/stand"
	"wend/bench/workload"
)

// slack is how far around a reminder's due moment the auditor leaves it open whether an event or the reminder was first:
// a record is stamped when its leader has it, and seen when the replicas have. While they move that may take a while.
const slack = 2 * time.Second

// undecidedShare is how many of the reminders may meet an event around their due moment: more would leave the auditor
// blind. 0.47 of a customer's events matter (0.2 + 0.8/3: what is no browse, and the browses that bring a coupon), so that
// many times the slack times a customer's rate are undecided on the fastest machine: the rate must stay well below a
// quarter of an event a second, but in short bursts.
const undecidedShare = 0.25

// loaded is an app under the cart workload, which the auditor looks at in the end.
type loaded struct {
	*stand.Stand
	t         *testing.T
	app       *stand.App
	watch     *stand.Watcher
	await     time.Duration // until a cart's reminder is due
	customers int           // who take turns at the events
	sent      int           // events
	last      int64         // ts of the last one, ms
}

// newLoaded makes the app's topics on a cluster; its journal is the engine's to make.
func newLoaded(t *testing.T, on stand.Options, name string, customers int) *loaded {
	t.Helper()
	l := &loaded{Stand: newStand(t, on), t: t, app: stand.NewApp(name, ""), await: on.Await, customers: customers}
	if err := l.Create(t.Context(), l.app, nil); err != nil {
		t.Fatal(err)
	}
	var err error
	if l.watch, err = l.Watch(t.Context(), l.app); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.watch.Close)
	return l
}

func (l *loaded) member(name string) *stand.Member {
	l.t.Helper()
	m, err := l.NewMember(l.app, name, 0)
	if err != nil {
		l.t.Fatal(err)
	}
	return m
}

// start runs an engine until it works on its shards.
func (l *loaded) start(m *stand.Member) *stand.Process {
	l.t.Helper()
	p, err := l.Start(m)
	if err == nil {
		err = p.Ready(l.t.Context(), time.Minute)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(p.End)
	return p
}

func (l *loaded) stop(p *stand.Process) {
	l.t.Helper()
	if err := p.Stop(30 * time.Second); err != nil {
		l.t.Error(err)
	}
}

// send sends events, one in fifty with a record beside it that is none, and returns when the brokers have all of them.
func (l *loaded) send(events int, rate float64) {
	l.t.Helper()
	load := &workload.Load{Brokers: l.Brokers, Topic: l.app.Source, Seed: 1, Customers: l.customers, Rate: rate, First: l.sent, Count: events, Malformed: 50}
	sent, err := load.Run(l.t.Context())
	l.sent += sent.Events
	l.last = sent.Last
	if err != nil {
		l.t.Error(err)
	}
}

// keepSending sends events until the function that it gives is called, or the test ends.
func (l *loaded) keepSending(rate int) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-quit:
				return
			default:
				l.send(rate, float64(rate))
			}
		}
	}()
	stop = sync.OnceFunc(func() {
		close(quit)
		<-ended
	})
	l.t.Cleanup(stop)
	return stop
}

// rest waits until all is handled and every timer has fired.
func (l *loaded) rest() {
	l.t.Helper()
	if err := l.Rest(l.t.Context(), l.app, l.watch, l.last, fmt.Sprintf("rest-%d", l.sent), time.Minute); err != nil {
		l.t.Error(err) // the audit says what is missing
	}
}

// audit says what is missing, there twice or out of order, and who wrote the journal. The engines are at rest.
func (l *loaded) audit() {
	l.t.Helper()
	a := audit.New(audit.Rules{Await: l.await, Slack: slack, Letters: true})
	if err := a.ReadAll(l.t.Context(), audit.Topics{Brokers: l.Brokers, Source: l.app.Source, Actions: l.app.Actions, Letters: l.app.Letters}); err != nil {
		l.t.Fatal(err)
	}
	r := a.Finish()
	r.Bound(undecidedShare, 50)
	r.Print(os.Stdout)
	if err := r.Problem(); err != nil {
		for _, c := range r.Suspects[:min(len(r.Suspects), 1)] {
			a.Story(os.Stdout, c)
		}
		l.t.Error(err)
	}
	if err := l.JournalKept(l.t.Context(), l.app); err != nil {
		l.t.Error(err)
	}
}

// metric sums a counter of an engine's over its labels.
func metric(t *testing.T, address, name string) float64 {
	t.Helper()
	m, err := stand.ReadMetrics(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	sum, ok := m[name]
	if !ok {
		t.Fatalf("no metric %s", name)
	}
	return sum
}
