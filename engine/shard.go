package engine

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
	"wend/statestore"
)

// shardConfig is what a shard is told once.
type shardConfig struct {
	id      int32
	app     string
	owner   string // this process, for people who read claims
	program *journey.Program
	running *running // whose program it is; nil: of no release
	routes  *routes
	decoder *schemas.Decoder

	source, journal connectors.TopicPartition
	clusterID       string
	sourceID        [16]byte
	journalID       [16]byte
	partitioner     func(customer []byte) int32 // of the source; nil: any partition is right
	skipGaps        bool
	onLoss          string        // LossStop, LossResend or LossDrop
	deleteRetention time.Duration // of the journal

	dir        string // of the view
	views      views
	cacheBytes int
	limits     limits
}

// limits bound a unit. A unit is cut when it reaches soft or events; no input's effect may be more than effect, so that
// a unit never outgrows what the journal takes.
type limits struct {
	events    int // 1 and up
	soft      int // bytes of the journal batch at which a unit is cut
	effect    int // bytes that one input may add
	document  int // bytes of one document
	ids       int // ids of events in a document, from which on the older ones are kept apart
	action    int // bytes of one action batch
	outbox    int // bytes owed at which no more events are taken
	fires     int // customers whose timers a unit fires
	onTheWay  int // bytes on the way to action topics at which none fire
	behind    int // bytes of records waiting from which on units are settled together
	held      int // bytes of documents that wait for their actions to be on their topics before they are settled
	unsettled int // bytes of documents journaled between two settlings, about
}

type phase uint8

const (
	phaseIdle     phase = iota // nothing is known of the shard
	phaseStandby               // another's; its view is kept warm: standby.go
	phaseClaiming              // claim.go
	phaseFirst                 // ours, and its first head is on its way
	phaseRunning
	phaseStopping // takes nothing more, pays what it owes
	phaseFailed
)

// shard is a source partition and its state: the one writer of its journal partition while its claim holds.
//
// It is a state machine: inputs are its methods (begin, fetched, work, stop) and the answers that env's calls bring;
// all run on one goroutine. What it decides goes into the open unit; work seals that into a journal batch as soon as
// the one before is acknowledged. Only the acknowledgement lets a unit into the view and its actions out (rule 4), so
// whatever dies, state, offset and outbox agree.
type shard struct {
	shardConfig
	env      *env
	listener *Listener
	backlog  atomic.Int64 // bytes fetched and not handled; the fetcher reads it

	phase phase
	life  int       // counts begins: answers for an earlier life are not heard
	now   time.Time // of the pass at work

	claim     claim
	view      view // nil: not open
	viewBatch viewBatch
	trouble   trouble // with the view
	cache     *cache
	pub       *publisher
	rerouted  *routes // taken up when nothing is owed; nil: routes are the newest
	moving    bool    // nothing is decided until what is owed is paid

	head          schemas.Head // as last sealed
	journalEnd    int64        // offset that the next unit must get
	sequence      int64        // of the next journal record under our epoch
	builder       batch.Builder
	sealed        []byte // the flying unit's batch, builder's memory
	open          *unit
	flying        *unit   // sealed, not acknowledged
	spare         []*unit // to be used again
	bulks         []bulk
	draining      bool      // nothing new is taken until what is acknowledged is settled
	applied       uint64    // number of the newest unit that the view has
	held          []*unit   // acknowledged, not in the view, oldest first; with bytes of their own
	heldDue       int64     // the earliest of their timers
	heldSize      int       // bytes of their documents
	unsettled     []*unit   // the same, behind them, without such bytes
	piled         []*entry  // whom these changed
	piledSize     int       // of memory that these take, and the cache cannot let go
	unsettledDue  int64     // the earliest of their timers
	unsettledSize int       // bytes of their documents
	lastAck       time.Time // of the journal
	appendWait    time.Time // not zero: the flying unit is sent again then
	ackSince      time.Time // actions were acknowledged that no head says yet; zero: none

	queue     []connectors.Fetched
	reader    batch.Reader
	reading   bool // reader stands in queue[0]
	ahead     ahead
	position  int64 // of the source: next offset to handle
	journaled int64 // source offset of the last acknowledged unit
	leader    int32 // leader epoch of the last batch handled
	end       int64 // last stable offset as last heard
	turn      int   // counts the calls of want
	fetchTry  time.Time
	fetches   int
	short     shortage // the source ends before position

	yielding    bool      // given to another member, which has not claimed it yet: yield.go
	successorAt time.Time // when to look whether it has

	timers    timers
	arming    arming
	orders    orders
	event     schemas.Event
	documents *schemas.DocumentReader
	effects   journey.Effects
	scratch   []byte
}

