//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wend/bench/stand"
)

// report says what happened, apart from what the auditor finds.
func (d *day) report() {
	fmt.Printf("faults in %.1f minutes:\n", d.ended.Sub(d.began).Minutes())
	for _, k := range kinds {
		fmt.Printf("  %-34s %d\n", k, d.counts[k])
	}
	for _, k := range d.lacking() {
		d.wrong(stand.Wrongf("nothing of the kind %q happened: this run shows too little; let it last longer", k))
	}
	lost, of := int64(0), int64(0)
	for _, p := range d.Proxies {
		l, o := p.Dropped()
		lost, of = lost+l, of+o
	}
	fmt.Printf("  %d of %d answers to produce requests lost\n", lost, of)
	for what, n := range d.notes {
		fmt.Printf("  %d %s\n", n, what)
	}
	d.readLogs()
	d.minutes()
	d.silences()
	all, ours := d.machine.shares()
	fmt.Printf("processors: the machine was busy for %.0f %%, this test with brokers, engines and load took %.0f %%\n", 100*all, 100*ours)
}

// lacking are the kinds of faults that should have happened and did not yet.
func (d *day) lacking() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return d.counts[k] > 0 || !d.wanted(k) || d.excused(k) })
}

// excused are those that need not happen on a short day, or cannot.
func (d *day) excused(kind string) bool {
	short := d.o.minutes < 3
	return short || kind == "disk full" && len(d.mounts) == 0
}

// said are lines of the engines' logs worth counting; what must not be there is wrong.
var said = []struct {
	line string
	name string
	bad  bool
}{
	{`"msg":"shard claimed"`, "shards claimed", false},
	{`"msg":"shard dropped"`, "shards dropped", false},
	{`"msg":"looking at an action partition`, "looks at an action partition", false},
	{`"msg":"the broker expected another sequence"`, "refused sequences of actions", false},
	{`"msg":"the machine's clock was set forward`, "forward steps of a clock that shards noticed", false},
	{`"msg":"the brokers lost acknowledged actions`, "publishers stopped for loss", true},
	{`"msg":"the source no longer has`, "gaps in the source", true},
	{`panic: `, "panics", true},
	{`fatal error: `, "crashes of the runtime", true},
}

func (d *day) readLogs() {
	logs, _ := filepath.Glob(filepath.Join(d.Dir, d.app.Name, "*", "run-*.log")) // the pattern is good
	counts := make([]int, len(said))
	for _, path := range logs {
		f, err := os.Open(path)
		if err != nil {
			d.wrong(err)
			continue
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			for i, s := range said {
				if bytes.Contains(lines.Bytes(), []byte(s.line)) {
					counts[i]++
					if s.bad && counts[i] == 1 {
						d.wrong(stand.Wrongf("%s: %s", path, lines.Text()))
					}
				}
			}
		}
		if err := lines.Err(); err != nil {
			d.wrong(fmt.Errorf("%s: %w", path, err))
		}
		_ = f.Close() // it was read
	}
	fmt.Printf("engines, %d lives:\n", len(logs))
	for i, s := range said {
		fmt.Printf("  %-46s %d\n", s.name, counts[i])
	}
}

// minutes prints how many actions were published in each.
func (d *day) minutes() {
	var counts []string
	least, most, total := 1<<62, 0, 0
	for from := d.began; from.Add(time.Minute).Before(d.ended.Add(time.Second)); from = from.Add(time.Minute) {
		n := d.watch.Between(from, from.Add(time.Minute))
		least, most, total = min(least, n), max(most, n), total+n
		counts = append(counts, fmt.Sprint(n))
	}
	if len(counts) > 0 {
		fmt.Printf("actions a minute: %d on average, %d to %d: %s\n", total/len(counts), least, most, strings.Join(counts, " "))
	}
}

// silences says for how long nothing was published on a partition: with events on each of them all the time, that is for
// how long its customers waited.
func (d *day) silences() {
	all := d.watch.Silences(d.began, d.ended, time.Second)
	slices.SortFunc(all, func(a, b stand.Silence) int { return int(b.Lasted - a.Lasted) })
	above := func(t time.Duration) (n int) {
		for n < len(all) && all[n].Lasted >= t {
			n++
		}
		return n
	}
	fmt.Printf("silences of a partition: %d above 1 s, %d above 5 s, %d above 10 s, %d above 30 s\n", len(all), above(5*time.Second), above(10*time.Second), above(30*time.Second))
	for _, s := range all[:min(3, len(all))] {
		fmt.Printf("  %.1f s on partition %d from %s on\n", s.Lasted.Seconds(), s.Partition, s.From.Format("15:04:05.000"))
	}
	if len(all) > 0 && all[0].Lasted > hangTimeout {
		d.wrong(stand.Wrongf("nothing was published on partition %d for %v from %s on", all[0].Partition, all[0].Lasted.Round(time.Second), all[0].From.Format("15:04:05")))
	}
}

// lastLine of a log's end.
func lastLine(tail []byte) string {
	lines := bytes.Split(bytes.TrimSpace(tail), []byte("\n"))
	return string(lines[len(lines)-1])
}
