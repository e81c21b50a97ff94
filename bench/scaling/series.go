//go:build unix

package main

import "fmt"

// series is how cost grows with one thing.
type series struct {
	name   string
	x      string // what grows
	xs     []int
	run    string // the command, with %d for x
	small  []int  // xs and command to see that it runs
	quick  string
	charts []chart
}

// chart is a picture of a series.
type chart struct {
	file, title, y string
	lines          []line
}

// line is a figure of each run.
type line struct {
	name, figure string
	unit         string  // of the figure
	per          float64 // what is drawn is this over the figure; 0: the figure
}

func (l *line) value(v float64) float64 {
	if l.per > 0 {
		return l.per / v
	}
	return v
}

func (s *series) sizes(quick bool) []int {
	if quick {
		return s.small
	}
	return s.xs
}

// command is the line of a run, as a person types it.
func (s *series) command(x int, quick bool) string {
	if quick {
		return fmt.Sprintf(s.quick, x)
	}
	return fmt.Sprintf(s.run, x)
}

// cost is processor time of an event.
func cost(file, title, work string) chart {
	return chart{file, title, "µs of processor an event", []line{
		{"engine", work + "/events_per_cpu_s", "events/CPU-s", 1e6},
		{"broker", work + "/broker_us_per_event", "µs", 0}}}
}

// everything is what is measured, in the order of the page.
var everything = []series{
	{name: "customers", x: "customers", xs: []int{10_000, 100_000, 1_000_000}, small: []int{1000, 10_000},
		run:   "go run ./bench/throughput --workload cart --customers %d --events 3000000 --rounds 1",
		quick: "go run ./bench/throughput --workload cart --customers %d --events 200000 --rounds 1",
		charts: []chart{
			cost("customers.svg", "Processor time of an event, by customers", "cart"),
			{"customers-memory.svg", "Memory of an engine that catches up, by customers", "MB resident at most", []line{{"engine", "cart/resident_mb", "MB", 0}}},
		}},
	{name: "journeys", x: "journeys that want the event's type", xs: []int{1, 3, 10, 30, 100}, small: []int{3, 100},
		run:    "go run ./bench/throughput --workload journeys --journeys %d --customers 100000 --events 2000000 --rounds 1",
		quick:  "go run ./bench/throughput --workload journeys --journeys %d --customers 10000 --events 200000 --rounds 1",
		charts: []chart{cost("journeys.svg", "Processor time of an event, by journeys", "journeys")}},
	{name: "partitions", x: "partitions of the source, all of one engine", xs: []int{1, 2, 4, 8}, small: []int{1, 4},
		run:    "go run ./bench/throughput --workload cart --customers 100000 --events 3000000 --rounds 1 --partitions %d",
		quick:  "go run ./bench/throughput --workload cart --customers 10000 --events 200000 --rounds 1 --partitions %d",
		charts: []chart{cost("partitions.svg", "Processor time of an event, by partitions", "cart")}},
	{name: "timers", x: "pending timers", xs: []int{100_000, 1_000_000, 10_000_000}, small: []int{10_000, 50_000},
		run:   "go run ./bench/waiting --customers %d --for 30s",
		quick: "go run ./bench/waiting --customers %d --for 3s --settle 2s",
		charts: []chart{
			{"timers.svg", "Memory of an engine for which customers wait", "MB resident", []line{
				{"once loaded", "waiting/resident_loaded_mb", "MB", 0}, {"after a restart", "waiting/resident_restarted_mb", "MB", 0}}},
			{"timers-late.svg", "Lateness of timers, by how many are pending", "ms", []line{
				{"median", "waiting/late_p50", "ms", 0}, {"99th percentile", "waiting/late_p99", "ms", 0}}},
		}},
}
