package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wend/connectors"
	"wend/connectors/kafka"
	"wend/engine"
	"wend/schemas"
)

// handler is the HTTP side of the engine that was run last.
func (s *stand) handler(token string) http.Handler {
	e := s.engine
	return engine.NewHTTPHandler(engine.HTTPOptions{Token: token, Ready: e.Ready, Gatherer: prometheus.NewRegistry(), Customer: e.Customer, Running: e.Running})
}

// ask gets a path, and has the answer decoded.
func ask(t *testing.T, h http.Handler, path, token string, into any) (status int, header http.Header) {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("%s: status %d, %v: %s", path, w.Code, err, w.Body)
	}
	return w.Code, w.Header()
}

type refusal struct {
	Status           int
	Detail, Instance string
	Shard            *int32
}

// eventually asks again while the answer says that the shard is not at work yet.
func eventually(t *testing.T, h http.Handler, path, token string, into any) int {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		status, header := ask(t, h, path, token, into)
		if status != http.StatusServiceUnavailable || time.Now().After(deadline) {
			return status
		}
		if header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
}

// What the HTTP side says of a customer is what is in their document; of one that is not there it says so, and to who has
// no token nothing.
func TestCustomerOverHTTP(t *testing.T) {
	s := newStand(t, 3)
	stop := s.run()
	defer func() { _ = stop() }()
	h := s.handler("s3cret")
	const odd = "a/b ü..%"
	s.produce(event("e1", "li", "purchase"), event("e2", "li", "browse"), event("e3", odd, "purchase"), event("e4", "..", "purchase"))
	s.actions(3)

	var li engine.CustomerState
	if status := eventually(t, h, "/v1/customers/li", "s3cret", &li); status != 200 {
		t.Fatal(status)
	}
	if li.Customer != "li" || string(li.Attributes["purchases"]) != "1" || li.Time == nil || li.Shard != connectors.Murmur2Partition([]byte("li"), 3) {
		t.Errorf("%+v", li)
	}
	var names []string
	for _, j := range li.Journeys {
		names = append(names, fmt.Sprintf("%s %d %d", j.Journey, j.Entries, len(j.Running)))
	}
	if !slices.Contains(names, "j3 1 0") {
		t.Errorf("journeys %v", names)
	}
	if !slices.ContainsFunc(li.Timeline, func(r engine.Remark) bool {
		return r.Journey == "j3" && r.Kind == "exit" && r.Reason == "completed" && r.Times == 1 && r.Text == "j3 exit completed"
	}) {
		t.Errorf("timeline %+v", li.Timeline)
	}
	for _, customer := range []string{odd, ".."} {
		var c engine.CustomerState
		if status := eventually(t, h, engine.CustomerPath(customer), "s3cret", &c); status != 200 || c.Customer != customer {
			t.Errorf("%q: status %d, %+v", customer, status, c)
		}
	}
	if _, header := ask(t, h, "/v1/customers/li", "s3cret", &li); header.Get("Cache-Control") != "no-store" {
		t.Error("an answer about a customer may be kept on its way")
	}

	var no refusal
	if status := eventually(t, h, "/v1/customers/LI", "s3cret", &no); status != 404 || !strings.Contains(no.Detail, `nothing is known of customer "LI" on shard `) {
		t.Errorf("unknown: %d %+v", status, no)
	}
	for _, path := range []string{"/v1/customers/li", "/v1/customers/LI", "/v1/journeys", "/v1/journeys/j1", "/v1/journeys/none"} {
		for _, token := range []string{"", "s3cre"} {
			var no refusal
			if status, _ := ask(t, h, path, token, &no); status != 401 || strings.Contains(no.Detail, "li") || no.Shard != nil {
				t.Errorf("%s with token %q: %d %+v", path, token, status, no)
			}
		}
	}

	// Whoever has stopped answers, and knows nothing.
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var busy *engine.BusyError
	if _, err := s.engine.Customer(ctx, "li"); !errors.As(err, &busy) {
		t.Errorf("a stopped engine says %v", err)
	}
}

