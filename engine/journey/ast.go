package journey

import (
	"wend/engine/journey/cron"
	"wend/engine/journey/localtime"
	"wend/schemas/yamlfile"
)

// The tree that parse makes of a workspace's files: what the author wrote, with positions, before any name is looked
// up. It has a place for the whole language; what this version does not run yet is refused by parse, with its position.

// Text is a scalar of a file. Pos is where its text begins (behind an opening quote), so that a problem inside an
// expression can be placed exactly when the scalar stands on one line.
type Text struct {
	yamlfile.Pos
	Value string

	node *yamlfile.Node
}

// At returns the place of Value[offset:] in its file, as exactly as the way it was written allows.
func (t Text) At(offset int) yamlfile.Pos {
	if t.node == nil {
		return t.Pos
	}
	return t.node.At(offset)
}

// Workspace is everything that a directory says about journeys. wend.yaml is not part of it.
type Workspace struct {
	Dir      string
	Journeys []*Journey // in order of name; after problems what could be read, each Broken
	Profile  *Profile   // never nil
	Policies *Policies  // nil: there are none
	Tests    []*Test

	Properties []*Property

	Events    map[string]*EventSchema // by type; none: no schemas are given
	unschemed yamlfile.Problems       // of the files of events/, without which all else works: Check gives them
}

// Journey is one journeys/*.yaml document.
type Journey struct {
	Name        Text
	Description string
	Priority    int64
	Timezone    *Text
	Rollout     float64 // share 0..1
	Holdout     float64
	Enter       *Enter
	Goal        *Trigger
	Exits       []*Trigger
	Steps       []*Step
	OnUpdate    string // pin | follow | exit: what happens to those inside when this version is deployed; "" where it can't be read
	Moves       []Move // with follow, in the file's order

	// Broken: problems of it were reported. What could be read is there, so that expressions can be checked too: Enter
	// is set, a step that could not be read is missing from its list, and so names may be missing that it would bring.
	Broken bool
	// LostSend: a send could not be read, so that its id may be what an expression names.
	LostSend bool
}

// Move leads those who stand at a step of an earlier version, whose id is gone, on at another.
type Move struct{ Old, New Text }

// Trigger is an event condition: of enter, goal, exit, and of one `events` entry of an await.
type Trigger struct {
	yamlfile.Pos
	On      []Text
	If      *Text
	Of      *Text // id of a send
	Becomes *Text // instead of On
	Times   int   // 0: not counted; else 2..128
	Within  int64 // ms; with Times the window, in a goal without Times the attribution window; 0: absent

	// What it waits for in place of an event: at most one of these, and then On is empty.
	Inactive *Inactive
	Date     *Date
	Schedule *Schedule

	Key *Text // enter only

	Do     []*Step // goal, exit, await
	Reason *Text   // exit

	Reset bool // await
	Since bool // await: `since: enter`
}

// Inactive is a time without an event of some types.
type Inactive struct {
	For int64  // ms, at least 1
	Of  []Text // event types; none: any
}

// Date is a date in the profile.
type Date struct {
	Of     Text // the attribute as it is written, profile.NAME
	Name   string
	Yearly bool
	Offset int64 // calendar days, negative ahead of the date
	At     localtime.Clock
}

// Schedule is a calendar time, either of Cron or of a list.
type Schedule struct {
	Cron   *Text
	Times  cron.Expr   // what Cron says
	Listed []LocalTime // in their order
	Spread int64       // ms
}

// LocalTime is a moment as calendars and clocks show it.
type LocalTime struct {
	Day localtime.Day
	At  localtime.Clock
}

// Enter is how a journey begins.
type Enter struct {
	Trigger
	Again      Again
	AgainAfter int64 // ms, with AgainInterval
}

// Again says when a customer may enter once more.
type Again uint8

const (
	AgainAfterExit Again = iota
	AgainNever
	AgainAlways
	AgainInterval
)

// Step is one entry of a list of steps.
type Step struct {
	yamlfile.Pos
	Place string // with every key on the way: steps[2].await.events[0].do[1]
	OwnID *Text
	If    *Text

	// Exactly one of these.
	Wait   *Wait
	Await  *Await
	Branch []*Arm
	Split  *Split
	Choose []*Choice
	Repeat *Repeat
	Send   *Send
	Set    []Assign // in the file's order; a nil Value removes
	Tag    []Text
	Untag  []Text
	Emit   *Emit
	Exit   *Text
}

// Wait is `wait: 30m`, `wait: {for: 7d, at: "09:00", on: [mon]}` or `wait: {until: EXPR}`.
type Wait struct {
	For        int64 // ms
	SinceEnter bool
	At         *localtime.Clock
	On         localtime.Weekdays // 0: any
	Until      *Text              // then the rest but PastExit is absent
	PastExit   bool
}

