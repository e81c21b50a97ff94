//go:build unix

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"wend/bench/figures"
	"wend/bench/measure"
)

// peerProgram begins the lines that run in the directory of peers: PEER WORKLOAD RUNS, and flags of its driver. It appends a JSON
// object a run to the file that PEERS_RESULTS names, and hands an engine of one's own, exec:PATH, what it needs in its environment.
const peerProgram = "./run.sh"

// What peers are held against, as figures.
const (
	perCPUSecond     = "peer/events_per_cpu_s"
	perCPUSecondWarm = "peer/events_per_cpu_s_warm" // behind the first quarter
	brokerCPU        = "peer/broker_us_per_event"
)

// defaultPeerBroker is where the peers' programs look for a broker unless PEER_BROKERS says otherwise.
const defaultPeerBroker = "127.0.0.1:19092"

// peers are programs of a directory that run other engines.
type peers struct {
	dir, work, wend string
	started         bool // the broker is ours
	runs            int
}

// openPeers builds them, and starts their broker unless one listens. work is a directory for what they write.
func openPeers(ctx context.Context, dir, work, wend string) (*peers, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	p := &peers{dir: dir, work: work, wend: wend}
	if err := p.execute(ctx, "./build.sh", "build", nil); err != nil {
		return nil, err
	}
	if c, err := net.DialTimeout("tcp", cmp.Or(os.Getenv("PEER_BROKERS"), defaultPeerBroker), time.Second); err == nil {
		return p, c.Close()
	}
	if err := p.execute(ctx, "./broker.sh start", "broker", nil); err != nil {
		return nil, err
	}
	p.started = true
	return p, nil
}

// close ends the broker if it is ours.
func (p *peers) close() error {
	if !p.started {
		return nil
	}
	return p.execute(context.Background(), "./broker.sh stop", "stop", nil)
}

// execute runs one of the directory's programs there.
func (p *peers) execute(ctx context.Context, line, log string, env []string) error {
	words := strings.Fields(line)
	return measure.Execute(ctx, line, p.dir, filepath.Join(p.work, "peers-"+log+".log"), env, filepath.Join(p.dir, words[0]), words[1:]...)
}

// run runs a line that begins with peerProgram.
func (p *peers) run(ctx context.Context, line string) ([]figures.Figure, error) {
	p.runs++
	results := filepath.Join(p.work, fmt.Sprintf("peers-%d.jsonl", p.runs))
	env := []string{"PEERS_RESULTS=" + results, "WEND=" + p.wend}
	absolute := strings.Replace(line, "=exec:", "=exec:"+p.dir+string(filepath.Separator), 1)
	if err := p.execute(ctx, absolute, fmt.Sprint(p.runs), env); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(results)
	if err != nil {
		return nil, fmt.Errorf("%s: it left no result: %w", line, err)
	}
	all, err := peerFigures(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w (%s)", line, err, results)
	}
	return all, nil
}

// peerFigures makes figures of the one result of a run. A peer that was not exact is an error: then its figures are of other work.
func peerFigures(text []byte) (all []figures.Figure, err error) {
	var r struct {
		Error                    string
		M                        float64
		PerCPU                   float64 `json:"ev_per_cpu_s"`
		PerCPUWarm               float64 `json:"warm_ev_per_cpu_s"`
		Broker                   float64 `json:"broker_cpu_s"`
		Expected                 int
		Missing, Dup, Unexpected int
		Wrong                    int `json:"wrong_name"`
	}
	n := 0
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		if n++; n > 1 {
			return nil, fmt.Errorf("it left more than one result")
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("its result is none: %w", err)
		}
	}
	switch {
	case lines.Err() != nil:
		return nil, lines.Err()
	case n == 0:
		return nil, fmt.Errorf("it left no result")
	case r.Error != "":
		return nil, fmt.Errorf("it says: %s", r.Error)
	case r.Expected == 0 || r.Missing+r.Dup+r.Unexpected+r.Wrong > 0:
		return nil, fmt.Errorf("of %d actions %d were missing, %d came twice, %d unexpected, %d wrong", r.Expected, r.Missing, r.Dup, r.Unexpected, r.Wrong)
	}
	for _, f := range []figures.Figure{
		{Name: perCPUSecond, Value: r.PerCPU, Unit: "events/CPU-s"},
		{Name: perCPUSecondWarm, Value: r.PerCPUWarm, Unit: "events/CPU-s"},
		{Name: brokerCPU, Value: r.Broker / max(1, r.M) * 1e6, Unit: "µs"},
	} {
		if f.Value > 0 { // what was not measured, as the broker that is not on this machine, is left out
			all = append(all, f)
		}
	}
	return all, nil
}
