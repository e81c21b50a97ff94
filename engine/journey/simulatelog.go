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

// LogLine is a line of a log that holds an event.
type LogLine struct {
	Number int    // from 1
	Raw    []byte // valid until the next
	// Event has an id and a time, its own or those that the line lends it. Its memory is that of the decoder.
	Event schemas.Event
}

// ReadLog reads a log of JSON lines. A line that is no event goes to skipped with its number, and the log goes on; empty
// lines are passed over. A line without an event id has its number as id, one without a time that of the last line that
// was an event. The error is one of reading, or of a format that cannot be read.
func ReadLog(r io.Reader, format schemas.Format, each func(*LogLine), skipped func(line int, reason string)) error {
	decoder, err := schemas.NewDecoder(format)
	if err != nil {
		return fmt.Errorf("the log: %w", err)
	}
	last := int64(schemas.NoTime)
	lines := bufio.NewReaderSize(r, 1<<16)
	var line []byte
	var l LogLine
	for l.Number = 1; ; l.Number++ {
		line, err = readLine(lines, line[:0])
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read line %d of the log: %w", l.Number, err)
		}
		l.Raw = LineText(l.Number, line)
		if len(l.Raw) > 0 {
			// A log has no records, hence no timestamps to bound its times.
			bad := decoder.Decode(l.Raw, schemas.Origin{Timestamp: schemas.NoTime}, &l.Event)
			switch {
			case bad != nil:
				skipped(l.Number, bad.Error())
			case l.Event.Time == schemas.NoTime && last == schemas.NoTime:
				skipped(l.Number, NoTimeToLend)
			default:
				l.lend(last)
				last = l.Event.Time
				each(&l)
			}
		}
		if err != nil {
			return nil
		}
	}
}

// NoTimeToLend is why a line without a time is no event.
const NoTimeToLend = "it has no time, and no event before it lends it one"

// LineText is what counts of a line of a log, by its number from 1.
func LineText(number int, line []byte) []byte {
	line = bytes.TrimSpace(line)
	if number == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	return line
}

// lend gives the event what its line does not say.
func (l *LogLine) lend(time int64) {
	if l.Event.Time == schemas.NoTime {
		l.Event.Time = time
	}
	if l.Event.ID == "" {
		l.Event.ID = strconv.Itoa(l.Number)
	}
}

// SimulateLog simulates a log (see ReadLog) and hands the actions to out in order. The simulation is returned for its
// trace and counters, also with an error: one of reading, or Finish's.
func SimulateLog(p *Program, r io.Reader, o SimulateOptions, out func(*schemas.Action), skipped func(line int, reason string)) (*Simulation, error) {
	s := NewSimulation(p, o)
	if err := ReadLog(r, o.Format, func(l *LogLine) { s.Offer(&l.Event) }, skipped); err != nil {
		return s, fmt.Errorf("simulate: %w", err)
	}
	err := s.Finish()
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
