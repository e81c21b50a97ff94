//go:build unix

package wild

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"wend/bench/workload"
)

// TestRealRetention lets a broker remove events that the engine, which is down, has not read: by retention.ms and by
// DeleteRecords. The engine stops and says what to do, or goes on behind the gap and counts it, as it is told.
func TestRealRetention(t *testing.T) {
	on := newStand(t, forgetful(t))
	a := newApp(t, workload.Split(on.Brokers), "retention")
	address := fmt.Sprintf("127.0.0.1:%d", forgetfulHTTP)
	a.http = address
	a.configure(on.Brokers, "")
	run := func(env []string, flags ...string) *process {
		return wend(t, append(env, "WEND_DATA_DIR="+a.dir+"/data"), append([]string{"run", "-C", a.dir}, flags...)...)
	}
	engine := run(nil)
	a.answered(a.happen(), engine)
	engine.stop()

	var gone []string
	unread := func(times int) int {
		n := len(gone)
		for range times {
			gone = append(gone, a.happen()...)
		}
		return len(gone) - n
	}
	lost := unread(3)
	a.retain(on.Admin, "1000")
	for end := time.Now().Add(time.Minute); a.held(on.Admin) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("retention removes nothing")
		}
	}
	a.retain(on.Admin, "-1")
	ids := a.happen()

	for _, flags := range [][]string{nil, {"--on-gap", "stop"}} {
		engine = run(nil, flags...)
		if status := engine.status(); status != 2 {
			t.Errorf("status %d", status)
		}
		for _, want := range []string{"begins at offset 4, but 1 comes next", "retention has removed 3 records unread", "--on-gap skip"} {
			if !strings.Contains(engine.said(), want) {
				t.Errorf("it does not say %q:\n%s", want, engine.said())
			}
		}
	}

	skipped := func(p *process, ids []string, want int) {
		t.Helper()
		a.answered(ids, p)
		if got := metric(t, address, "wend_gap_records_total"); got != float64(want) {
			t.Errorf("wend_gap_records_total is %v, want %d", got, want)
		}
		p.says(0, "the source no longer has what comes next")
		p.stop()
	}
	skipped(run(nil, "--on-gap", "skip"), ids, lost)

	lost = unread(2)
	ids = a.happen()
	cut := kadm.Offsets{}
	for p := range int32(partitions) {
		cut.AddOffset(a.source(), p, 7, -1)
	}
	if r, err := on.Admin.DeleteRecords(t.Context(), cut); err != nil || r.Error() != nil {
		t.Fatal(err, r.Error())
	}
	skipped(run([]string{"WEND_ON_GAP=skip"}), ids, lost)

	engine = run(nil) // a gap is in the journal once it is skipped
	a.answered(a.happen(), engine)
	engine.stop()
	for _, id := range gone {
		if a.got[id] > 0 {
			t.Errorf("%s was removed unread and has an action", id)
		}
	}
}

// retain sets how long the source keeps an event, in ms.
func (a *app) retain(admin *kadm.Client, ms string) {
	a.t.Helper()
	r, err := admin.AlterTopicConfigs(a.t.Context(), []kadm.AlterConfig{{Name: "retention.ms", Value: &ms}, {Name: "segment.bytes", Value: kadm.StringPtr("1048576")}}, a.source())
	if err != nil || r[0].Err != nil {
		a.t.Fatal(err, r)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) { // the broker hears of it later
		found, err := admin.DescribeTopicConfigs(a.t.Context(), a.source())
		if err != nil {
			a.t.Fatal(err)
		}
		for _, c := range found[0].Configs {
			if c.Key == "retention.ms" && c.MaybeValue() == ms {
				return
			}
		}
		if time.Now().After(end) {
			a.t.Fatalf("retention.ms does not become %s", ms)
		}
	}
}

// held is how many records the source holds.
func (a *app) held(admin *kadm.Client) (n int64) {
	a.t.Helper()
	starts, err := admin.ListStartOffsets(a.t.Context(), a.source())
	if err != nil || starts.Error() != nil {
		a.t.Fatal(err, starts.Error())
	}
	ends, err := admin.ListEndOffsets(a.t.Context(), a.source())
	if err != nil || ends.Error() != nil {
		a.t.Fatal(err, ends.Error())
	}
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	starts.Each(func(o kadm.ListedOffset) { n -= o.Offset })
	return n
}
