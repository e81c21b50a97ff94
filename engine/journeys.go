package engine

import (
	"slices"

	"wend/engine/journey"
)

// JourneysState is which journeys are deployed, as `wend journeys --format json` and `GET /v1/journeys` give it.
type JourneysState struct {
	Release  uint64         `json:"release"` // 0: nothing is deployed
	Journeys []JourneyState `json:"journeys"`
}

// JourneyState is a deployed journey: its newest version, and those before it that are kept for who is inside.
type JourneyState struct {
	Journey string `json:"journey"`
	VersionState
	Status string         `json:"status"` // as DeployedJourney.Status
	Older  []VersionState `json:"older"`  // in order
}

// VersionState is a version of a journey.
type VersionState struct {
	Version uint64 `json:"version"`
	Inside  *int64 `json:"inside,omitempty"` // enrollments; nil: they were not counted
}

// Status says in a word what holds for a journey: running, paused, gone (its file is, so nobody enters) or both.
func (j *DeployedJourney) Status() string {
	switch {
	case j.Paused && j.Gone:
		return "gone, paused"
	case j.Paused:
		return "paused"
	case j.Gone:
		return "gone"
	}
	return "running"
}

// State puts what is deployed together with who is inside; c may be nil.
func (d *Deployed) State(c *Census) JourneysState {
	of := func(name string, number uint64) VersionState {
		v := VersionState{Version: number}
		if c != nil {
			n := c.Running(name, number)
			v.Inside = &n
		}
		return v
	}
	out := JourneysState{d.Number, []JourneyState{}}
	for i := range d.Journeys {
		j := &d.Journeys[i]
		s := JourneyState{Journey: j.Journey, VersionState: of(j.Journey, j.Version), Status: j.Status(), Older: []VersionState{}}
		for _, o := range j.Older {
			s.Older = append(s.Older, of(j.Journey, o))
		}
		out.Journeys = append(out.Journeys, s)
	}
	return out
}

// Running is what a process runs, as it has read it from APP.control. It is never changed.
type Running struct {
	deployed *Deployed
	texts    map[string][]byte
}

// Running says what this process runs now. Where APP.control has no release yet it is what the process was started with,
// whose journeys have version 0. It may be called from any goroutine.
func (e *Engine) Running() *Running {
	e.mu.Lock()
	r := e.mu.running
	e.mu.Unlock()
	if r.deployed != nil {
		return &Running{r.deployed, r.texts}
	}
	d := &Deployed{}
	for _, name := range r.program.Journeys() {
		d.Journeys = append(d.Journeys, DeployedJourney{Journey: name})
	}
	return &Running{deployed: d}
}

// Journey gives a journey with the text of the file that defines it, nil where that is not known (of one that is gone, or
// of no release).
func (r *Running) Journey(name string) (j *DeployedJourney, text []byte) {
	i := slices.IndexFunc(r.deployed.Journeys, func(j DeployedJourney) bool { return j.Journey == name })
	if i < 0 {
		return nil, nil
	}
	j = &r.deployed.Journeys[i]
	if !j.Gone {
		text = r.texts[j.Path]
	}
	return j, text
}

// definition reads a journey from the text of its file; nil: it is not there, or only another version of wend can read it.
func definition(name, path string, text []byte) *journey.Journey {
	ws, _ := journey.LoadFiles(map[string][]byte{path: text})
	for _, j := range ws.Journeys {
		if j.Name.Value == name && !j.Broken {
			return j
		}
	}
	return nil
}
