package engine

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"wend/engine/journey"
	"wend/schemas"
)

// What is said of journeys is what the release and the status on APP.control say.
func TestJourneysOverHTTP(t *testing.T) {
	const text = "journey: cart\nenter: {on: a}\nsteps: [{send: push, template: t}]\n---\njourney: other\nenter: {on: b}\nsteps: [{send: push, template: t}]\n"
	list := &schemas.Release{Number: 4, Time: 1, Files: []schemas.ReleaseFile{{Path: "journeys/c.yaml", Sum: "x"}},
		Journeys: []schemas.ReleaseJourney{{Name: "cart", Version: 3, Path: "journeys/c.yaml"}, {Name: "old", Version: 2, Path: "journeys/c.yaml", Gone: true}, {Name: "other", Version: 1, Path: "journeys/c.yaml"}},
		Older:    []schemas.ReleaseOlder{{Journey: "cart", Version: 1}, {Journey: "cart", Version: 2}}}
	status := map[string]schemas.Status{"cart": {Paused: true}, "other": {Resumed: 1_700_000_000_000}}
	e := &Engine{}
	e.mu.running = &running{deployed: deployedOf(list, status), texts: map[string][]byte{"journeys/c.yaml": []byte(text)}}
	h := NewHTTPHandler(HTTPOptions{Ready: func() bool { return true }, Gatherer: prometheus.NewRegistry(), Running: e.Running, Graph: func(j *journey.Journey) string { return "graph of " + j.Name.Value }})
	get := func(path string, status int) string {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != status {
			t.Fatalf("%s: status %d: %s", path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	if got, want := words(get("/v1/journeys", 200)), `{ "release": 4, "journeys": [`+
		` { "journey": "cart", "version": 3, "status": "paused", "older": [ { "version": 1 }, { "version": 2 } ] },`+
		` { "journey": "old", "version": 2, "status": "gone", "older": [] },`+
		` { "journey": "other", "version": 1, "status": "running", "older": [] } ] }`; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	var page map[string]any
	if err := json.Unmarshal([]byte(get("/v1/journeys/other", 200)), &page); err != nil {
		t.Fatal(err)
	}
	if page["definition"] != text || page["graph"] != "graph of other" || page["path"] != "journeys/c.yaml" || page["status"] != "running" || page["resumed_at"] != 1.7e12 || page["release"] != 4.0 {
		t.Errorf("%v", page)
	}
	page = nil
	if err := json.Unmarshal([]byte(get("/v1/journeys/old", 200)), &page); err != nil || page["definition"] != nil || page["graph"] != nil || page["status"] != "gone" {
		t.Errorf("%v, %v", page, err)
	}
	if got := get("/v1/journeys/crat", 404); !strings.Contains(got, `no journey is called \"crat\": did you mean \"cart\"?: deployed are cart, old, other`) {
		t.Error(got)
	}
	// Where nothing is deployed, what the process was started with.
	ws, _ := journey.LoadFiles(map[string][]byte{"journeys/c.yaml": []byte(text)})
	program, _ := journey.Compile(ws)
	e.mu.running = &running{program: program}
	if got := words(get("/v1/journeys", 200)); !strings.HasPrefix(got, `{ "release": 0, "journeys": [ { "journey": "cart", "version": 0, "status": "running"`) {
		t.Error(got)
	}
}
