package journey

import (
	"sort"
	"time"

	"wend/engine/journey/expr"
	"wend/schemas"
	"wend/schemas/yamlfile"
)

// Program is a compiled workspace. It is immutable, and safe for concurrent Steps on different documents.
//
// What an event costs is decided here: types is the only look-up by name on the way of an event, and it leads to the
// journeys that want the type and no others, and of those to the ones that it concerns (interests). Everything behind it
// is reached by index. Names come back only where a document holds them: journeys (found by binary search in a customer's
// few) and the steps where enrollments stand.
type Program struct {
	plans    []*plan // in the order in which they are offered an event: by priority, then name
	byName   []*plan // in order of name, as documents keep them
	types    map[string]*typeIndex
	nobody   interests            // those of no event type
	profile  map[string]expr.Type // declared attributes and the three that every profile has
	channels []string
	policies policies
	windows  []window  // as expr.Env numbers them
	scores   []score   // in order of name, as expressions number them
	segments []segment // as expressions number them
	idles    bool      // a score has idle

	looks   []look // in the order of plans; of one: goal, exits, enter, its awaits
	leaving []leaving
	watched map[string]watchers // by attribute
	known   uint64              // names all that documents remember for windows, scores and looks; 0: nothing

	moments []*moment // triggers that wait for a moment
	armed   uint64    // names the set of them, 0: none

	released bool     // it is of a release: enrollments stand in versions
	deployed int64    // when
	status   []Status // of the journeys, by rank
	listed   []JourneyVersion
	dates    map[string]bool // the attributes that change when one comes
	silences []*moment       // those that any event ends

	plain bool // every journey is asked, and every condition is judged by the interpreter: for tests
}

// typeIndex is what the program wants of one event type.
type typeIndex struct {
	name    string // outlives the event, so that documents and actions need no copy
	id      int32
	series  *series // nil: no window looks back on it
	since   []since
	watch   watchers // what reads windows of it
	scores  []scoreAdd
	updates []*update
	wants   interests

	silences []*moment // those that an event of the type ends
}

// plan is a compiled journey. Steps are nodes in a flat table; a node id means nothing outside this plan, and what a
// document keeps is the step id, which the author's file decides.
type plan struct {
	name     string
	version  uint64
	versions       // of a head
	head     *plan // the journey's newest version, which is in Program.plans; itself, for most
	keyed    bool
	trail    uint32 // what documents call it in what they remember of decisions
	rank     int32  // in Program.plans
	zone     *time.Location
	rollout  uint32 // buckets of 10,000
	holdout  uint32
	enter    trigger
	key      *expr.Expression // nil: one per customer
	again    Again
	after    int64
	goal     *trigger
	exits    []trigger
	moments  []*moment // of enter, goal and exits; of a head, with those of its older versions
	nodes    []node
	start    int32            // first node, or end
	untils   int32            // the look at what its awaits wait for, or noLook
	standing map[string]int32 // waits and awaits by step id

	// What an enrollment has to keep of events: sorted top-level fields, without those of its cause.
	enterFields keep
	eventFields keep
	keepSent    map[string]bool // send ids that an expression or an `of` may look at
	early       int             // matches kept per `since: enter` event: as often as one may be taken, up to maxEarly
	earlyTypes  map[int32]bool  // types of `since: enter` events
}

// keep is a selection of an event's top-level fields.
type keep struct {
	all   bool
	names []string // sorted
}

// end stands for "no step follows".
const end int32 = -1

type nodeOp uint8

const (
	opWait nodeOp = iota
	opAwait
	opBranch
	opSplit
	opChoose
	opRepeat
	opAgain // behind the last step of a repeat's body: no step of its own
	opSend
	opSet
	opTag
	opUntag
	opEmit
	opExit
)

// node is a step. next is where its journey goes on when it is through or passed over.
type node struct {
	op    nodeOp
	id    string // what documents, actions and traces call the step
	place string // where the author wrote it
	pos   yamlfile.Pos
	cond  *expr.Condition
	next  int32

	wait   waitNode
	await  awaitNode
	repeat repeatNode // also of opAgain
	later  []int32    // of a wait or await: awaits with `since: enter` that may come after it
	arms   []arm
	send   *sendNode
	set    []assign
	tags   []string
	emit   *emitNode
	reason string // of exit
	split  string // its name
	draw   string // what its hash is keyed with
}

type awaitNode struct {
	within  int64 // ms, or schemas.Never
	rounds  int   // how often it is reached at most: 1 outside of repeats
	events  []trigger
	until   *expr.Condition // instead of events
	do      int32           // with until
	timeout int32
}

// ways is how many ways lead on from it besides the timeout.
func (a *awaitNode) ways() int {
	if a.until != nil {
		return 1
	}
	return len(a.events)
}

func (a *awaitNode) forever() bool { return a.within == schemas.Never }

// arm is one way of a branch, a split or a choose.
type arm struct {
	name  string
	place string
	pos   yamlfile.Pos
	cond  *expr.Condition // of a branch or a choose; nil: it holds
	score *expr.Number    // of a choose
	below uint32          // of a split: taken when the customer's bucket is below, and not below the arm before
	do    int32
}

type sendNode struct {
	channel, template string
	policy            *channelPolicy // nil: the channel is not listed
	with              []assign
	expire            int64
	transactional     bool
}

type emitNode struct {
	name string
	with []assign
}

// assign is `name: value`.
type assign struct {
	name   string
	value  *value // nil removes
	static bool   // value has no expression
}

// trigger is a compiled event condition, or waits for a moment: then types has that moment's alone.
type trigger struct {
	types  []int32
	cond   *expr.Condition
	of     string // send id
	times  int
	within int64
	place  string // in documents: "" for enter, goal, exit[0]
	look   int32  // in Program.looks, or noLook
	do     int32
	reason string
	reset  bool
	since  bool
	pos    yamlfile.Pos
}

func (t *trigger) wants(id int32) bool {
	for _, x := range t.types {
		if x == id {
			return true
		}
	}
	return false
}

// byEvent says whether what fires it is an event, which is `event` and `cause` then, and no condition or moment, which
// leaves both as they were. No trigger needs neither.
func (t *trigger) byEvent() bool { return t == nil || len(t.types) > 0 && t.types[0] >= 0 }

type update struct {
	place string
	cond  *expr.Condition
	all   *expr.Expression
	set   []assign
}

// Journeys are the names of the journeys that take entries, in the order in which they are offered an event.
func (p *Program) Journeys() []string {
	names := make([]string, 0, len(p.plans))
	for _, j := range p.plans {
		if !j.gone {
			names = append(names, j.name)
		}
	}
	return names
}

// Channels are the channels that a send of the program names, sorted.
func (p *Program) Channels() []string { return append([]string(nil), p.channels...) }

// plan returns the journey of that name, or nil.
func (p *Program) plan(name string) *plan {
	if len(p.byName) <= 8 {
		for _, j := range p.byName {
			if j.name == name {
				return j
			}
		}
		return nil
	}
	i := sort.Search(len(p.byName), func(i int) bool { return p.byName[i].name >= name })
	if i < len(p.byName) && p.byName[i].name == name {
		return p.byName[i]
	}
	return nil
}

// findState returns where the journey's state stands in the document, or where it would.
func findState(doc *schemas.Document, name string) (int, bool) {
	lo, hi := 0, doc.Journeys.Len()
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if doc.Journeys.Name(mid) < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < doc.Journeys.Len() && doc.Journeys.Name(lo) == name
}
