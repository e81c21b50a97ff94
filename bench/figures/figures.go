// Package figures is how the benches hand on what they measured: a file of JSON objects, one figure a line, to which each
// run appends. It knows nothing of what is measured.
package figures

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Figure is one thing that was measured, once.
type Figure struct {
	Name  string  `json:"name"` // the bench, a slash, what it measured: cart/events_per_cpu_s
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // as people write it: ms, MB (millions of bytes); × for a ratio; "" for a number of things
}

// longest is the most bytes of a line that Read takes.
const longest = 1 << 20

// Append writes figures behind those of a file, which is made where there is none. They are written at once, so that of
// two processes that append to the same file neither comes between the other's. A figure without a name or with a value
// that is no finite number is an error; then none is written.
func Append(path string, fs ...Figure) (err error) {
	var lines bytes.Buffer
	for _, f := range fs {
		if err := f.check(); err != nil {
			return fmt.Errorf("append to %s: %w", path, err)
		}
		line, err := json.Marshal(f)
		if err != nil {
			return fmt.Errorf("append to %s: figure %q: %w", path, f.Name, err)
		}
		lines.Write(append(line, '\n'))
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("append figures: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(lines.Bytes()); err != nil {
		return fmt.Errorf("append figures: %w", err)
	}
	return nil
}

func (f Figure) check() error {
	if f.Name == "" {
		return fmt.Errorf("figure of %v %s: it has no name", f.Value, f.Unit)
	}
	if math.IsNaN(f.Value) || math.IsInf(f.Value, 0) {
		return fmt.Errorf("figure %q: %v is no finite number", f.Name, f.Value)
	}
	return nil
}

// Read gives the figures of a file in the order in which they were appended. An error names the file and the line.
func Read(path string) ([]Figure, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read figures: %w", err)
	}
	defer file.Close()
	var all []Figure
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, longest)
	n := 1
	for ; lines.Scan(); n++ {
		f, err := parse(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		all = append(all, f)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", path, n, err)
	}
	return all, nil
}

func parse(line []byte) (Figure, error) {
	var raw struct {
		Name  string   `json:"name"`
		Value *float64 `json:"value"`
		Unit  string   `json:"unit"`
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&raw); err != nil {
		return Figure{}, fmt.Errorf(`no figure, want {"name":…,"value":…,"unit":…}: %w`, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Figure{}, errors.New("more than one JSON object: want one a line")
	}
	if raw.Value == nil {
		return Figure{}, fmt.Errorf("figure %q has no value", raw.Name)
	}
	f := Figure{Name: raw.Name, Value: *raw.Value, Unit: raw.Unit}
	return f, f.check()
}
