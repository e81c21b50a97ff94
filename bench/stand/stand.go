//go:build unix

// Package stand is what tests of the real binary stand on: a Kafka, the binary, workspaces, and processes that can be killed.
// It wires; what is to be shown is in the commands that use it.
package stand

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/figures"
	realkafka "wend/bench/kafka"
	"wend/bench/proxy"
	"wend/bench/workload"
)

// Partitions is what every topic of a test has, unless its options say otherwise.
const Partitions = 4

// SessionTimeout is the engine's in these tests: the shortest that its members may be without suspicion on a loaded machine.
const SessionTimeout = 6 * time.Second

// Options of a stand. The zero value builds the binary and starts a Kafka in a temporary directory.
type Options struct {
	Brokers    string        // a Kafka to use, host:port with commas; "" starts one
	Port       int           // where that listens, with up to three ports behind it, further brokers each ten higher
	Nodes      int           // brokers of one that is started; 1 when zero, of 3 each partition has three replicas
	Behind     bool          // the engine behind a proxy for each broker
	Properties []string      // further properties of brokers that are started
	HTTPPort   int           // of the first engine, the next ones behind it; 0: any free ones
	Partitions int32         // of each topic; the constant when zero
	Binary     string        // wend; "" builds it
	Dir        string        // where everything goes, kept; "" is a temporary directory, kept when something is wrong
	Sabotage   string        // a protection to leave out, as WEND_TEST_SABOTAGE has it
	ProxyDrop  int           // what such a proxy begins with: it loses every so many-th produce answer; 0: none
	Forget     time.Duration // a Kafka that is started forgets producers silent for so long; 0: as long as it likes, a day
	Await      time.Duration // of the workload's reminders
	Journeys   string        // YAML documents in place of the workload's journeys; "" for those
	Figures    string        // a file to which what was measured is appended (bench/figures); "" for none
}

// Flags gives a command what those who measure on a stand have in common. port is where a Kafka of its own listens.
func (o *Options) Flags(f *flag.FlagSet, port int) {
	f.StringVar(&o.Brokers, "brokers", "", "a Kafka to use, host:port with commas, whose processor time nobody knows then; without it one is started")
	f.IntVar(&o.Port, "port", port, "where a Kafka that is started listens, with the port behind it")
	f.StringVar(&o.Binary, "wend", "", "the binary; without it cmd/wend is built")
	f.StringVar(&o.Dir, "dir", "", "where everything goes, kept; without it a temporary directory")
	f.StringVar(&o.Figures, "figures", "", "a file to which what was measured is appended (medians, of rounds), for bench/table")
}

// Stand is all that a test stands on. Its owner calls Close.
type Stand struct {
	Dir     string
	Brokers string             // for tests
	Proxies []*proxy.Proxy     // of the brokers, the first first; empty without them
	Cluster *realkafka.Cluster // nil when it is not ours
	Admin   *kadm.Client

	o         Options
	temporary bool
	binary    string
	behind    string // brokers, for the engine
	client    *kgo.Client

	mu        sync.Mutex
	processes []*Process
	members   int
}

// New builds and starts what the options do not name.
func New(ctx context.Context, o Options) (s *Stand, err error) {
	s = &Stand{o: o, Dir: o.Dir, temporary: o.Dir == "", binary: o.Binary, Brokers: o.Brokers, behind: o.Brokers}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(true)) // the error may name a log
		}
	}()
	if s.Dir == "" {
		if s.Dir, err = os.MkdirTemp("", "wend-bench-"); err != nil {
			return s, err
		}
	} else if err = os.MkdirAll(s.Dir, 0o755); err != nil {
		return s, err
	}
	if s.Dir, err = filepath.Abs(s.Dir); err != nil {
		return s, err
	}
	if s.binary == "" {
		if err = s.build(ctx); err != nil {
			return s, err
		}
	}
	if s.Brokers == "" {
		if err = s.startKafka(ctx); err != nil {
			return s, err
		}
	}
	if s.client, err = kgo.NewClient(kgo.SeedBrokers(workload.Split(s.Brokers)...)); err != nil {
		return s, err
	}
	s.Admin = kadm.NewClient(s.client)
	fmt.Printf("brokers %s, logs in %s\n", s.Brokers, s.Dir)
	return s, nil
}

func (s *Stand) build(ctx context.Context) error {
	s.binary = filepath.Join(s.Dir, "wend")
	tags := ""
	if s.o.Sabotage != "" {
		tags = "sabotage"
	}
	return Build(ctx, s.binary, tags)
}

// Build makes the binary, with build tags where there are some.
func Build(ctx context.Context, to, tags string) error {
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", to, "-tags", tags, "wend/cmd/wend").CombinedOutput(); err != nil {
		return fmt.Errorf("build wend: %w\n%s", err, out)
	}
	return nil
}

