package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Each reason why there is no answer has a status and words; of what went wrong within the process the answer says nothing, for
// it may quote the input, and the log hears it.
func TestCustomerRefusals(t *testing.T) {
	secret := errors.New(`engine: shard 1: customer "ada": of "eve"`)
	for _, c := range []struct {
		err    error
		status int
		says   string
		owner  string // instance of the answer
		again  bool
	}{
		{&UnknownCustomerError{"ada", []int32{2}, true}, 404, `nothing is known of customer "ada" on shard 2: `, "", false},
		{&UnknownCustomerError{"ada", []int32{0, 2}, false}, 404, "source.partitioner is none, so another instance may know them", "", false},
		{&ElsewhereError{Customer: "ada", Shard: 3, Instance: "i-b", Host: "10.1.1.1"}, 421, "instance i-b on 10.1.1.1 works on: ask its http", "i-b", false},
		{&ElsewhereError{Customer: "ada", Shard: 3, Err: errors.New("no coordinator")}, 421, "no coordinator", "", false},
		{&ElsewhereError{Customer: "ada", Shard: 3}, 503, "no instance has at the moment", "", true},
		{&BusyError{"ada", 3}, 503, "shard 3", "", true},
		{context.DeadlineExceeded, 503, "did not answer within 5s", "", true},
		{secret, 500, "the log of this instance says why", "", false},
	} {
		var told error
		h := NewHTTPHandler(HTTPOptions{Ready: func() bool { return true }, Gatherer: prometheus.NewRegistry(), Failed: func(err error) { told = err },
			Customer: func(_ context.Context, id string) (*CustomerState, error) {
				if id != "ada" {
					t.Errorf("asked about %q", id)
				}
				return nil, fmt.Errorf("ask: %w", c.err)
			}})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", CustomerPath("ada"), nil))
		var p struct {
			Status           int
			Detail, Instance string
			Shard            int32
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != c.status || p.Status != c.status || !strings.Contains(p.Detail, c.says) || p.Instance != c.owner {
			t.Errorf("%v: status %d, %s, %v", c.err, w.Code, w.Body, err)
		}
		if w.Header().Get("Content-Type") != "application/problem+json" || (w.Header().Get("Retry-After") != "") != c.again {
			t.Errorf("%v: header %v", c.err, w.Header())
		}
		if failed := errors.Is(c.err, secret); failed != (told != nil) || failed && strings.Contains(w.Body.String(), "eve") {
			t.Errorf("%v: the log hears %v; the answer is %s", c.err, told, w.Body)
		}
	}
	for id, want := range map[string]string{"a": "/v1/customers/a", "..": "/v1/customers/%2E%2E", "a/b": "/v1/customers/a%2Fb", "ü ": "/v1/customers/%C3%BC%20"} {
		if got := CustomerPath(id); got != want {
			t.Errorf("%q is at %s, want %s", id, got, want)
		}
	}
}
