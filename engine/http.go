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
)

// HTTPOptions are what the HTTP side asks of the engine.
type HTTPOptions struct {
	Token    string // what everything but health asks for; "" asks for nothing
	Ready    func() bool
	Gatherer prometheus.Gatherer
}

// NewHTTPHandler answers /healthz (200 while the process lives), /readyz (200 once it works on every shard assigned to
// it, else 503) and /metrics. What is refused is answered with application/problem+json.
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
	metrics := promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{})
	mux.Handle("GET /metrics", guarded(o.Token, metrics))
	mux.Handle("/", guarded(o.Token, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/readyz", "/metrics":
			w.Header().Set("Allow", "GET, HEAD")
			answerProblem(w, http.StatusMethodNotAllowed, r.URL.Path+" takes GET only")
		default:
			answerProblem(w, http.StatusNotFound, "there is nothing at "+r.URL.Path+"; there are /healthz, /readyz and /metrics")
		}
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

// answerProblem writes RFC 9457's object.
func answerProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(status), status, detail})
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
