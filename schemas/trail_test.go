package schemas

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// TestTrail compares with a list that says the same in many more bytes, also through the codec.
func TestTrail(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var trail Trail
		var want []TrailEntry
		now := rapid.Int64Range(-1<<41, 1<<53).Draw(t, "now")
		for range rapid.IntRange(0, 60).Draw(t, "decisions") {
			now += rapid.Int64Range(0, 1<<33).Draw(t, "later")
			x := TrailEntry{
				Journey: rapid.SampledFrom([]uint32{0, 1, 1<<24 - 1}).Draw(t, "journey"), Code: uint8(rapid.SampledFrom([]int{1, 2, 255}).Draw(t, "code")),
				Detail: uint16(rapid.SampledFrom([]int{0, 7, 65535}).Draw(t, "detail")), Times: 1, At: now,
			}
			for range rapid.SampledFrom([]int{1, 1, 1, 2, 300}).Draw(t, "times") {
				trail.Note(now, x.Journey, x.Code, x.Detail)
				x.Times = 1
				for i := range want {
					if w := want[i]; w.Journey == x.Journey && w.Code == x.Code && w.Detail == x.Detail {
						x.Times = min(w.Times+1, 255)
						want = append(want[:i:i], want[i+1:]...)
						break
					}
				}
				if want = append(want, x); len(want) > 16 {
					want = want[1:]
				}
			}
		}
		if got := trail.All(now); !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
		d, err := DecodeDocument((&Document{Time: now, Trail: trail}).Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Trail.All(d.Time); !reflect.DeepEqual(got, want) {
			t.Fatalf("read back %v\nwant %v", got, want)
		}
	})
}

// TestTrailNoteEach compares with noting one by one.
func TestTrailNoteEach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var each, all Trail
		now := rapid.Int64Range(0, 1<<41).Draw(t, "now")
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			now += rapid.Int64Range(0, 1<<33).Draw(t, "later")
			if rapid.Bool().Draw(t, "another") {
				j, code := uint32(rapid.IntRange(0, 40).Draw(t, "journey")), uint8(rapid.IntRange(1, 2).Draw(t, "code"))
				each.Note(now, j, code, 7)
				all.Note(now, j, code, 7)
			}
			from := rapid.IntRange(0, 3).Draw(t, "from")
			var journeys []uint32
			for j := range rapid.SampledFrom([]int{0, 1, 3, 15, 16, 17, 30, 31, 31, 32, 33, 50}).Draw(t, "journeys") {
				journeys = append(journeys, uint32(from+j)%60) // 60 are more than the reach
			}
			for _, j := range journeys {
				each.Note(now, j, 1, 7)
			}
			all.NoteEach(now, journeys, 1, 7)
			if got, want := all.All(now), each.All(now); !reflect.DeepEqual(got, want) {
				t.Fatalf("got  %v\nwant %v", got, want)
			}
			if !bytes.Equal(all.entries, each.entries) {
				t.Fatal("the bytes differ")
			}
		}
	})
}

// TestTrailSize holds what decisions cost in a document, and that noting one that is known costs no memory.
func TestTrailSize(t *testing.T) {
	d := typical()
	before := len(d.Append(nil))
	d.Trail.Note(d.Time, 1, 1, 0)
	d.Trail.Note(d.Time, 2, 1, 0)
	d.Trail.Note(d.Time, 2, 7, 9)
	if grown := len(d.Append(nil)) - before; grown > 40 {
		t.Errorf("three decisions add %d bytes", grown)
	}
	if n := testing.AllocsPerRun(100, func() { d.Trail.Note(d.Time, 1, 1, 0) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTrailNote(b *testing.B) {
	var trail Trail
	for i := range uint32(b.N) {
		trail.Note(1767225600000, i%3, 1, 0)
	}
}
