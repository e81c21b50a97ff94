package journey

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"wend/schemas"
)

// SimulateLog simulates a log of JSON lines and hands the actions to out in order. A line that is no event goes to
// skipped with its number, from 1, and the log goes on; empty lines are passed over. A line without an event id has
// its number as id, one without a time that of the last line that was an event. The simulation is returned for its
// trace and counters, also with an error: one of reading, or Finish's.
func SimulateLog(p *Program, r io.Reader, o SimulateOptions, out func(*schemas.Action), skipped func(line int, reason string)) (*Simulation, error) {
	s := NewSimulation(p, o)
	decoder, err := schemas.NewDecoder(o.Format)
	if err != nil {
		return s, fmt.Errorf("simulate: %w", err)
	}
	last := int64(schemas.NoTime)
	lines := bufio.NewReaderSize(r, 1<<16)
	var line []byte
	for n := 1; ; n++ {
		line, err = readLine(lines, line[:0])
		if err != nil && !errors.Is(err, io.EOF) {
			return s, fmt.Errorf("simulate: read line %d of the log: %w", n, err)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if n == 1 {
				text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
			}
			var ev schemas.Event
			// A log has no records, hence no timestamps to bound its times.
			switch bad := decoder.Decode(text, schemas.Origin{Timestamp: schemas.NoTime}, &ev); {
			case bad != nil:
				skipped(n, bad.Error())
			case ev.Time == schemas.NoTime && last == schemas.NoTime:
				skipped(n, "it has no time, and no event before it lends it one")
			default:
				if ev.Time == schemas.NoTime {
					ev.Time = last
				}
				last = ev.Time
				if ev.ID == "" {
					ev.ID = strconv.Itoa(n)
				}
				s.Offer(&ev)
			}
		}
		if err != nil {
			break
		}
	}
	err = s.Finish()
	actions := s.Actions()
	for i := range actions {
		out(&actions[i])
	}
	return s, err
}

// readLine appends the next line of any length, with its end.
func readLine(r *bufio.Reader, line []byte) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
