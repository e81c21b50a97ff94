package schemas

import "strconv"

// Event is a decoded fact about a customer. Its strings and field values may share the decoder's memory: they are
// valid until the decoder's next Decode, so whoever keeps one clones it (strings.Clone, CloneValue).
type Event struct {
	ID       string // "" where the producer gave none: then topic/partition/offset is the id, which cannot repeat
	Customer string
	Type     string
	Time     int64 // milliseconds since 1970; never later than the record's timestamp

	// Topic, Partition and Offset say where the event stands in the source, for ids and messages.
	Topic     string
	Partition int32
	Offset    int64

	Body Body // the event's own fields, also the four named ones
}

// Body gives an event's fields on demand, so that only what the program reads is decoded.
type Body interface {
	// Field returns the value of a top-level field, and whether it is there (JSON null is there, as nil). Lists and maps
	// may be the same each time: they are not the caller's to change.
	Field(name string) (any, bool)
	// Map returns all top-level fields.
	Map() map[string]any
}

// EventID is the event's id: the producer's, or topic/partition/offset where it gave none. It may share the decoder's
// memory.
func (e *Event) EventID() string {
	if e.ID != "" {
		return e.ID
	}
	b := append(append(make([]byte, 0, len(e.Topic)+24), e.Topic...), '/')
	b = append(strconv.AppendInt(b, int64(e.Partition), 10), '/')
	return string(strconv.AppendInt(b, e.Offset, 10))
}
