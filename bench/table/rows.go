//go:build unix

package main

// rows are the table, in its order. A row takes figures of commands; a command that several rows name runs once a round
// for all of them. Bounds are in the unit of the row.
var rows = []row{
	{name: "cart, 100,000 customers: events per CPU-second", unit: "events/CPU-s", of: figure{cart, "cart/events_per_cpu_s"}, bound: atLeast(300_000)},
	{name: "cart, 100,000 customers: resident", unit: "MB", of: figure{cart, "cart/resident_mb"}, bound: atMost(250)},
	{name: "cart, 100,000 customers: broker CPU per event", unit: "µs", of: figure{cart, "cart/broker_us_per_event"}},
	{name: "cart, 1,000,000 customers: events per CPU-second", unit: "events/CPU-s", of: figure{cartMillion, "cart/events_per_cpu_s"}},
	{name: "cart, 1,000,000 customers: resident", unit: "MB", of: figure{cartMillion, "cart/resident_mb"}},
	{name: "cart, 1,000,000 customers: broker CPU per event", unit: "µs", of: figure{cartMillion, "cart/broker_us_per_event"}},
	{name: "events that no journey wants, per CPU-second", unit: "events/CPU-s", of: figure{unwanted, "unwanted/events_per_cpu_s"}, bound: atLeast(1_200_000)},
	{name: "event to action at 10,000 events/s: p50", unit: "ms", of: figure{latency, "latency/wend_p50"}},
	{name: "event to action at 10,000 events/s: p50 by the kafka-go echo's", unit: "×", of: figure{latency, "latency/ratio_p50"}, bound: atMost(1)},
	{name: "event to action at 10,000 events/s: p99", unit: "ms", of: figure{latency, "latency/wend_p99"}},
	{name: "event to action at 10,000 events/s: p99 by the kafka-go echo's", unit: "×", of: figure{latency, "latency/ratio_p99"}, bound: atMost(1.75)},
	{name: "event to action at 10,000 events/s: p99.9", unit: "ms", of: figure{latency, "latency/wend_p999"}},
	{name: "event to action at 10,000 events/s: p99.9 by the kafka-go echo's", unit: "×", of: figure{latency, "latency/ratio_p999"}, bound: atMost(2)},
	{name: "10 million timers pending: resident", unit: "MB", of: figure{waiting, "waiting/resident_mb"}, bound: atMost(512)},
	{name: "10 million timers pending: lateness of those that are due, p99", unit: "ms", of: figure{waiting, "waiting/late_p99"}, bound: atMost(20)},
	{name: "1 million timers due in one second: all fired, with events going on", unit: "s", of: figure{timers, "limits/timers_fired_s"}, bound: atMost(10)},
	{name: "1 million timers due in one second: an event's p99 meanwhile by that of idle", unit: "×", of: figure{timers, "limits/timers_p99_ratio"}},
	{name: "1 million timers due in one second: resident at most", unit: "MB", of: figure{timers, "limits/timers_resident_mb"}},
	{name: "restart with 1 million customers: on its disk to the first action", unit: "s", of: figure{restart, "restart/on_disk_s"}, bound: atMost(2)},
	{name: "restart with 1 million customers: from the journal alone", unit: "s", of: figure{restart, "restart/from_journal_s"}, bound: atMost(15)},
	{name: "cost per event with 100 journeys on the same event type by that with 3", unit: "×",
		of: figure{journeys3, "journeys/events_per_cpu_s"}, over: figure{journeys100, "journeys/events_per_cpu_s"}, bound: atMost(3)},
	{name: "a waiting customer in the view", unit: "B", of: figure{restart, "restart/view_bytes"}, bound: atMost(200)},
	{name: "a waiting customer in the journal", unit: "B", of: figure{restart, "restart/journal_bytes"}, bound: atMost(300)},
	{name: "simulate: events per second and core", unit: "events/CPU-s", of: figure{simulate, "simulate/events_per_cpu_s"}},
}

