package engine

import (
	"errors"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"wend/connectors"
)

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	h := NewHTTPHandler(HTTPOptions{Ready: func() bool { return true }, Gatherer: m.Gatherer()})
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestMetricsCountWhatTheListenerHears(t *testing.T) {
	m := NewMetrics()
	l := m.Wrap(Listener{})
	tp := connectors.TopicPartition{Topic: "actions.push", Partition: 2}
	l.Assigned(1, []int32{0, 3})
	l.Claimed(3, 1, 0, time.Second)
	l.Claimed(0, 1, 0, time.Second)
	l.Unit(3, UnitInfo{Events: 10, Duplicates: 2, DeadLetter: 1, Actions: 4, Timers: 3, Lateness: time.Second, LeftOut: 5, Bytes: 900, Took: 2 * time.Millisecond, Next: 90, End: 100, Owed: 77})
	l.Unit(0, UnitInfo{Events: 1, Next: 5, End: 5})
	l.Published(3, tp, 4, []int64{1000, 0}, time.UnixMilli(1003))
	l.Gap(3, 10, 15)
	l.Looked(3, tp)
	l.Retry(3, tp, "publish", errors.New("x"), 1)
	l.RefusedSequence(3, tp, connectors.OutOfOrderSequence)
	l.Refused(3, tp, connectors.TopicAuthorizationFailed, "no")
	l.Lost(3, tp, 6, errors.New("x"))
	got := scrape(t, m)
	for _, line := range []string{
		"wend_assigned_shards 2", "wend_owned_shards 2", "wend_claims_total 2", "wend_events_total 11", "wend_duplicates_total 2",
		"wend_dead_letters_total 1", "wend_actions_decided_total 4", "wend_actions_total 4", "wend_timers_fired_total 3",
		"wend_values_left_out_total 5", "wend_units_total 2", "wend_journal_bytes_total 900", `wend_lag_records{shard="3"} 10`,
		`wend_lag_records{shard="0"} 0`, `wend_outbox_bytes{shard="3"} 77`, "wend_event_to_action_seconds_count 1",
		"wend_event_to_action_seconds_sum 0.003", "wend_timer_lateness_seconds_count 1", "wend_gap_records_total 5", "wend_looks_total 1",
		`wend_retries_total{doing="publish"} 1`, "wend_refused_sequences_total 1", `wend_refused_total{code="29",topic="actions.push"} 1`,
		`wend_lost_actions{partition="2",shard="3",topic="actions.push"} 6`,
	} {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	l.Dropped(3, "another member has it")
	l.Failed(0, errors.New("x"))
	got = scrape(t, m)
	if strings.Contains(got, `shard="3"`) || strings.Contains(got, `shard="0"`) || !strings.Contains(got, "\nwend_owned_shards 0\n") {
		t.Error("what a shard left behind is still shown")
	}
}

// TestMetricsPassEverythingOn calls each of the wrapped functions and expects the one behind it to hear it.
func TestMetricsPassEverythingOn(t *testing.T) {
	heard := map[string]bool{}
	var next Listener
	v := reflect.ValueOf(&next).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		v.Field(i).Set(reflect.MakeFunc(v.Field(i).Type(), func([]reflect.Value) []reflect.Value {
			heard[name] = true
			return nil
		}))
	}
	w := reflect.ValueOf(NewMetrics().Wrap(next))
	for i := range w.NumField() {
		f := w.Field(i)
		args := make([]reflect.Value, f.Type().NumIn())
		for j := range args {
			args[j] = reflect.Zero(f.Type().In(j))
		}
		f.Call(args)
		if name := w.Type().Field(i).Name; !heard[name] {
			t.Errorf("%s was not passed on", name)
		}
	}
}
