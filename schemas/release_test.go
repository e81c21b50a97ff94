package schemas

import (
	"reflect"
	"strings"
	"testing"
)

func TestReleaseRoundTrip(t *testing.T) {
	r := &Release{Number: 7, ID: "0a1b", Time: 1_700_000_000_000,
		Files:    []ReleaseFile{{"journeys/a.yaml", Sum([]byte("x"))}},
		Journeys: []ReleaseJourney{{Name: "a", Version: 3, Hash: "h", Path: "journeys/a.yaml"}, {Name: "b", Version: 1, Hash: "g", Gone: true}},
		Older:    []ReleaseOlder{{Journey: "a", Version: 2, Hash: "i", Path: "journeys/a.yaml", Sum: Sum(nil)}}}
	b, err := r.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeRelease(r.Key(), b)
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Fatalf("got %+v, %v", got, err)
	}
	for name, text := range map[string]string{
		"another key":      strings.Replace(string(b), `"number":7`, `"number":8`, 1),
		"no id":            strings.Replace(string(b), `"id":"0a1b"`, `"id":""`, 1),
		"a new field":      strings.Replace(string(b), `"number":7`, `"number":7,"more":1`, 1),
		"something behind": string(b) + "{}",
		"nothing":          "",
	} {
		if got, err := DecodeRelease(r.Key(), []byte(text)); err == nil {
			t.Errorf("%s: %+v is accepted", name, got)
		}
	}
}

// All records of a release are known as its own by their keys, whatever paths and names hold.
func TestReleaseKeys(t *testing.T) {
	r := &Release{Number: 12, ID: "ff"}
	for key, want := range map[string]string{
		"release/12-ff": r.Key(), "file/12-ff/journeys/a.yaml": r.FileKey("journeys/a.yaml"), "older/12-ff/a/3": r.OlderKey("a", 3),
	} {
		if want != key || ReleaseTag(key) != "12-ff" {
			t.Errorf("%s: it is %s, of %q", key, want, ReleaseTag(key))
		}
	}
	for _, key := range []string{"status/a", "forget/12-ff", "tick", ""} {
		if tag := ReleaseTag(key); tag != "" {
			t.Errorf("%q is of the release %q", key, tag)
		}
	}
}

func TestStatusRoundTrip(t *testing.T) {
	s := &Status{Paused: true, Resumed: 3, Spread: 2, Time: 5}
	b, err := s.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeStatus(b); err != nil || *got != *s {
		t.Fatalf("got %+v, %v", got, err)
	}
	for _, text := range []string{`{"paused":true,"time":5,"until":7}`, `{"paused":1}`, ""} {
		if _, err := DecodeStatus([]byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