// A timer that waits is there with its time, and gone once it has fired.
func TestCustomerTimersOverHTTP(t *testing.T) {
	s := newStand(t, 1)
	stop := s.run()
	defer func() { _ = stop() }()
	h := s.handler("")
	mo := event("e1", "mo", "add_to_cart")
	mo["ts"] = time.Now().UnixMilli()
	s.produce(mo)
	var c engine.CustomerState
	s.actions(1)
	for deadline := time.Now().Add(2 * time.Minute); ; {
		if status := eventually(t, h, "/v1/customers/mo", "", &c); status != 200 || time.Now().After(deadline) {
			t.Fatalf("status %d, %+v", status, c)
		}
		if len(c.Timers) == 0 {
			break
		}
		want := engine.PendingTimer{DueAt: mo["ts"].(int64) + 300, For: "step", Journey: "j2", Enrollment: 1, At: "steps[0]"}
		if len(c.Timers) != 1 || c.Timers[0] != want {
			t.Fatalf("timers %+v", c.Timers)
		}
	}
	if len(c.Journeys) != 1 || len(c.Journeys[0].Running) != 0 || c.Journeys[0].Entries != 1 {
		t.Errorf("%+v", c.Journeys)
	}
}

// Of two instances each answers for its own customers, and names the other for the rest.
func TestCustomerOfAnotherInstance(t *testing.T) {
	s := newStand(t, 4)
	other := *s
	s.cfg.Instance, other.cfg.Instance, other.cfg.DataDir = "i-a", "i-b", filepath.Join(t.TempDir(), "data")
	defer func(f func() error) { _ = f() }(s.run())
	defer func(f func() error) { _ = f() }(other.run())
	handlers := map[string]http.Handler{"i-a": s.handler(""), "i-b": other.handler("")}
	var customers []string
	for i := range 12 {
		customers = append(customers, fmt.Sprintf("c%d", i))
		s.produce(event(fmt.Sprintf("e%d", i), customers[i], "purchase"))
	}
	s.actions(len(customers))
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		answered := map[string]int{}
		agree := true
		for _, c := range customers {
			owners := 0
			for name, h := range handlers {
				var body struct {
					engine.CustomerState
					refusal
				}
				switch status := eventually(t, h, "/v1/customers/"+c, "", &body); status {
				case 200:
					owners++
					answered[name]++
				case 421:
					want := fmt.Sprintf("customer %q is on shard %d, which instance %s on 127.0.0.1 works on: ask its http", c, connectors.Murmur2Partition([]byte(c), 4), body.Instance)
					if handlers[body.Instance] == nil || body.Instance == name || body.Detail != want {
						t.Fatalf("%s says %q", name, body.Detail)
					}
				default:
					t.Fatalf("%s: %s: status %d", name, c, status)
				}
			}
			agree = agree && owners == 1
		}
		if agree && len(answered) == 2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("they do not come to share the customers: %v", answered)
		}
	}
}

// Many ask while events keep coming: each sees a customer grow and never shrink, and never sees what the journal does not
// have.
func TestCustomerWhileEventsCome(t *testing.T) {
	s := newStand(t, 2)
	stop := s.run()
	defer func() { _ = stop() }()
	client, err := kafka.New(kafka.Options{Brokers: s.brokers, Released: func(memory []byte) { clear(memory) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	const events, askers = 120, 6
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	purchases := func(c *engine.CustomerState) (n int) {
		if err := json.Unmarshal(c.Attributes["purchases"], &n); err != nil {
			t.Error(err)
		}
		return n
	}
	var wg sync.WaitGroup
	for i := range askers {
		wg.Go(func() {
			customer := []string{"li", "mo"}[i%2]
			last, answers := 0, 0
			for last < events && ctx.Err() == nil {
				c, err := s.engine.Customer(ctx, customer)
				if err != nil {
					var busy *engine.BusyError
					var unknown *engine.UnknownCustomerError
					var elsewhere *engine.ElsewhereError
					if !errors.As(err, &busy) && !errors.As(err, &unknown) && !errors.As(err, &elsewhere) || answers > 0 {
						t.Errorf("after %d answers: %v", answers, err)
						return
					}
					time.Sleep(10 * time.Millisecond)
					continue
				}
				answers++
				n := purchases(c)
				if n < last {
					t.Errorf("%s went from %d to %d", customer, last, n)
				}
				last = n
				if answers%20 == 1 {
					journaled := -1
					_, err := engine.TakeCensus(ctx, client, &s.cfg, engine.CensusOptions{Customer: func(who string, doc *schemas.Document) error {
						if who == customer {
							v, _ := doc.Profile.Field("purchases")
							n, _ := v.(int64)
							journaled = int(n)
						}
						return nil
					}})
					if err != nil || journaled < last {
						t.Errorf("%s has %d, the journal %d, %v", customer, last, journaled, err)
					}
				}
			}
			if last != events {
				t.Errorf("%s: %d of %d after %d answers", customer, last, events, answers)
			}
		})
	}
	for i := range events {
		s.produce(event(fmt.Sprintf("l%d", i), "li", "purchase"), event(fmt.Sprintf("m%d", i), "mo", "purchase"))
	}
	wg.Wait()
}