func newShard(cfg shardConfig, e *env, l *Listener) *shard {
	s := &shard{shardConfig: cfg, env: e, listener: l, documents: schemas.NewDocumentReader(), heldDue: schemas.Never, unsettledDue: schemas.Never}
	s.timers.shard = s
	s.effects.Reusing = true // what a Step leaves is written down before the next document is read
	if s.running == nil {
		s.running = &running{program: s.program, name: 1}
	}
	return s
}

// work does what is to be done now, in bounded portions: again says that there is more at once, wake when there will be
// (zero: only an input can bring more).
func (s *shard) work(now time.Time) (again bool, wake time.Time) {
	s.enter(now)
	s.adopt()
	switch s.phase {
	case phaseClaiming, phaseStandby:
		return false, s.claim.work()
	case phaseFirst, phaseStopping:
		s.seal()
		if s.phase == phaseStopping && !s.drained() {
			return false, time.Time{}
		}
		return false, s.housekeeping()
	case phaseRunning:
	default:
		return false, time.Time{}
	}
	if err := s.obey(); err != nil {
		s.fail(err)
		return false, time.Time{}
	}
	if !s.current() {
		s.seal()
		if s.phase == phaseRunning && !s.drained() {
			return false, time.Time{}
		}
		if wake = s.housekeeping(); s.phase != phaseRunning {
			return false, time.Time{}
		}
		return s.ordered() && !s.open.any() && !s.draining, wake
	}
	more := s.handleSome()
	if s.phase != phaseRunning {
		return false, time.Time{}
	}
	if s.timers.fire() {
		more = true
	}
	if s.phase != phaseRunning {
		return false, time.Time{}
	}
	if s.arming.some() {
		more = true
	}
	if s.phase != phaseRunning {
		return false, time.Time{}
	}
	s.seal()
	if s.phase == phaseRunning && !s.drained() {
		return false, time.Time{}
	}
	wake = s.housekeeping()
	if s.phase != phaseRunning {
		return false, time.Time{}
	}
	return more && !s.full(), earlier(wake, s.timers.wake())
}

// drained is drain; false: the shard has failed.
func (s *shard) drained() bool {
	if err := s.drain(); err != nil {
		s.fail(err)
		return false
	}
	return true
}

// enter notes the time of a pass; answers that come in it see it too.
func (s *shard) enter(now time.Time) {
	s.now = now
	if s.pub != nil {
		s.pub.now = now
	}
}

// housekeeping is what happens because time passes, timers apart; it says when it wants to be called next.
func (s *shard) housekeeping() (wake time.Time) {
	if s.phase == phaseFailed || s.phase == phaseIdle {
		return time.Time{}
	}
	s.cache.rest(s.applied, s.now)
	wake = earlier(earlier(s.pub.work(s.now), s.successor()), s.heedAgain())
	if !s.fetchTry.IsZero() {
		if s.now.Before(s.fetchTry) {
			wake = earlier(wake, s.fetchTry)
		} else {
			s.fetchTry = time.Time{}
			s.want(s.position, s.leader)
		}
	}
	if s.flying != nil && !s.appendWait.IsZero() {
		if s.now.Before(s.appendWait) {
			return earlier(wake, s.appendWait)
		}
		s.appendWait = time.Time{}
		s.send()
	}
	if s.flying == nil {
		wake = earlier(wake, s.lastAck.Add(idleHead))
		if !s.ackSince.IsZero() {
			wake = earlier(wake, s.ackSince.Add(ackUnit))
		}
	}
	return wake
}

// earlier of two moments, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// elapsed is the time from a to b by whichever clock saw more of it: the monotonic one stands still while the machine is
// suspended, the wall clock may be set back.
func elapsed(a, b time.Time) time.Duration { return max(b.Sub(a), b.Round(0).Sub(a.Round(0))) }

// portion is how many records a pass handles before it looks at other inputs.
const portion = 512

