//go:build unix

package wild

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"wend/bench/stand"
)

const (
	threePort = 30140 // of a cluster of three, where WEND_TEST_KAFKA is none
	threeHTTP = 30190
	moves     = 2 // times that everything moves
)

// three is a cluster of at least three brokers.
func three(t *testing.T) stand.Options {
	t.Helper()
	needsKafka(t)
	o := stand.Options{Nodes: 3, Port: threePort, HTTPPort: threeHTTP, Binary: binary(t), Dir: t.TempDir(), Await: 6 * time.Second}
	if given := os.Getenv("WEND_TEST_KAFKA"); strings.Count(given, ",") >= 2 {
		o.Brokers = given
	}
	return o
}

func newStand(t *testing.T, o stand.Options) *stand.Stand {
	t.Helper()
	s, err := stand.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(t.Failed()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestRealLeadersMove has every partition of an app's topics move to other brokers and get other leaders again and
// again, under load. The auditor finds nothing missing, twice or out of order.
func TestRealLeadersMove(t *testing.T) {
	l := newLoaded(t, three(t), "leaders", 5000)
	p := l.start(l.member("a"))
	stopLoad := l.keepSending(500)
	calm := time.Now().Add(l.await)
	time.Sleep(time.Until(calm.Add(5 * time.Second)))
	began := time.Now()
	led := 0
	for range moves {
		led += l.moveAll(func(d kadm.PartitionDetail, brokers []int32) []int32 { return others(brokers, d.Leader)[:2] })
		led += l.electAll()
		led += l.moveAll(func(d kadm.PartitionDetail, _ []int32) []int32 { return append(others(d.Replicas, d.Leader), d.Leader) })
		led += l.electAll()
	}
	time.Sleep(2 * time.Second)
	ended := time.Now()
	stopLoad()
	l.rest()
	looks, again := metric(t, fmt.Sprintf("127.0.0.1:%d", threeHTTP), "wend_looks_total"), metric(t, fmt.Sprintf("127.0.0.1:%d", threeHTTP), "wend_refused_sequences_total")
	l.stop(p)
	l.audit()
	if least := 2 * moves * 4 * stand.Partitions; led < least {
		t.Errorf("partitions got other leaders %d times, wanted %d at least", led, least)
	}
	fmt.Printf("leaders: %d times a partition got another leader; %.0f looks, %.0f refused sequences; the longest pause between actions of a partition: %v calm, %v while they moved\n",
		led, looks, again, longest(l.watch, calm, began), longest(l.watch, began, ended))
}

// others are the brokers but one, the lowest first.
func others(brokers []int32, not int32) []int32 {
	left := slices.DeleteFunc(slices.Clone(brokers), func(b int32) bool { return b == not })
	slices.Sort(left)
	return left
}

func longest(w *stand.Watcher, from, to time.Time) (d time.Duration) {
	for _, s := range w.Silences(from, to, 0) {
		d = max(d, s.Lasted)
	}
	return d
}

// partitions are those of all the app's topics.
func (l *loaded) partitions() (all []kadm.PartitionDetail) {
	l.t.Helper()
	found, err := l.Admin.ListTopics(l.t.Context(), l.app.Source, l.app.Journal, l.app.Actions, l.app.Letters)
	if err != nil || found.Error() != nil {
		l.t.Fatal(err, found.Error())
	}
	found.EachPartition(func(d kadm.PartitionDetail) { all = append(all, d) })
	if len(all) != 4*stand.Partitions {
		l.t.Fatalf("there are %d partitions", len(all))
	}
	return all
}

// moveAll gives every partition the replicas chosen for it, waits until it has them and no others, and says how many have
// another leader then.
func (l *loaded) moveAll(choose func(d kadm.PartitionDetail, brokers []int32) []int32) int {
	l.t.Helper()
	brokers, err := l.Admin.ListBrokers(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	before := l.partitions()
	var req kadm.AlterPartitionAssignmentsReq
	for _, d := range before {
		req.Assign(d.Topic, d.Partition, choose(d, brokers.NodeIDs()))
	}
	if r, err := l.Admin.AlterPartitionAssignments(l.t.Context(), req); err != nil || r.Error() != nil {
		l.t.Fatal(err, r.Error())
	}
	return l.settled(before, func(d kadm.PartitionDetail) bool {
		want := req[d.Topic][d.Partition]
		return slices.Equal(d.Replicas, want) && len(d.ISR) == len(want) && slices.Contains(want, d.Leader)
	})
}

// electAll has the first replica of every partition lead it.
func (l *loaded) electAll() int {
	l.t.Helper()
	before := l.partitions()
	set := kadm.TopicsSet{}
	for _, d := range before {
		set.Add(d.Topic, d.Partition)
	}
	if _, err := l.Admin.ElectLeaders(l.t.Context(), kadm.ElectPreferredReplica, set); err != nil { // those that lead already are told so
		l.t.Fatal(err)
	}
	return l.settled(before, func(d kadm.PartitionDetail) bool { return d.Leader == d.Replicas[0] })
}

// settled waits until every partition is as wanted, and lets the load go on so for a second.
func (l *loaded) settled(before []kadm.PartitionDetail, good func(kadm.PartitionDetail) bool) (led int) {
	l.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		now := l.partitions()
		at := slices.IndexFunc(now, func(d kadm.PartitionDetail) bool { return !good(d) })
		if at < 0 {
			was := map[string]int32{}
			for _, d := range before {
				was[fmt.Sprintf("%s/%d", d.Topic, d.Partition)] = d.Leader
			}
			for _, d := range now {
				if was[fmt.Sprintf("%s/%d", d.Topic, d.Partition)] != d.Leader {
					led++
				}
			}
			break
		}
		if time.Now().After(end) {
			l.t.Fatalf("%+v does not become what it was told to be", now[at])
		}
	}
	time.Sleep(time.Second)
	return led
}
