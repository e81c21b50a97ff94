package schemas

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kinds of records of APP.control that together say which journeys are run. Those of a release have its tag behind the
// kind, and nothing is ever written twice under one key: so compaction takes nothing away before a tombstone says that
// it is over, also not what a deploy wrote that came second.
const (
	// ControlRelease is a Release, under its tag. Of all that are there, that with the highest number holds, and of two
	// with the same number the one that came first.
	ControlRelease = "release"
	// ControlFile is the text of a file of a release, as it is: file/TAG/PATH. It comes before the release.
	ControlFile = "file"
	// ControlOlder is the text of a file from which an older version of a journey came: older/TAG/JOURNEY/VERSION.
	ControlOlder = "older"
	// ControlStatus is a Status: status/JOURNEY. Where none is, the journey runs.
	ControlStatus = "status"
)

// Release is what a deploy says that all shards are to run. It is a list: the texts stand in records of their own.
type Release struct {
	Number   uint64           `json:"number"` // one more than that of the release before; the first has 1
	ID       string           `json:"id"`     // random: two deploys that know nothing of each other have the same number
	Time     int64            `json:"time"`   // wall clock of who deployed it, ms
	Files    []ReleaseFile    `json:"files"`
	Journeys []ReleaseJourney `json:"journeys"`        // in order of their names; also those whose file is gone
	Older    []ReleaseOlder   `json:"older,omitempty"` // versions that are not the newest, in which customers may be
}

// ReleaseFile is a file of the workspace.
type ReleaseFile struct {
	Path string `json:"path"` // from the workspace's directory, with slashes
	Sum  string `json:"sha256"`
}

// ReleaseJourney is a journey's newest version.
type ReleaseJourney struct {
	Name    string `json:"name"`
	Version uint64 `json:"version"` // counts up with each deploy that changes the journey
	Hash    string `json:"hash"`    // of its definition
	Path    string `json:"path"`    // of the file that it came from
	Gone    bool   `json:"gone,omitempty"`
}

// ReleaseOlder is an older version of a journey.
type ReleaseOlder struct {
	Journey string `json:"journey"`
	Version uint64 `json:"version"`
	Hash    string `json:"hash"`
	Path    string `json:"path"` // of the file that it came from; the record has the whole file
	Sum     string `json:"sha256"`
}

// Tag names the release in keys.
func (r *Release) Tag() string { return strconv.FormatUint(r.Number, 10) + "-" + r.ID }

// Key is that of the release itself.
func (r *Release) Key() string { return ControlKey(ControlRelease, r.Tag()) }

// FileKey is that of a file's text.
func (r *Release) FileKey(path string) string { return ControlKey(ControlFile, r.Tag()+"/"+path) }

// OlderKey is that of the text of an older version's file.
func (r *Release) OlderKey(journey string, version uint64) string {
	return ControlKey(ControlOlder, r.Tag()+"/"+journey+"/"+strconv.FormatUint(version, 10))
}

// ReleaseTag gives the tag of the release that a record belongs to; "" for other kinds.
func ReleaseTag(key string) string {
	kind, rest, _ := strings.Cut(key, "/")
	switch kind {
	case ControlRelease, ControlFile, ControlOlder:
		tag, _, _ := strings.Cut(rest, "/")
		return tag
	}
	return ""
}

// ReleaseNumber is the number that a tag begins with; 0 where it has none.
func ReleaseNumber(tag string) uint64 {
	digits, _, _ := strings.Cut(tag, "-")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Sum is the checksum of a file's text in a Release.
func Sum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Append writes the release.
func (r *Release) Append(dst []byte) ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return dst, fmt.Errorf("schemas: encode a release: %w", err)
	}
	return append(dst, b...), nil
}

// DecodeRelease reads what Append wrote, under its key. A field that it does not know is an error: it may change what is
// meant.
func DecodeRelease(key string, b []byte) (*Release, error) {
	r := new(Release)
	if err := decodeStrictly(b, r); err != nil {
		return nil, fmt.Errorf("schemas: not a release of this version: %w", err)
	}
	if r.Number == 0 || r.ID == "" || r.Key() != key {
		return nil, fmt.Errorf("schemas: a release that calls itself %s", r.Tag())
	}
	return r, nil
}

// Status is what holds for a journey beside its definition.
type Status struct {
	Paused  bool  `json:"paused"`
	Resumed int64 `json:"resumed,omitempty"` // when it was resumed last, ms: what was held is due then; 0: never
	Spread  int64 `json:"spread,omitempty"`  // over how many ms behind that customers are spread
	Time    int64 `json:"time"`              // wall clock of who said so, ms
}

// Append writes the status.
func (s *Status) Append(dst []byte) ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return dst, fmt.Errorf("schemas: encode a status: %w", err)
	}
	return append(dst, b...), nil
}

// DecodeStatus reads what Append wrote; a field that it does not know is an error.
func DecodeStatus(b []byte) (*Status, error) {
	s := new(Status)
	if err := decodeStrictly(b, s); err != nil {
		return nil, fmt.Errorf("schemas: not a status of this version: %w", err)
	}
	return s, nil
}

func decodeStrictly(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("something stands behind it")
	}
	return nil
}