// startKafka starts brokers; with proxies before them, each has a second listener that it advertises under its proxy's
// address, so that clients who come through a proxy stay behind them.
func (s *Stand) startKafka(ctx context.Context) error {
	o := realkafka.Options{Nodes: max(1, s.o.Nodes), Port: s.o.Port, Properties: slices.Clone(s.o.Properties)}
	if s.o.Forget > 0 {
		o.Properties = append(o.Properties, fmt.Sprintf("producer.id.expiration.ms=%d", s.o.Forget.Milliseconds()), "producer.id.expiration.check.interval.ms=500")
	}
	if s.o.Behind || s.o.ProxyDrop > 0 {
		o.Each = func(node int) []string {
			port := s.port(node)
			return []string{
				fmt.Sprintf("listeners=PLAINTEXT://127.0.0.1:%d,PROXIED://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d", port, port+2, port+1),
				fmt.Sprintf("advertised.listeners=PLAINTEXT://127.0.0.1:%d,PROXIED://127.0.0.1:%d", port, port+3),
				"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT",
				"inter.broker.listener.name=PLAINTEXT",
			}
		}
		var fronts []string
		for node := 1; node <= o.Nodes; node++ {
			front, upstream := fmt.Sprintf("127.0.0.1:%d", s.port(node)+3), fmt.Sprintf("127.0.0.1:%d", s.port(node)+2)
			p, err := proxy.Listen(front, upstream, proxy.Faults{Lose: s.o.ProxyDrop})
			if err != nil {
				return err
			}
			s.Proxies, fronts = append(s.Proxies, p), append(fronts, front)
		}
		s.behind = strings.Join(fronts, ",")
	}
	began := time.Now()
	var err error
	if s.Cluster, err = realkafka.Start(ctx, filepath.Join(s.Dir, "kafka"), o); err != nil {
		return err
	}
	s.Brokers = s.Cluster.Bootstrap()
	if s.behind == "" {
		s.behind = s.Brokers
	}
	fmt.Printf("kafka started in %.1f s\n", time.Since(began).Seconds())
	return nil
}

func (s *Stand) port(node int) int { return s.o.Port + 10*(node-1) }

// partitions of each topic.
func (s *Stand) partitions() int32 {
	if s.o.Partitions > 0 {
		return s.o.Partitions
	}
	return Partitions
}

// Close ends what was started, in the order that nothing waits for what is gone.
func (s *Stand) Close(failed bool) error {
	var errs []error
	for _, e := range s.processes {
		e.End()
	}
	if s.client != nil {
		s.client.Close()
	}
	for _, p := range s.Proxies {
		errs = append(errs, p.Close())
	}
	if s.Cluster != nil {
		errs = append(errs, s.Cluster.Stop())
	}
	if s.temporary && !failed && s.Dir != "" {
		errs = append(errs, os.RemoveAll(s.Dir))
	}
	return errors.Join(errs...)
}

// App is one engine fleet's topics.
type App struct {
	Name, Source, Actions, Letters, Journal string
}

// NewApp names an app that was never there before, on a source of its own where none is given.
func NewApp(name, source string) *App {
	name = fmt.Sprintf("%s-%d", name, time.Now().UnixMilli())
	if source == "" {
		source = name + ".events"
	}
	return &App{Name: name, Source: source, Actions: name + ".actions", Letters: name + ".dead-letter", Journal: name + ".journal"}
}

// Create makes the app's topics, the journal only where configs for it are given. The auditor believes the broker's clock alone, so all of them are stamped on append.
func (s *Stand) Create(ctx context.Context, a *App, journal map[string]string) error {
	stamped := map[string]*string{"message.timestamp.type": kadm.StringPtr("LogAppendTime"), "retention.ms": kadm.StringPtr("-1")}
	made := map[string]map[string]*string{a.Source: stamped, a.Actions: stamped, a.Letters: stamped}
	if journal != nil {
		configs := map[string]*string{"message.timestamp.type": kadm.StringPtr("LogAppendTime"), "cleanup.policy": kadm.StringPtr("compact")}
		for k, v := range journal {
			configs[k] = kadm.StringPtr(v)
		}
		made[a.Journal] = configs
	}
	for topic, configs := range made {
		if r, err := s.Admin.CreateTopic(ctx, s.partitions(), -1, configs, topic); err != nil {
			if errors.Is(r.Err, kerr.TopicAlreadyExists) {
				continue
			}
			return fmt.Errorf("create %s: %w", topic, err)
		}
	}
	return s.led(ctx, slices.Collect(maps.Keys(made))...)
}

// Remove deletes the topics that are an app's own, so that the broker has no work by them while another app is measured. The
// source stays.
func (s *Stand) Remove(ctx context.Context, a *App) error {
	gone, err := s.Admin.DeleteTopics(ctx, a.Actions, a.Letters, a.Journal, a.Name+".control")
	if err == nil {
		err = gone.Error()
	}
	if err != nil {
		return fmt.Errorf("remove the topics of %s: %w", a.Name, err)
	}
	return nil
}

// led waits until the broker knows a leader for each partition: topics are made before that is so.
func (s *Stand) led(ctx context.Context, topics ...string) error {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		found, err := s.Admin.ListTopics(ctx, topics...)
		led := err == nil && found.Error() == nil
		for _, t := range topics {
			led = led && len(found[t].Partitions) == int(s.partitions())
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

// NewMember writes a workspace for a member of the app's fleet. unitEvents is the most events of a unit, 0 the engine's own.
func (s *Stand) NewMember(a *App, name string, unitEvents int) (*Member, error) {
	port := s.o.HTTPPort + s.members
	if s.o.HTTPPort == 0 {
		var err error
		if port, err = freePort(); err != nil {
			return nil, err
		}
	}
	s.members++
	m := &Member{Name: name, Dir: filepath.Join(s.Dir, a.Name, name), http: "127.0.0.1:" + strconv.Itoa(port)}
	m.Data = filepath.Join(m.Dir, "data")
	w := workload.Workspace{App: a.Name, Brokers: s.behind, Source: a.Source, Actions: a.Actions, DataDir: m.Data, HTTP: m.http,
		Await: s.o.Await, SessionTimeout: SessionTimeout, UnitEvents: unitEvents, Journeys: s.o.Journeys}
	return m, w.Write(m.Dir)
}

// Measured appends figures to the file that the options name, if they name one.
func (s *Stand) Measured(fs ...figures.Figure) error {
	if s.o.Figures == "" {
		return nil
	}
	return figures.Append(s.o.Figures, fs...)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
