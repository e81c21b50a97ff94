package journey

import (
	"slices"

	"wend/schemas"
	"wend/schemas/yamlfile"
)

// Release is what a deploy puts in force: a workspace with the version numbers of its journeys, the older versions in
// which customers may still be, and what holds for journeys beside their definitions.
type Release struct {
	// Current is the workspace. Its journeys take entries.
	Current *Workspace
	// Versions are the numbers of the journeys of Current, by name, from 1. A journey's number counts up, by whatever
	// calls it, when its Hash is another. One that is missing has 0.
	Versions map[string]uint64
	// Older are the definitions of smaller numbers, also of journeys that Current does not have: those take no entries,
	// and whoever is inside finishes. What must be there is said with Versions of a Program.
	Older []OlderVersion
	// Status of journeys by name; one that is missing runs.
	Status map[string]Status
	// Deployed is when it was, in ms since 1970: what became due earlier by it, and would be past by then, is due then.
	// 0: at no moment, so that it is due in the past.
	Deployed int64
	// Plain makes a program that asks every journey at every event and leaves every condition to the interpreter. It
	// decides the same, slower: tests compare with it.
	Plain bool
}

// OlderVersion is an earlier definition of a journey, as Load or LoadFiles read it then.
type OlderVersion struct {
	Journey *Journey
	Version uint64
}

// Status is what holds for a journey until somebody says otherwise, whatever its version.
type Status struct {
	// Paused refuses entries (RefusedPaused) and holds the timers and awaits of its enrollments; their goals and exits
	// count.
	Paused bool
	// Resumed is when it was resumed last, in ms since 1970: what was held and was due before that is due then, in its
	// order. 0: never, or so long ago that nothing of then is still held.
	Resumed int64
	// Spread, in ms, puts customers off behind Resumed by a share of it, the same for all that is held of one; 0: none.
	Spread int64
}

// JourneyVersion is a version of a journey in a Program.
type JourneyVersion struct {
	Journey string
	Version uint64
	Hash    string
	Current bool // it takes entries; of the rest those inside finish or go on to another version
	Paused  bool
}

// CompileRelease makes a Program of a release, or nil when a problem is an error. Problems in Older are errors of this
// release too, as when somebody is pinned to a version that reads an attribute which the profile has no more.
func CompileRelease(r *Release) (*Program, yamlfile.Problems) {
	return compile(r)
}

// Under gives the program of the same release with another status of its journeys, by name, and another moment at which
// it was deployed; see Release. It shares with p all that took time to compile.
func (p *Program) Under(status map[string]Status, deployed int64) *Program {
	q := *p
	q.deployed, q.status, q.listed = deployed, make([]Status, len(p.plans)), slices.Clone(p.listed)
	for i, j := range p.plans {
		q.status[i] = status[j.name]
	}
	for i := range q.listed {
		q.listed[i].Paused = status[q.listed[i].Journey].Paused
	}
	return &q
}

// Versions are the journeys' versions that the program knows, by journey and then number.
func (p *Program) Versions() []JourneyVersion { return p.listed }

// Standing is where an enrollment stands.
type Standing struct {
	Journey string
	Version uint64
	Number  uint64
	Key     string
	Step    string // "" of one that has ended
	Ended   bool   // it is remembered for its goal or deferred sends
}

// Inside calls each for the enrollments of a document: of these versions the next release needs the definitions.
func Inside(doc *schemas.Document, each func(Standing)) {
	for i := range doc.Journeys.Len() {
		js := doc.Journeys.At(i)
		for k := range js.Running {
			en := &js.Running[k]
			each(Standing{js.Journey, en.Version, en.Number, en.Key, en.Step, false})
		}
		for k := range js.Ended {
			en := &js.Ended[k]
			each(Standing{js.Journey, en.Version, en.Number, en.Key, "", true})
		}
	}
}
