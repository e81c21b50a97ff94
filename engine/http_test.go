package engine

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestHTTPAnswers(t *testing.T) {
	ready := false
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "wend_here"}, func() float64 { return 7 }))
	h := NewHTTPHandler(HTTPOptions{Token: "s3cret", Ready: func() bool { return ready }, Gatherer: registry})

	for _, c := range []struct {
		name, method, path, auth string
		ready                    bool
		status                   int
		says                     string
	}{
		{"health asks for no token", "GET", "/healthz", "", false, 200, "ok"},
		{"health by HEAD", "HEAD", "/healthz", "", false, 200, ""},
		{"not ready", "GET", "/readyz", "", false, 503, "not every shard"},
		{"ready asks for no token", "GET", "/readyz", "", true, 200, "ok"},
		{"metrics without a token", "GET", "/metrics", "", true, 401, "Bearer"},
		{"metrics with a wrong token", "GET", "/metrics", "Bearer s3cre", true, 401, "Bearer"},
		{"metrics with another scheme", "GET", "/metrics", "Basic s3cret", true, 401, "Bearer"},
		{"metrics with the token", "GET", "/metrics", "Bearer s3cret", true, 200, "wend_here 7"},
		{"the scheme's case does not matter", "GET", "/metrics", "bearer s3cret", true, 200, "wend_here 7"},
		{"a path unknown", "GET", "/nope", "Bearer s3cret", true, 404, "/nope"},
		{"a path unknown says nothing without a token", "GET", "/nope", "", true, 401, "Bearer"},
		{"another method", "POST", "/metrics", "Bearer s3cret", true, 405, "GET"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ready = c.ready
			r := httptest.NewRequest(c.method, c.path, nil)
			if c.auth != "" {
				r.Header.Set("Authorization", c.auth)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status {
				t.Fatalf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("body %q does not say %q", w.Body, c.says)
			}
			if c.status >= 400 {
				var problem struct {
					Status        int
					Title, Detail string
				}
				if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
					t.Errorf("content type %q", got)
				}
				if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || problem.Status != c.status || problem.Title == "" || problem.Detail == "" {
					t.Errorf("problem %+v, %v", problem, err)
				}
			}
		})
	}
}

func TestHTTPServerStartsAndEnds(t *testing.T) {
	h := NewHTTPHandler(HTTPOptions{Ready: func() bool { return true }, Gatherer: prometheus.NewRegistry()})
	s, err := StartHTTP("127.0.0.1:0", h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := StartHTTP(s.Addr(), h); err == nil || !strings.Contains(err.Error(), s.Addr()) {
		t.Errorf("a taken port gave %v", err)
	}
	resp, err := http.Get("http://" + s.Addr() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if string(body) != "ok\n" {
		t.Errorf("answer %q", body)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + s.Addr() + "/readyz"); err == nil {
		t.Error("it still answers after Close")
	}
}
