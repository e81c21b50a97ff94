//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/audit"
	realkafka "wend/bench/kafka"
	"wend/bench/proxy"
	"wend/bench/workload"
)

const partitions = 4

// sessionTimeout is the engine's in these tests: the shortest that its members may be without suspicion on a loaded machine.
const sessionTimeout = 6 * time.Second

// stand is all that a test stands on: a broker, a binary, a directory.
type stand struct {
	o       *options
	dir     string
	keep    bool
	binary  string
	direct  string // brokers, for us
	brokers string // brokers, for the engine
	cluster *realkafka.Cluster
	proxy   *proxy.Proxy
	client  *kgo.Client
	admin   *kadm.Client
	engines []*process
}

func newStand(ctx context.Context, o *options) (s *stand, err error) {
	s = &stand{o: o, dir: o.dir, keep: o.dir != "", binary: o.wend, direct: o.brokers, brokers: o.brokers}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(false))
		}
	}()
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "wend-crash-"); err != nil {
			return s, err
		}
	} else if err = os.MkdirAll(s.dir, 0o755); err != nil {
		return s, err
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return s, err
	}
	if s.binary == "" {
		if err = s.build(ctx); err != nil {
			return s, err
		}
	}
	if s.direct == "" {
		if err = s.startKafka(ctx); err != nil {
			return s, err
		}
	}
	if s.client, err = kgo.NewClient(kgo.SeedBrokers(workload.Split(s.direct)...)); err != nil {
		return s, err
	}
	s.admin = kadm.NewClient(s.client)
	fmt.Printf("seed %d, brokers %s, logs in %s\n", o.seed, s.direct, s.dir)
	return s, nil
}

func (s *stand) build(ctx context.Context) error {
	s.binary = filepath.Join(s.dir, "wend")
	args := []string{"build", "-o", s.binary}
	if s.o.sabotage != "" {
		args = append(args, "-tags", "sabotage")
	}
	if out, err := exec.CommandContext(ctx, "go", append(args, "wend/cmd/wend")...).CombinedOutput(); err != nil {
		return fmt.Errorf("build wend: %w\n%s", err, out)
	}
	return nil
}

// startKafka starts one broker; with a proxy before it, the broker has a second listener that it advertises under the
// proxy's address, so that clients who come through the proxy stay behind it.
func (s *stand) startKafka(ctx context.Context) error {
	port := s.o.port
	var properties []string
	if s.o.proxyDrop > 0 {
		upstream, front := port+2, port+3
		properties = []string{
			fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d,PROXIED://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d", port, upstream, port+1),
			fmt.Sprintf("advertised.listeners=PLAINTEXT://127.0.0.1:%d,PROXIED://127.0.0.1:%d", port, front),
			"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT",
			"inter.broker.listener.name=PLAINTEXT",
		}
		var err error
		s.brokers = "127.0.0.1:" + strconv.Itoa(front)
		if s.proxy, err = proxy.Listen(s.brokers, "127.0.0.1:"+strconv.Itoa(upstream), s.o.proxyDrop); err != nil {
			return err
		}
	}
	began := time.Now()
	var err error
	if s.cluster, err = realkafka.Start(ctx, filepath.Join(s.dir, "kafka"), realkafka.Options{Port: port, Properties: properties}); err != nil {
		return err
	}
	s.direct = s.cluster.Bootstrap()
	if s.brokers == "" {
		s.brokers = s.direct
	}
	fmt.Printf("kafka started in %.1f s\n", time.Since(began).Seconds())
	return nil
}

// close ends what was started, in the order that nothing waits for what is gone.
func (s *stand) close(failed bool) error {
	var errs []error
	for _, e := range s.engines {
		e.end()
	}
	if s.client != nil {
		s.client.Close()
	}
	if s.proxy != nil {
		errs = append(errs, s.proxy.Close())
	}
	if s.cluster != nil {
		errs = append(errs, s.cluster.Stop())
	}
	if !s.keep && !failed && s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// app is one engine fleet's topics.
type app struct {
	name, source, actions, letters, journal string
}

func (s *stand) newApp(name, source string) *app {
	name = fmt.Sprintf("%s-%d", name, time.Now().UnixMilli())
	if source == "" {
		source = name + ".events"
	}
	return &app{name: name, source: source, actions: name + ".actions", letters: name + ".dead-letter", journal: name + ".journal"}
}

func (a *app) topics(s *stand) audit.Topics {
	return audit.Topics{Brokers: s.direct, Source: a.source, Actions: a.actions, Letters: a.letters}
}

// create makes the app's topics. The auditor believes the broker's clock alone, so all of them are stamped on append.
func (s *stand) create(ctx context.Context, a *app, journal map[string]string) error {
	stamped := map[string]*string{"message.timestamp.type": kadm.StringPtr("LogAppendTime"), "retention.ms": kadm.StringPtr("-1")}
	made := map[string]map[string]*string{a.source: stamped, a.actions: stamped, a.letters: stamped}
	if journal != nil {
		configs := map[string]*string{"message.timestamp.type": kadm.StringPtr("LogAppendTime"), "cleanup.policy": kadm.StringPtr("compact")}
		for k, v := range journal {
			configs[k] = kadm.StringPtr(v)
		}
		made[a.journal] = configs
	}
	for topic, configs := range made {
		if r, err := s.admin.CreateTopic(ctx, partitions, -1, configs, topic); err != nil {
			if errors.Is(r.Err, errTopicExists) {
				continue
			}
			return fmt.Errorf("create %s: %w", topic, err)
		}
	}
	return s.led(ctx, slices.Collect(maps.Keys(made))...)
}

// led waits until the broker knows a leader for each partition: topics are made before that is so.
func (s *stand) led(ctx context.Context, topics ...string) error {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		found, err := s.admin.ListTopics(ctx, topics...)
		led := err == nil && found.Error() == nil
		for _, t := range topics {
			led = led && len(found[t].Partitions) == partitions
			for _, p := range found[t].Partitions {
				led = led && p.Err == nil && p.Leader >= 0
			}
		}
		if led {
			return nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("create %v: not all have a leader after 30 s: %w", topics, errors.Join(err, ctx.Err()))
		}
	}
}

// workspace writes one for a member of the app's fleet.
func (s *stand) workspace(a *app, name string, unitEvents int) (*member, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	m := &member{name: name, dir: filepath.Join(s.dir, a.name, name), http: "127.0.0.1:" + strconv.Itoa(port)}
	m.data = filepath.Join(m.dir, "data")
	w := workload.Workspace{App: a.name, Brokers: s.brokers, Source: a.source, Actions: a.actions, DataDir: m.data, HTTP: m.http,
		Await: s.o.await, SessionTimeout: sessionTimeout, UnitEvents: unitEvents}
	return m, w.Write(m.dir)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// audited reads the topics and prints what is wrong.
func (s *stand) audited(ctx context.Context, a *app, down []audit.Span) error {
	began := time.Now()
	au := audit.New(audit.Rules{Await: s.o.await, Slack: s.o.slack, Down: down, Letters: true})
	if err := au.ReadAll(ctx, a.topics(s)); err != nil {
		return err
	}
	r := au.Finish()
	r.Bound(undecidedShare(s.o), 20)
	r.Print(os.Stdout)
	fmt.Printf("  audited in %.1f s\n", time.Since(began).Seconds())
	if err := r.Problem(); err != nil {
		return &verdict{err}
	}
	return nil
}
