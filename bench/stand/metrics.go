//go:build unix

package stand

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// metricsTimeout is for one answer of /metrics, on a machine that is busy.
const metricsTimeout = 5 * time.Second

// Metrics are what an engine counts, by name, each the sum over its labels.
type Metrics map[string]float64

// ReadMetrics asks the engine that listens at an address, host:port.
func ReadMetrics(ctx context.Context, address string) (Metrics, error) {
	m, err := readMetrics(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("metrics of %s: %w", address, err)
	}
	return m, nil
}

// Metrics asks the engine.
func (p *Process) Metrics(ctx context.Context) (Metrics, error) {
	return ReadMetrics(ctx, p.Member.http)
}

func readMetrics(ctx context.Context, address string) (Metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %.200s", r.Status, text)
	}
	return parseMetrics(string(text))
}

// parseMetrics reads the text format of Prometheus as the engine writes it: NAME VALUE or NAME{LABELS} VALUE, no times.
func parseMetrics(text string) (Metrics, error) {
	m := Metrics{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value := line, line[strings.LastIndexByte(line, ' ')+1:]
		if at := strings.IndexAny(line, "{ "); at >= 0 {
			name = line[:at]
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no metric: %w", line, err)
		}
		m[name] += v
	}
	return m, nil
}