// The commands, in full and quick.
var (
	cart = &command{full: "go run ./bench/throughput --workload cart --customers 100000 --events 6000000 --rounds 1",
		quick: "go run ./bench/throughput --workload cart --customers 10000 --events 200000 --rounds 1"}
	cartMillion = &command{full: "go run ./bench/throughput --workload cart --customers 1000000 --events 6000000 --rounds 1",
		quick: "go run ./bench/throughput --workload cart --customers 50000 --events 200000 --rounds 1"}
	unwanted = &command{full: "go run ./bench/throughput --workload unwanted --customers 100000 --events 6000000 --rounds 1",
		quick: "go run ./bench/throughput --workload unwanted --customers 10000 --events 500000 --rounds 1"}
	journeys3 = &command{full: "go run ./bench/throughput --workload journeys --journeys 3 --customers 100000 --events 2000000 --rounds 1",
		quick: "go run ./bench/throughput --workload journeys --journeys 3 --customers 10000 --events 200000 --rounds 1"}
	journeys100 = &command{full: "go run ./bench/throughput --workload journeys --journeys 100 --customers 100000 --events 2000000 --rounds 1",
		quick: "go run ./bench/throughput --workload journeys --journeys 100 --customers 10000 --events 200000 --rounds 1"}
	// Two rounds, so that each of the two is first once; a long warm-up, for the broker begins cold.
	latency = &command{full: "go run ./bench/latency --rate 10000 --rounds 2 --warm 15s --for 20s",
		quick: "go run ./bench/latency --rate 2000 --rounds 1 --warm 1s --for 2s"}
	waiting = &command{full: "go run ./bench/waiting --customers 10000000 --for 1m",
		quick: "go run ./bench/waiting --customers 50000 --for 3s --settle 2s"}
	timers = &command{full: "go run ./bench/limits --only timers --customers 1000000",
		quick: "go run ./bench/limits --only timers --customers 20000 --await 20s --idle 2s"}
	restart = &command{full: "go run ./bench/restart --customers 1000000 --rounds 1",
		quick: "go run ./bench/restart --customers 20000 --rounds 1"}
	simulate = &command{full: "go run ./bench/simulate --customers 100000 --events 1000000 --rounds 1",
		quick: "go run ./bench/simulate --customers 10000 --events 100000 --rounds 1"}
)

// peerRows compare with other engines on the same workload, by the programs of a directory (--peers).
var peerRows = []row{
	{name: "events per CPU-second by those of Kafka Streams (exactly once), 100,000 customers", unit: "×",
		of: figure{peerWend, perCPUSecond}, over: figure{peerStreams, perCPUSecond}, bound: atLeast(3.3)},
	{name: "events per CPU-second by those of Kafka Streams (exactly once), 100,000 customers, behind the first quarter: a JVM is warm", unit: "×",
		of: figure{peerWend, perCPUSecondWarm}, over: figure{peerStreams, perCPUSecondWarm}},
	{name: "events per CPU-second by those of Kafka Streams (exactly once), 1,000,000 customers", unit: "×",
		of: figure{peerWendMillion, perCPUSecond}, over: figure{peerStreamsMillion, perCPUSecond}, bound: atLeast(3)},
	{name: "events per CPU-second by those of Flink (heap, exactly once), 100,000 customers", unit: "×",
		of: figure{peerWend, perCPUSecond}, over: figure{peerFlink, perCPUSecond}, bound: atLeast(1.75)},
	{name: "events per CPU-second by those of Flink (heap, exactly once), 100,000 customers, behind the first quarter: a JVM is warm", unit: "×",
		of: figure{peerWend, perCPUSecondWarm}, over: figure{peerFlink, perCPUSecondWarm}},
	{name: "events per CPU-second by those of Flink (heap, exactly once), 1,000,000 customers", unit: "×",
		of: figure{peerWendMillion, perCPUSecond}, over: figure{peerFlinkMillion, perCPUSecond}, bound: atLeast(2)},
	{name: "broker CPU per event by that of Kafka Streams (exactly once), 100,000 customers", unit: "×",
		of: figure{peerWend, brokerCPU}, over: figure{peerStreams, brokerCPU}, bound: atMost(1)},
	{name: "broker CPU per event by that of Kafka Streams (exactly once), 1,000,000 customers", unit: "×",
		of: figure{peerWendMillion, brokerCPU}, over: figure{peerStreamsMillion, brokerCPU}, bound: atMost(1)},
}

// No time-out of theirs comes due in the log (-T): an engine whose clock is event time would write reminders that the others do not.
var (
	peerWend           = peer("wend=exec:wend/engine.sh", "tp")
	peerWendMillion    = peer("wend=exec:wend/engine.sh", "tp1m")
	peerStreams        = peer("kstreams-eos", "tp")
	peerStreamsMillion = peer("kstreams-eos", "tp1m")
	peerFlink          = peer("flink-heap-eos", "tp")
	peerFlinkMillion   = peer("flink-heap-eos", "tp1m")
)

func peer(name, workload string) *command {
	line := peerProgram + " " + name + " " + workload + " 1 -T 50000h -m "
	return &command{full: line + "6000000", quick: line + "200000"}
}
