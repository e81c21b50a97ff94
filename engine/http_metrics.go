package engine

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"wend/connectors"
)

// Metrics counts what a Listener hears, for /metrics. Names begin with wend_, times are in seconds, sizes in bytes.
type Metrics struct {
	registry *prometheus.Registry

	events, duplicates, deadLetters, units, journalBytes, timers, decided, published, leftOut prometheus.Counter
	looks, refusedSequences, gapRecords, claims, drops, failures                              prometheus.Counter
	viewFailures, retries, refused                                                            *prometheus.CounterVec
	assigned, owned                                                                           prometheus.Gauge
	lag, outbox, lost, standbyLag, restored, release                                          *prometheus.GaugeVec
	unitSeconds, eventToAction, lateness                                                      prometheus.Histogram
}

// NewMetrics makes metrics in a registry of their own, with those of the Go runtime and the process.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "wend", Name: name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "wend", Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "wend", Name: name, Help: help})
		m.registry.MustRegister(g)
		return g
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "wend", Name: name, Help: help}, labels)
		m.registry.MustRegister(g)
		return g
	}
	histogram := func(name, help string, from float64, n int) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "wend", Name: name, Help: help, Buckets: prometheus.ExponentialBuckets(from, 2, n)})
		m.registry.MustRegister(h)
		return h
	}
	m.events = counter("events_total", "Records of the source in acknowledged units, duplicates and dead letters included.")
	m.duplicates = counter("duplicates_total", "Events that were known already.")
	m.deadLetters = counter("dead_letters_total", "Records that could not be used.")
	m.units = counter("units_total", "Units of work that the journal acknowledged.")
	m.journalBytes = counter("journal_bytes_total", "Bytes of acknowledged units.")
	m.timers = counter("timers_fired_total", "Customers whose timers fired.")
	m.decided = counter("actions_decided_total", "Actions in acknowledged units.")
	m.published = counter("actions_total", "Actions known to be on their topics.")
	m.leftOut = counter("values_left_out_total", "Values of actions and profiles that could not be evaluated.")
	m.looks = counter("looks_total", "Times that an action partition was read before sending to it.")
	m.refusedSequences = counter("refused_sequences_total", "Times that a broker expected another sequence of actions.")
	m.gapRecords = counter("gap_records_total", "Records that the source no longer had when they were wanted.")
	m.claims = counter("claims_total", "Shards claimed.")
	m.drops = counter("drops_total", "Shards given up or lost.")
	m.failures = counter("shard_failures_total", "Shards that stopped until somebody acts.")
	m.viewFailures = counters("view_failures_total", "Times that a view could not be read or written, by whether it was damaged and is made again from the journal.", "damaged")
	m.retries = counters("retries_total", "Requests that failed and are tried again.", "doing")
	m.refused = counters("refused_total", "Requests that a broker will not take until somebody changes something.", "topic", "code")
	m.assigned = gauge("assigned_shards", "Shards that the group gave to this process.")
	m.owned = gauge("owned_shards", "Shards claimed and at work in this process.")
	m.lag = gauges("lag_records", "Records of the source that are not in an acknowledged unit yet.", "shard")
	m.outbox = gauges("outbox_bytes", "Bytes of actions that are owed to their topics.", "shard")
	m.lost = gauges("lost_actions", "Actions owed where a broker broke its promise.", "shard", "topic", "partition")
	m.standbyLag = gauges("standby_lag_records", "Journal records that the warm view of another member's shard is behind.", "shard")
	m.restored = gauges("restored_ratio", "How much of the journal a view that is being made ready has read, from 0 to 1.", "shard")
	m.release = gauges("release", "Number of the release by which a shard decides.", "shard")
	m.unitSeconds = histogram("unit_seconds", "From sealing a unit to its acknowledgement.", 0.00025, 16)
	m.eventToAction = histogram("event_to_action_seconds", "From the timestamp of an event's record to the acknowledgement of the action that it caused.", 0.0005, 16)
	m.lateness = histogram("timer_lateness_seconds", "How long after its due time the latest timer of a unit fired.", 0.001, 16)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gatherer gives the metrics to /metrics.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Wrap is a Listener that counts and passes everything on to next.
