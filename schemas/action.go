package schemas

// Action is a command to a delivery worker: what stands on an action topic.
type Action struct {
	ID            string // JOURNEY/CUSTOMER[/KEY]/ENROLLMENT-NUMBER/STEP/VISIT, percent-escaped
	Journey       string
	Version       uint64
	Step          string
	Customer      string
	Channel       string
	Template      string
	Params        Fields
	Variant       []Variant
	Cause         Cause
	DecidedAt     int64 // the customer's time, milliseconds since 1970
	ExpiresAt     int64 // 0: null
	Transactional bool
}

// Variant is the arm taken at a split.
type Variant struct{ Split, Arm string }

// Cause is the event that moved an enrollment last. EventID is empty for entries without an event.
type Cause struct {
	EventID string
	Type    string
	Time    int64
}
