package schemas

import (
	"bytes"
	"strings"
	"testing"
)

// A state that nobody asks for is written as it was read, whatever its bytes are: so it costs nothing, and what a later
// release knows of it is not lost.
func TestStatesThatNobodyAsksFor(t *testing.T) {
	d := full()
	raw := d.Append(nil)
	at := bytes.Index(raw, []byte("steps[0]")) // of a state's bytes
	if at < 0 {
		t.Fatal("no such step")
	}
	damaged := bytes.Clone(raw)
	damaged[at-1] = 0xc1
	got, err := NewDocumentReader().Read(damaged)
	if err != nil {
		t.Fatal(err)
	}
	got.Journeys.At(1)
	if again := got.Append(nil); !bytes.Equal(again, damaged) || got.Journeys.Err() != nil {
		t.Errorf("opening one state changed another's bytes, or %v", got.Journeys.Err())
	}
	if js := got.Journeys.At(0); js.Journey != got.Journeys.Name(0) || len(js.Running) > 0 {
		t.Errorf("damaged, and yet %+v", js)
	}
	if err := got.Journeys.Err(); err == nil || !strings.Contains(err.Error(), `state of journey "`+got.Journeys.Name(0)+`"`) {
		t.Errorf("error %v", err)
	}
	if _, err := DecodeDocument(damaged); err == nil {
		t.Error("DecodeDocument takes it")
	}
}

// What is said of a state beside its bytes is believed without looking, so it has to be true.
func TestStatesSayWhatTheyAre(t *testing.T) {
	d := &Document{Time: 5}
	js := d.Journeys.Insert(0, "j")
	js.Running = []Enrollment{{Number: 1, Version: 7, Due: 1000}, {Number: 2, Version: 7, Due: Never, Deferred: []Deferred{{Due: 900}}}}
	js.Ended = []Enrollment{{Number: 3, Version: 7, Due: Never, Deferred: []Deferred{{Due: 800}}}}
	js.Timers = []TriggerTimer{{Due: 700}}
	for _, c := range []struct {
		change    func()
		due       int64
		version   uint64
		some, one bool
	}{
		{func() {}, 700, 7, true, true},
		{func() { js.Timers[0].Due = Never }, 800, 7, true, true},
		{func() { js.Ended = nil }, 900, 7, true, true},
		{func() { js.Running[1].Version = 8 }, 900, severalVersions, true, false},
		{func() { js.Running = js.Running[:1] }, 1000, 7, true, true},
		{func() { js.Running[0].Version = 0 }, 1000, severalVersions, true, false},
		{func() { js.Running = nil }, Never, noVersion, false, true},
	} {
		c.change()
		for _, way := range []string{"open", "as bytes"} {
			x := &d.Journeys
			if way == "as bytes" {
				again, err := NewDocumentReader().Read(d.Append(nil))
				if err != nil {
					t.Fatal(err)
				}
				x = &again.Journeys
			}
			version, some, one := x.Version(0)
			if due := x.Soonest(0); due != c.due || version != c.version || some != c.some || one != c.one {
				t.Errorf("%s: due %d, version %d %v %v; want %+v", way, due, version, some, one, c)
			}
		}
	}
	js.Running = []Enrollment{{Number: 1, Version: 7, Due: 1000}}
	raw := d.Append(nil)
	due := bytes.LastIndex(raw, []byte{0xcd, 1000 >> 8, 1000 & 0xff})
	for name, change := range map[string]func(b []byte){
		"a later due time": func(b []byte) { b[due+1]++ },
		"another version":  func(b []byte) { b[len(b)-1]++ },
	} {
		b := bytes.Clone(raw)
		change(b)
		if _, err := DecodeDocument(b); err == nil || !strings.Contains(err.Error(), "another due time or version") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Equal states are equal bytes at every size of theirs.
func TestStatesOfEverySize(t *testing.T) {
	for _, n := range []int{0, 1, 200, 240, 250, 251, 252, 253, 254, 255, 256, 300, 65_500, 65_530, 65_540, 70_000} {
		d := &Document{Time: 5}
		d.Journeys.Insert(0, "a").Entered = []Entered{{Key: strings.Repeat("x", n)}}
		d.Journeys.Insert(1, "b").Entries = 3
		raw := d.Append([]byte("before"))[len("before"):]
		x, err := NewDocumentReader().Read(raw)
		if err != nil {
			t.Fatalf("%d: %v", n, err)
		}
		if as := x.Append(nil); !bytes.Equal(as, raw) {
			t.Errorf("%d bytes: written differently unopened", n)
		}
		if got := x.Journeys.At(0).Entered[0].Key; len(got) != n || x.Journeys.At(1).Entries != 3 || x.Journeys.Err() != nil {
			t.Errorf("%d bytes: %d read, %v", n, len(got), x.Journeys.Err())
		}
		if as := x.Append(nil); !bytes.Equal(as, raw) {
			t.Errorf("%d bytes: written differently once opened", n)
		}
	}
}