// Await waits for the first of several events, or a deadline.
type Await struct {
	Within  int64 // ms
	Forever bool
	Events  []*Trigger
	Until   *Text // instead of Events; then Do is what follows
	Do      []*Step
	Timeout []*Step
}

// Arm is one way of a branch; the last may have no If.
type Arm struct {
	yamlfile.Pos
	If *Text
	Do []*Step
}

// Choice is one of the ways among which a choose takes the best.
type Choice struct {
	yamlfile.Pos
	Name  *Text
	If    *Text
	Score *Text
	Do    []*Step
}

// Repeat does its steps in rounds.
type Repeat struct {
	Times int
	Until *Text
	Do    []*Step
}

// Split is a sticky A/B/n test.
type Split struct {
	Name Text
	Arms []SplitArm
}

// SplitArm is one variant and its weight.
type SplitArm struct {
	Name   Text
	Weight float64
	Do     []*Step
}

// Send is an action.
type Send struct {
	Channel       Text
	Template      Text
	With          []Assign // in the file's order
	Expire        int64    // ms, 0: absent
	Transactional bool
}

// Assign is `name: value` under with, set or emit.
type Assign struct {
	Name  Text
	Value *Value
}

// Value is a YAML value whose texts may hold {{ expressions }}.
type Value struct {
	yamlfile.Pos
	Scalar any   // nil, bool, int64, float64, when neither Text nor List nor Map
	Text   *Text // a text, perhaps a template
	List   []*Value
	Map    []Assign
	Kind   ValueKind
}

// ValueKind says which of a Value's fields counts.
type ValueKind uint8

const (
	ScalarValue ValueKind = iota
	TextValue
	ListValue
	MapValue
)

// Emit is an event of the customer, handled next.
type Emit struct {
	Type Text
	With []Assign
}

// Profile is profile.yaml.
type Profile struct {
	Attributes []Attribute // in order of name
	Updates    []*Update   // in the file's order
	Scores     []*Score    // in the file's order
	Segments   []*Segment  // in the file's order
	Lost       []string    // names whose declaration has a problem that was reported; they are not in the lists above
	Broken     bool        // more names than Lost may be missing
}

// Attribute is a declared name of the profile, never tags, consent and timezone, which are there undeclared.
type Attribute struct {
	Name Text
	Type Text // string, int, double, bool, date, timestamp, list, map
}

// Score is a number that events add to.
type Score struct {
	Name   Text
	Add    []*ScoreAdd
	Idle   *Idle // nil: none
	Min    float64
	HasMin bool
}

// ScoreAdd is what one kind of events adds to a score.
type ScoreAdd struct {
	yamlfile.Pos
	On     []Text
	If     *Text
	Points float64
}

// Idle is what a score loses when none of its events comes.
type Idle struct {
	After  int64 // ms
	Points float64
}

// Segment is a named condition.
type Segment struct {
	Name Text
	If   *Text
}

// Update changes the profile on an event. Either SetAll (an expression that gives a map) or Set.
type Update struct {
	yamlfile.Pos
	On     []Text
	If     *Text
	SetAll *Text
	Set    []Assign
}

// Policies is policies.yaml.
type Policies struct {
	Timezone *Text
	Channels []*ChannelPolicy // in the file's order
	All      []Cap
	Broken   bool // problems of it were reported: channels and caps may be missing
}

// ChannelPolicy is what is asked of the sends of a channel.
type ChannelPolicy struct {
	Name    Text
	Consent *Text
	Quiet   *Quiet
	Caps    []Cap
	Expire  int64 // ms, 0: absent; for sends that say none of their own
}

// Quiet are hours of the day at which nothing leaves: from <= local time < to, over midnight where to is the smaller.
type Quiet struct {
	From, To localtime.Clock // never the same
	Defer    bool            // to their end; else what comes in them is dropped
}

// Cap is how many sends may leave in a time.
type Cap struct {
	yamlfile.Pos
	Max  int
	Per  int64  // ms; 0: the customer's calendar day
	Text string // per, as the author wrote it
}

// Test is one tests/*.yaml document.
type Test struct {
	yamlfile.Pos
	Name    string
	Journey Text
	Profile []Assign // plain values
	Start   int64    // ms
	Events  []TestEvent
	Expect  []Expect
}

// TestEvent is an event of a test at an offset from its start.
type TestEvent struct {
	yamlfile.Pos
	At     int64 // ms from start
	Type   string
	ID     string // event_id where given
	Fields map[string]any
}

// Expect is one line of `expect`. Exactly one of Send, Goal, Exit, Stopped, Refused is set.
type Expect struct {
	yamlfile.Pos
	At       int64 // ms from start
	HasAt    bool
	Send     string // channel
	Template string
	With     map[string]any // of these keys only
	Goal     bool
	Exit     string // reason
	Stopped  *Text  // the policy
	Refused  string
}
