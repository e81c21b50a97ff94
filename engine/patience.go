package engine

import "time"

// lossPatience is for how long a topic that ends too early (shortage), or a refused sequence with nothing missing, is not yet
// a loss. A leader knows the sequences of all that it has appended, but shows nothing above the high watermark, which
// stands still until a replica that fell silent is out of the in-sync set (replica.lag.time.max.ms, half a minute): what
// was refused may lie there.
const lossPatience = 5 * time.Minute

// shortage is that a topic ends before what was known of it. A broker that stood still while another was elected tells
// that too when it wakes, until it hears of the election: it names itself as the leader, under the epoch that it had, and
// the end that it knew. So it is a loss when every look finds it for long. The zero value: the last look found none.
type shortage struct {
	since time.Time
	looks int
}

// leastLooks of many find a shortage before it is a loss: two looks may lie a night's sleep apart.
const leastLooks = 10

// found notes that a look at a moment found it, and says whether it lasts.
func (x *shortage) found(at time.Time) bool {
	if x.looks++; x.looks == 1 {
		x.since = at
	}
	return x.looks >= leastLooks && at.Sub(x.since) >= lossPatience
}
