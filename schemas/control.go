package schemas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Kinds of records of APP.control: what stands in a key before the first slash. Behind it is the command's own name.
const (
	// ControlForget erases a customer. Its name is random: a hash of a customer id can be guessed back, and of two
	// commands under one key the first one's end would take away the second before a shard had read it.
	ControlForget = "forget"
	// ControlTick means nothing. It is appended so that Kafka closes the segment before it and may compact it.
	ControlTick = "tick"
)

// ControlKey is the key of a command.
func ControlKey(kind, name string) string { return kind + "/" + name }

// ControlKind is the kind that a key of APP.control names.
func ControlKind(key string) string {
	kind, _, _ := strings.Cut(key, "/")
	return kind
}

// Forget is the value of a command to erase a customer; a tombstone under its key says that it is done.
type Forget struct {
	Customer string `json:"customer"`
	Asked    int64  `json:"asked"` // wall clock of who asked, ms
}

// Append writes the command.
func (f *Forget) Append(dst []byte) ([]byte, error) {
	b, err := json.Marshal(f)
	if err != nil {
		return dst, fmt.Errorf("schemas: encode a forget command: %w", err)
	}
	return append(dst, b...), nil
}

// DecodeForget reads what Append wrote. A field that it does not know is an error: it may change what is meant. The error
// quotes nothing of b.
func DecodeForget(b []byte) (*Forget, error) {
	f := new(Forget)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return nil, errors.New("schemas: not a forget command of this version")
	}
	if f.Customer == "" {
		return nil, errors.New("schemas: a forget command without a customer")
	}
	return f, nil
}