// handleSome handles records until there are none, the unit is full or the portion is done; true: there are more.
func (s *shard) handleSome() bool {
	for range portion {
		if s.full() {
			return false // the acknowledgement goes on
		}
		rec, err := s.next()
		if errors.Is(err, io.EOF) {
			return false
		}
		if err != nil {
			s.listener.Retry(s.id, s.source, "read", err, s.fetches+1)
			s.forgetFetched()
			s.fetchAgain()
			return false
		}
		through, err := s.handle(rec)
		if err != nil {
			s.fail(err)
			return false
		}
		if !through {
			s.ahead.back()
			continue
		}
		s.position = rec.Offset + 1
	}
	return true
}

// handle decides what one record means. through is false when so many timers came ahead of its event that they take a
// unit's room: what they did is taken, and the record comes again.
func (s *shard) handle(rec *batch.Record) (through bool, err error) {
	s.open.events++
	s.open.moved = true
	from := schemas.Origin{Topic: s.source.Topic, Partition: s.source.Partition, Offset: rec.Offset, Timestamp: rec.Timestamp}
	if err := s.decoder.Decode(rec.Value, from, &s.event); err != nil {
		return true, s.deadLetter(rec, err.Error())
	}
	if s.partitioner != nil {
		s.scratch = append(s.scratch[:0], s.event.Customer...)
		if want := s.partitioner(s.scratch); want != s.source.Partition {
			return true, s.deadLetter(rec, fmt.Sprintf("customer %q belongs on partition %d by the source's partitioner: a customer on two partitions would be two; make producers use the record key %q and the partitioner of wend.yaml", s.event.Customer, want, s.event.Customer))
		}
	}
	if s.note() {
		return true, nil
	}
	e, doc, err := s.load(s.event.Customer)
	if err != nil {
		return false, err
	}
	if err := s.step(e, doc, journey.Input{Event: &s.event, Since: s.arming.since}); err != nil {
		return false, err
	}
	through = !s.effects.More
	stamp := rec.Timestamp
	switch {
	case !through:
		s.open.events--
		stamp = 0 // timers' alone
	case s.effects.Duplicate:
		s.open.duplicates++
	}
	if !s.effects.Changed {
		return through, nil
	}
	reason, err := s.decided(e, doc, stamp)
	switch {
	case err != nil:
		return through, err
	case reason != "":
		return true, s.deadLetter(rec, reason)
	case through:
		e.stepped = s.program
	}
	return through, nil
}

// note handles the event in hand if it is nothing to the program: most of what customers do. Such an event leaves its id and its
// time in the document, so the rest of it is neither read nor written anew. It says whether that was so.
func (s *shard) note() bool {
	ev, u := &s.event, s.open
	e := s.remembered(ev.Customer)
	if e == nil || e.stepped != s.program || e.indexed < ev.Time || !s.program.Unheard(ev.Type) {
		return false
	}
	start := len(u.arena)
	u.arena = append(append(u.arena, keyDocument...), e.customer...)
	end := len(u.arena)
	arena, seen, ok := s.documents.Note(u.arena, e.raw, e.ids, ev.EventID(), ev.Time, s.limits.ids)
	key, doc := arena[start:end:end], arena[end:len(arena):len(arena)]
	effect := len(doc) + len(e.customer) + recordBytes
	if !ok || seen || len(doc) > s.limits.document || effect > s.limits.effect {
		u.arena = u.arena[:start]
		if ok && seen {
			u.duplicates++
		}
		return ok && seen
	}
	u.arena = arena
	u.bytes += effect
	u.change(e, key, doc)
	s.cache.keep(e, doc)
	return true
}

// remembered gives the customer's entry if it is in memory, else nil.
func (s *shard) remembered(customer string) *entry {
	if e := s.ahead.entry(customer, s.cache); e != nil {
		return e
	}
	return s.cache.get(customer)
}

// step has the program handle an input. Effects that it gives have to be taken as a whole.
func (s *shard) step(e *entry, doc *schemas.Document, in journey.Input) error {
	s.effects.Reset()
	s.program.Step(e.customer, doc, in, &s.effects)
	return s.sound(e.customer, doc)
}

// sound says that what was read of the document on the way was no document.
func (s *shard) sound(customer string, doc *schemas.Document) error {
	if err := doc.Journeys.Err(); err != nil {
		return damagedView(fmt.Errorf("engine: shard %d: customer %q: %w", s.id, customer, err))
	}
	return nil
}

// nextDue is the program's of a document.
func (s *shard) nextDue(customer string, doc *schemas.Document) (int64, error) {
	due := s.program.NextDue(customer, doc)
	return due, s.sound(customer, doc)
}