func (m *Metrics) Wrap(next Listener) Listener {
	l := *next.filled()
	works := newShardSet()
	w := l
	w.Assigned = func(generation int32, shards []int32) {
		m.assigned.Set(float64(len(shards)))
		l.Assigned(generation, shards)
	}
	w.Claimed = func(shard int32, epoch int16, restored int64, took time.Duration) {
		m.claims.Inc()
		m.owned.Set(float64(works.add(shard)))
		l.Claimed(shard, epoch, restored, took)
	}
	gone := func(shard int32) {
		m.owned.Set(float64(works.remove(shard)))
		label := prometheus.Labels{"shard": strconv.Itoa(int(shard))}
		m.lag.DeletePartialMatch(label)
		m.outbox.DeletePartialMatch(label)
		m.lost.DeletePartialMatch(label)
		m.restored.DeletePartialMatch(label)
		m.release.DeletePartialMatch(label)
	}
	w.Release = func(shard int32, from, to uint64) {
		m.release.WithLabelValues(strconv.Itoa(int(shard))).Set(float64(to))
		l.Release(shard, from, to)
	}
	w.Restoring = func(shard int32, r RestoreInfo) {
		m.restored.WithLabelValues(strconv.Itoa(int(shard))).Set(r.Part())
		l.Restoring(shard, r)
	}
	w.Standby = func(shard int32, behind int64) {
		label := strconv.Itoa(int(shard))
		if behind < 0 {
			m.standbyLag.DeleteLabelValues(label)
		} else {
			m.standbyLag.WithLabelValues(label).Set(float64(behind))
		}
		l.Standby(shard, behind)
	}
	w.Dropped = func(shard int32, reason string) {
		m.drops.Inc()
		gone(shard)
		l.Dropped(shard, reason)
	}
	w.Failed = func(shard int32, err error) {
		m.failures.Inc()
		gone(shard)
		l.Failed(shard, err)
	}
	w.ViewFailed = func(shard int32, f ViewFailure) {
		m.viewFailures.WithLabelValues(strconv.FormatBool(f.Removed)).Inc()
		l.ViewFailed(shard, f)
	}
	w.Unit = func(shard int32, u UnitInfo) {
		m.unit(shard, &u)
		l.Unit(shard, u)
	}
	w.Published = func(shard int32, tp connectors.TopicPartition, actions int, stamps []int64, at time.Time) {
		m.published.Add(float64(actions))
		for _, s := range stamps {
			if s > 0 {
				m.eventToAction.Observe(float64(at.UnixMilli()-s) / 1000)
			}
		}
		l.Published(shard, tp, actions, stamps, at)
	}
	w.Gap = func(shard int32, from, to int64) {
		m.gapRecords.Add(float64(to - from))
		l.Gap(shard, from, to)
	}
	w.Looked = func(shard int32, tp connectors.TopicPartition) {
		m.looks.Inc()
		l.Looked(shard, tp)
	}
	w.Retry = func(shard int32, tp connectors.TopicPartition, doing string, err error, tries int) {
		m.retries.WithLabelValues(doing).Inc()
		l.Retry(shard, tp, doing, err, tries)
	}
	w.RefusedSequence = func(shard int32, tp connectors.TopicPartition, code connectors.Code) {
		m.refusedSequences.Inc()
		l.RefusedSequence(shard, tp, code)
	}
	w.Refused = func(shard int32, tp connectors.TopicPartition, code connectors.Code, message string) {
		m.refused.WithLabelValues(tp.Topic, strconv.Itoa(int(code))).Inc()
		l.Refused(shard, tp, code, message)
	}
	w.Lost = func(shard int32, tp connectors.TopicPartition, owed int64, err error) {
		m.lost.WithLabelValues(strconv.Itoa(int(shard)), tp.Topic, strconv.Itoa(int(tp.Partition))).Set(float64(owed))
		l.Lost(shard, tp, owed, err)
	}
	return w
}

func (m *Metrics) unit(shard int32, u *UnitInfo) {
	m.units.Inc()
	m.events.Add(float64(u.Events))
	m.duplicates.Add(float64(u.Duplicates))
	m.deadLetters.Add(float64(u.DeadLetter))
	m.timers.Add(float64(u.Timers))
	m.decided.Add(float64(u.Actions))
	m.leftOut.Add(float64(u.LeftOut))
	m.journalBytes.Add(float64(u.Bytes))
	m.unitSeconds.Observe(u.Took.Seconds())
	if u.Timers > 0 {
		m.lateness.Observe(u.Lateness.Seconds())
	}
	label := strconv.Itoa(int(shard))
	m.lag.WithLabelValues(label).Set(float64(max(u.End-u.Next, 0)))
	m.outbox.WithLabelValues(label).Set(float64(u.Owed))
}
