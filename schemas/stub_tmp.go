package schemas

type Format struct {
	Name                     string
	ID, Customer, Type, Time string
}
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp int64
}
type DecodeError struct{ Reason string }

func (e *DecodeError) Error() string { return e.Reason }

type Decoder struct{}

func NewDecoder(f Format) (*Decoder, error)                          { return nil, nil }
func (d *Decoder) Decode(value []byte, from Origin, ev *Event) error { return nil }
func (d *Document) Append(dst []byte) []byte                         { return dst }
func DecodeDocument(b []byte) (*Document, error)                     { return nil, nil }
func CloneValue(v any) any                                           { return v }
func Equal(a, b any) bool                                            { return false }
func AppendJSON(dst []byte, v any) []byte                            { return dst }
func ParseJSON(b []byte) (any, error)                                { return nil, nil }
func (a *Action) AppendJSON(dst []byte) []byte                       { return dst }
func DecodeAction(b []byte) (*Action, error)                         { return nil, nil }
func (e *Event) EventID() string                                     { return e.ID }
func (r *Recent) Seen(id string, now int64) bool                     { return false }
func (r *Recent) Add(id string, now int64)                           {}
func ActionID(journey, customer, key string, hasKey bool, enrollment uint64, step string, visit uint64) string {
	return ""
}
