package engine

import (
	"fmt"
	"net/http"
	"strings"

	"wend/engine/journey"
	"wend/schemas/yamlfile"
)

// journeysHandler answers GET /v1/journeys by what the process has read of APP.control: it asks nobody.
func journeysHandler(running func() *Running) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, running().deployed.State(nil))
	})
}

// journeyPage is what GET /v1/journeys/NAME gives.
type journeyPage struct {
	Release uint64 `json:"release"`
	JourneyState
	ResumedAt  *int64 `json:"resumed_at,omitempty"` // the last time, ms
	Path       string `json:"path,omitempty"`       // of its file in the workspace that was deployed
	Definition string `json:"definition,omitempty"` // the file, which may hold other journeys too
	Graph      string `json:"graph,omitempty"`      // Mermaid
}

// journeyHandler answers GET /v1/journeys/NAME.
func journeyHandler(running func() *Running, graph func(*journey.Journey) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, now := r.PathValue("name"), running()
		j, text := now.Journey(name)
		if j == nil {
			var names []string
			for _, j := range now.deployed.Journeys {
				names = append(names, j.Journey)
			}
			answerProblem(w, http.StatusNotFound, fmt.Sprintf("no journey is called %s%s: deployed are %s", yamlfile.Quote(name), yamlfile.DidYouMean(name, names), strings.Join(names, ", ")))
			return
		}
		one := Deployed{Number: now.deployed.Number, Journeys: []DeployedJourney{*j}}
		page := journeyPage{Release: one.Number, JourneyState: one.State(nil).Journeys[0], Path: j.Path, Definition: string(text)}
		if !j.Resumed.IsZero() {
			at := j.Resumed.UnixMilli()
			page.ResumedAt = &at
		}
		if d := definition(name, j.Path, text); d != nil && graph != nil {
			page.Graph = graph(d)
		}
		answerJSON(w, &page)
	})
}
