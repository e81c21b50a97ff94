package engine

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"wend/engine/journey"
)

// HTTPOptions are what the HTTP side asks of the engine.
type HTTPOptions struct {
	Token    string // what everything but health asks for; "" asks for nothing
	Ready    func() bool
	Gatherer prometheus.Gatherer
	// Customer and Running are Engine's; nil: there is nothing under /v1.
	Customer func(ctx context.Context, id string) (*CustomerState, error)
	Running  func() *Running
	// Graph draws a journey as Mermaid; nil: nobody can.
	Graph func(*journey.Journey) string
	// Failed hears why a question about a customer could not be answered, which the answer does not say; may be nil.
	Failed func(error)
}

// NewHTTPHandler answers /healthz (200 while the process lives), /readyz (200 once it works on every shard assigned to
// it, else 503), /metrics and what stands under /v1. What is refused is answered with application/problem+json.
func NewHTTPHandler(o HTTPOptions) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answerOK(w) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !o.Ready() {
			answerProblem(w, http.StatusServiceUnavailable, "not every shard assigned to this process is at work yet")
			return
		}
		answerOK(w)
	})
	routes := []string{"/healthz", "/readyz"}
	guard := func(path string, h http.Handler) {
		routes = append(routes, path)
		mux.Handle("GET "+path, guarded(o.Token, h))
	}
	guard("/metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{}))
	if o.Customer != nil {
		guard("/v1/customers/{id}", customerHandler(o.Customer, o.Failed))
	}
	if o.Running != nil {
		guard("/v1/journeys", journeysHandler(o.Running))
		guard("/v1/journeys/{name}", journeyHandler(o.Running, o.Graph))
	}
	for _, path := range routes { // whatever is no GET comes here
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", "GET, HEAD")
			answerProblem(w, http.StatusMethodNotAllowed, path+" takes GET only")
		})
		mux.Handle(path, guarded(o.Token, h))
	}
	mux.Handle("/", guarded(o.Token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answerProblem(w, http.StatusNotFound, "there is nothing at "+r.URL.Path+"; there are "+strings.Join(routes, ", "))
	})))
	return mux
}

// guarded asks for the bearer token.
func guarded(token string, next http.Handler) http.Handler {
	if token == "" {
		return next
	}
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(given)) // of equal length, so that comparing takes as long for each
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) == 0 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			answerProblem(w, http.StatusUnauthorized, "send the header Authorization: Bearer TOKEN, with the token that http_token names")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func answerOK(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // an asker who is gone needs no answer
}

// problem is RFC 9457's object.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	*whoOwns
}

// whoOwns says who to ask about a customer.
type whoOwns struct {
	Shard    int32  `json:"shard"`
	Instance string `json:"instance,omitempty"`
	Host     string `json:"host,omitempty"`
}

func answerProblem(w http.ResponseWriter, status int, detail string) {
	(&problem{Status: status, Detail: detail}).answer(w)
}

func (p *problem) answer(w http.ResponseWriter) {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(p) // an asker who is gone needs no answer
}

// answerJSON answers with an object, for programs and for people. It is of the moment, and may be about people: nobody on the
// way is to keep it.
func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // as above
}

// HTTPServer is a listening HTTP side.
type HTTPServer struct {
	server   *http.Server
	listener net.Listener
	done     chan error
}

// StartHTTP listens on addr and answers from then on. Whoever started it calls Close.
func StartHTTP(addr string, h http.Handler) (*HTTPServer, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("http: listening on %s: %w", addr, err)
	}
	s := &HTTPServer{
		server: &http.Server{
			Handler:           h,
			ReadHeaderTimeout: 5 * time.Second,
			ReadTimeout:       30 * time.Second,
			WriteTimeout:      30 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
		},
		listener: ln,
		done:     make(chan error, 1),
	}
	go func() { s.done <- s.server.Serve(ln) }()
	return s, nil
}

// Addr is the address listened on, with its real port.
func (s *HTTPServer) Addr() string { return s.listener.Addr().String() }

// Close lets answers under way finish, two seconds at most, and waits until nothing is left of the server.
func (s *HTTPServer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		_ = s.server.Close() // Shutdown's time is up: end what is left
	}
	if err := <-s.done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}
