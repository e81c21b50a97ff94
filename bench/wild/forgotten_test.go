//go:build unix

package wild

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"wend/bench/stand"
)

const (
	forgetfulPort = 30120
	forgetfulHTTP = 30180
)

// forgetful is a broker that keeps nothing for long: it forgets producers and transactional ids that were silent for
// three seconds, and looks twice a second what retention lets it remove.
func forgetful(t *testing.T) stand.Options {
	t.Helper()
	needsKafka(t)
	return stand.Options{Port: forgetfulPort, HTTPPort: forgetfulHTTP, Binary: binary(t), Dir: t.TempDir(), Await: 3 * time.Second, Forget: 3 * time.Second,
		Properties: []string{"transactional.id.expiration.ms=3000", "transaction.remove.expired.transaction.cleanup.interval.ms=500",
			"log.retention.check.interval.ms=500", "log.segment.delete.delay.ms=500"}}
}

// TestRealForgottenProducers lets a broker forget every producer id and transactional id of the engine's, each time before
// the same engine goes on, is started again, gives shards to a new member, and dies: the auditor finds everything once.
func TestRealForgottenProducers(t *testing.T) {
	l := newLoaded(t, forgetful(t), "forgotten", 500)
	one := l.member("a")
	a := l.start(one)
	work := func() {
		t.Helper()
		l.send(600, 200)
		l.rest()
		l.forgotten()
	}
	work()
	work() // the owner goes on
	l.stop(a)
	a = l.start(one)
	work()
	l.stop(a)
	l.forgotten() // what it wrote last
	a = l.start(one)
	b := l.start(l.member("b"))
	work()
	if err := a.Kill(); err != nil {
		t.Fatal(err)
	}
	work() // b takes over from the dead
	work()
	l.stop(b)
	l.audit()
}

// forgotten waits until the broker knows no producer of journal, actions and dead letters, and no transactional id.
func (l *loaded) forgotten() {
	l.t.Helper()
	topics := kadm.TopicsSet{}
	var ids []string
	for p := range int32(stand.Partitions) {
		topics.Add(l.app.Journal, p)
		topics.Add(l.app.Actions, p)
		topics.Add(l.app.Letters, p)
		ids = append(ids, fmt.Sprintf("%s/%d", l.app.Name, p))
	}
	began := time.Now()
	for {
		known := 0
		found, err := l.Admin.DescribeProducers(l.t.Context(), topics)
		if err != nil {
			l.t.Fatal(err)
		}
		partitions := 0
		found.EachPartition(func(p kadm.DescribedProducersPartition) {
			if p.Err != nil {
				l.t.Fatal(p.Err)
			}
			partitions++
			known += len(p.ActiveProducers)
		})
		described, err := l.Admin.DescribeTransactions(l.t.Context(), ids...)
		if err != nil {
			l.t.Fatal(err)
		}
		for _, id := range ids {
			if d, ok := described[id]; !ok || !errors.Is(d.Err, kerr.TransactionalIDNotFound) {
				known++
			}
		}
		if known == 0 && partitions == 3*stand.Partitions {
			return
		}
		if time.Since(began) > time.Minute {
			l.t.Fatalf("the broker still knows %d producers after %v", known, time.Since(began))
		}
		time.Sleep(250 * time.Millisecond)
	}
}
