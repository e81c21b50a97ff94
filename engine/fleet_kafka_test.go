package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"wend/connectors"
	"wend/connectors/kafka"
	"wend/engine"
)

// bootstrap gives a cluster: the one of WEND_TEST_KAFKA (host:port, or several with commas), else an embedded one.
func bootstrap(t *testing.T) (brokers []string, real bool) {
	if addr := os.Getenv("WEND_TEST_KAFKA"); addr != "" {
		return strings.Split(addr, ","), true
	}
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.BrokerConfigs(map[string]string{"group.min.session.timeout.ms": "1000"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs(), false
}

// process is a member with a client of its own, as a process has.
type process struct {
	t        *testing.T
	fleet    *engine.Fleet
	client   *kafka.Client
	stop     context.CancelFunc
	assigned chan engine.Assigned
	beats    chan engine.HeartbeatAnswered
	lost     chan error
	ended    chan error
	done     chan struct{}
}

func start(t *testing.T, brokers []string, cfg engine.FleetConfig) *process {
	t.Helper()
	client, err := kafka.New(kafka.Options{Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &process{
		t: t, client: client, stop: stop,
		assigned: make(chan engine.Assigned, 100), beats: make(chan engine.HeartbeatAnswered, 1000),
		lost: make(chan error, 100), ended: make(chan error, 1), done: make(chan struct{}),
	}
	p.fleet = engine.NewFleet(cfg, kafka.NewGroup(client), engine.FleetListener{
		Assigned:          func(a engine.Assigned) { p.assigned <- a },
		HeartbeatAnswered: func(h engine.HeartbeatAnswered) { p.beats <- h },
		Lost:              func(err error) { p.lost <- err },
		Retrying:          func(err error, after time.Duration) { t.Logf("%s: retrying in %s: %v", cfg.InstanceID, after, err) },
	})
	go func() {
		defer close(p.done)
		p.ended <- p.fleet.Run(ctx)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill drops the process: its connections break, and it leaves nothing and tells nobody.
func (p *process) kill() {
	p.client.Close()
	p.stop()
	<-p.done
}

// until waits for an assignment of n partitions.
func (p *process) until(n int) engine.Assigned {
	p.t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		select {
		case a := <-p.assigned:
			if len(a.Active) == n {
				return a
			}
		case err := <-p.ended:
			p.t.Fatalf("ended: %v", err)
		case <-deadline:
			p.t.Fatalf("no assignment of %d partitions in a minute", n)
		}
	}
}

// beaten waits for a heartbeat that was sent after now.
func (p *process) beaten() engine.HeartbeatAnswered {
	p.t.Helper()
	now := time.Now()
	p.fleet.Hurry()
	deadline := time.After(60 * time.Second)
	for {
		select {
		case b := <-p.beats:
			if b.SentAt.After(now) {
				return b
			}
		case err := <-p.ended:
			p.t.Fatalf("ended: %v", err)
		case <-deadline:
			p.t.Fatal("no heartbeat was answered in a minute")
		}
	}
}

func fleetConfig(t *testing.T, instance string) engine.FleetConfig {
	name := fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano())
	return engine.FleetConfig{Group: name, InstanceID: instance, Topic: name, Partitions: 8, SessionTimeout: 6 * time.Second}
}

func createTopic(t *testing.T, brokers []string, cfg engine.FleetConfig) {
	t.Helper()
	c, err := kafka.New(kafka.Options{Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateTopics(t.Context(), connectors.TopicSpec{Name: cfg.Topic, Partitions: cfg.Partitions, Replication: 1}); err != nil {
		t.Fatal(err)
	}
}

func TestFleetKilledMemberTakesItsShardsBack(t *testing.T) {
	brokers, real := bootstrap(t)
	cfg := fleetConfig(t, "i-a")
	createTopic(t, brokers, cfg)
	views := func(ps []int32) func() engine.MemberState {
		return func() (s engine.MemberState) {
			for _, p := range ps {
				s.Views = append(s.Views, engine.View{Partition: p, Offset: time.Now().UnixNano()})
			}
			return s
		}
	}
	a := start(t, brokers, cfg)
	a.until(8)
	cfg.InstanceID = "i-b"
	b := start(t, brokers, cfg)
	ofB := b.until(4)
	ofA := a.until(4)
	a.beaten()
	b.beaten()
	for i, instance := range []string{"i-a", "i-b", "i-a"} { // the leader first
		cfg.InstanceID = instance
		killed, want, other := &a, ofA, &b
		if instance == "i-b" {
			killed, want, other = &b, ofB, &a
		}
		(*killed).kill()
		cfg.UserData = views(want.Active) // the user data is another one each time
		began := time.Now()
		*killed = start(t, brokers, cfg)
		got := (*killed).until(4)
		t.Logf("round %d: %s has its shards back after %s", i, instance, time.Since(began))
		if !slices.Equal(got.Active, want.Active) {
			t.Errorf("%s had %v, came back and has %v", instance, want.Active, got.Active)
		}
		if real && got.Generation != want.Generation {
			t.Errorf("%s came back in generation %d after %d: a rebalance", instance, got.Generation, want.Generation)
		}
		// On the embedded broker other user data is a rebalance; the other one must keep what it has.
		beat := (*other).beaten()
		if real && beat.Generation != want.Generation {
			t.Errorf("the other's generation is %d, was %d", beat.Generation, want.Generation)
		}
	}
	select {
	case err := <-a.lost:
		t.Error(err)
	case err := <-b.lost:
		t.Error(err)
	default:
	}
}

func TestFleetTakesOverFromTheDead(t *testing.T) {
	brokers, _ := bootstrap(t)
	cfg := fleetConfig(t, "i-a")
	cfg.SessionTimeout = 2 * time.Second
	createTopic(t, brokers, cfg)
	a := start(t, brokers, cfg)
	a.until(8)
	cfg.InstanceID = "i-b"
	b := start(t, brokers, cfg)
	b.until(4)
	had := a.until(4)
	b.kill()
	if all := a.until(8); all.Generation <= had.Generation {
		t.Errorf("generation %d after %d", all.Generation, had.Generation)
	}
	b = start(t, brokers, cfg)
	b.until(4)
	a.until(4)
}

func TestFleetLeaves(t *testing.T) {
	brokers, _ := bootstrap(t)
	cfg := fleetConfig(t, "i-a")
	cfg.SessionTimeout = 15 * time.Second
	createTopic(t, brokers, cfg)
	a := start(t, brokers, cfg)
	a.until(8)
	cfg.InstanceID, cfg.LeaveOnStop = "i-b", true
	b := start(t, brokers, cfg)
	b.until(4)
	a.until(4)
	b.stop()
	if err := <-b.ended; err != nil {
		t.Fatal(err)
	}
	generation := a.until(8).Generation
	if beat := a.beaten(); beat.Generation != generation {
		t.Errorf("heartbeat of generation %d in %d", beat.Generation, generation)
	}
}

func TestFleetSecondProcessOfOneInstance(t *testing.T) {
	brokers, _ := bootstrap(t)
	cfg := fleetConfig(t, "i-a")
	createTopic(t, brokers, cfg)
	a := start(t, brokers, cfg)
	a.until(8)
	a.beaten()
	b := start(t, brokers, cfg)
	b.until(8)
	select {
	case err := <-a.ended:
		if !errors.Is(err, connectors.FencedInstanceID) {
			t.Errorf("the first ended with %v", err)
		}
	case <-time.After(60 * time.Second):
		t.Error("the first goes on")
	}
	b.beaten()
}

func TestFleetGroupIsReadableByTools(t *testing.T) {
	brokers, _ := bootstrap(t)
	cfg := fleetConfig(t, "i-a")
	createTopic(t, brokers, cfg)
	start(t, brokers, cfg).until(8)
	// What kafka-consumer-groups does, by a library that is not ours.
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	groups, err := kadm.NewClient(client).DescribeGroups(t.Context(), cfg.Group)
	if err != nil {
		t.Fatal(err)
	}
	group := groups[cfg.Group]
	if group.State != "Stable" || group.ProtocolType != "consumer" || len(group.Members) != 1 {
		t.Fatalf("%+v", group)
	}
	m := group.Members[0]
	assigned, ok := m.Assigned.AsConsumer()
	if !ok || len(assigned.Topics) != 1 || assigned.Topics[0].Topic != cfg.Topic || len(assigned.Topics[0].Partitions) != 8 {
		t.Errorf("assignment %+v", m.Assigned)
	}
	if joined, ok := m.Join.AsConsumer(); !ok || !slices.Equal(joined.Topics, []string{cfg.Topic}) {
		t.Errorf("subscription %+v", m.Join)
	}
	if m.InstanceID == nil || *m.InstanceID != "i-a" {
		t.Errorf("instance %v", m.InstanceID)
	}
}