// load gives the customer's entry, from memory or from the view, and the document, which is valid until the next load
// and while the entry's bytes are.
func (s *shard) load(customer string) (*entry, *schemas.Document, error) {
	e := s.remembered(customer)
	known := e != nil
	if !known {
		e = newEntry(customer)
		raw, ok, err := s.view.Get(customer, s.scratch[:0])
		if err != nil {
			return nil, nil, fmt.Errorf("engine: shard %d: load customer: %w", s.id, err)
		}
		if ok {
			s.scratch = raw
			e.keep(raw)
		}
		s.cache.release(s.applied)
		s.cache.add(e)
	}
	if len(e.raw) == 0 {
		return e, s.documents.Empty(), nil
	}
	doc, err := s.documents.Read(e.raw)
	if err == nil && doc.Recent.Apart() > 0 {
		if !known {
			if e.ids, _, err = s.view.IDs(customer, nil); err != nil {
				return nil, nil, fmt.Errorf("engine: shard %d: load customer: %w", s.id, err)
			}
			s.cache.bytes += cap(e.ids)
		}
		err = doc.Recent.Attach(e.ids)
	}
	if err != nil {
		return nil, nil, damagedView(fmt.Errorf("engine: shard %d: customer %q: %w", s.id, customer, err))
	}
	if !known && !s.program.Stale(doc) && !s.arming.reindex { // of one that another program armed the index may lack timers of ours
		// Whoever wrote the document saw to an entry at that time or earlier; where the scan has been it may be gone.
		due, err := s.nextDue(e.customer, doc)
		if err != nil {
			return nil, nil, err
		}
		if after(statestore.Cursor{Due: due, Customer: e.customer}, s.timers.cursor) {
			e.indexed = due
		}
	}
	return e, doc, nil
}

// stop has the shard finish: nothing more is taken, what is decided is journaled and paid. finished tells when.
func (s *shard) stop() {
	switch s.phase {
	case phaseRunning, phaseFirst:
		s.phase = phaseStopping
		s.want(-1, -1)
		s.forgetFetched()
	case phaseStandby:
		s.standDown()
	case phaseClaiming:
		s.drop("stopping")
	}
}

// finished says whether a stopped shard has nothing left to do.
func (s *shard) finished() bool {
	switch s.phase {
	case phaseIdle, phaseFailed:
		return true
	case phaseStopping:
		return s.flying == nil && !s.open.any() && s.pub.paid() && s.ackSince.IsZero() && len(s.held) == 0 && len(s.unsettled) == 0
	}
	return false
}

// drop lets go of the shard: what was not acknowledged never was. The view keeps what it has.
func (s *shard) drop(reason string) {
	if s.phase == phaseIdle || s.phase == phaseFailed {
		return
	}
	s.release()
	s.phase = phaseIdle
	s.listener.Dropped(s.id, reason)
	s.env.dropped(reason)
}

// fail stops the shard until somebody acts; where only its view failed, until that can be used again.
func (s *shard) fail(err error) {
	if s.phase == phaseFailed {
		return
	}
	if viewFailed(err) {
		s.mend(err)
		return
	}
	s.release()
	s.phase = phaseFailed
	s.listener.Failed(s.id, err)
	s.env.failed(err)
}

func (s *shard) release() {
	s.standDown()
	s.life++
	s.yielding = false
	s.want(-1, -1)
	s.forgetFetched()
	if s.pub != nil {
		s.pub.end()
	}
	s.open, s.flying, s.spare, s.bulks, s.draining = nil, nil, nil, nil, false
	s.held, s.heldSize, s.heldDue = nil, 0, schemas.Never
	s.unsettled, s.piled, s.piledSize, s.unsettledSize, s.unsettledDue = nil, nil, 0, 0, schemas.Never
	s.cache = nil
	s.env.controlFrom(-1, nil)
	s.orders = orders{}
	s.builder = batch.Builder{} // its memory may still be on its way
}

// close ends the shard and its view. The shard must not be used again.
func (s *shard) close() error {
	if s.phase != phaseIdle && s.phase != phaseFailed {
		s.release()
		s.phase = phaseIdle
	}
	if err := s.shut(); err != nil {
		return fmt.Errorf("engine: close the view of shard %d: %w", s.id, err)
	}
	return nil
}
