package schemas

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

const hour = 60 * 60 * 1000

func TestRecentBoundaries(t *testing.T) {
	var r Recent
	if r.Seen("a", 0) {
		t.Error("an id is seen before any was added")
	}
	r.Add("a", 1000)
	for _, c := range []struct {
		id   string
		now  int64
		want bool
	}{
		{"a", 1000, true},
		{"a", 1000 + 24*hour, true},
		{"a", 1000 + 24*hour + 1, false},
		{"a", NoTime, true}, // never asked so; it must not overflow
		{"a", Never, false},
		{"b", 1000, false},
		{"", 1000, false},
	} {
		if got := r.Seen(c.id, c.now); got != c.want {
			t.Errorf("Seen(%q, %d) = %v, want %v", c.id, c.now, got, c.want)
		}
	}
	r.Add("", 1000)
	if r.Len() != 1 {
		t.Errorf("the empty id took a place: %d ids", r.Len())
	}
}

func TestRecentKeepsTheLast64(t *testing.T) {
	var r Recent
	r.Add("first", 0)
	for i := range 63 {
		r.Add(fmt.Sprint(i), int64(i))
	}
	if !r.Seen("first", 63) {
		t.Error("the 64th last id is forgotten")
	}
	r.Add("one more", 63)
	if r.Seen("first", 63) {
		t.Error("the 65th last id is remembered")
	}
	if !r.Seen("0", 63) || !r.Seen("one more", 63) || r.Len() != 64 {
		t.Error("an id among the last 64 is forgotten")
	}
	if r.Add("a day later", 63+24*hour+1); r.Len() != 1 {
		t.Errorf("%d ids are kept beyond 24 hours", r.Len()-1)
	}
}

// naiveRecent is the sentence of the language, and nothing else.
type naiveRecent []struct {
	id string
	at int64
}

func (n naiveRecent) seen(id string, now int64) bool {
	last := n
	if len(last) > 64 {
		last = last[len(last)-64:]
	}
	for _, x := range last {
		if x.id == id && now-x.at <= 24*hour {
			return true
		}
	}
	return false
}

func TestRecentAgreesWithTheSentence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Recent
		var naive naiveRecent
		var apart []byte
		inline := rapid.SampledFrom([]int{1, 2, 16, 63, 64}).Draw(t, "inline") // 64: nothing is ever apart
		now := rapid.Int64Range(-1<<45, 1<<45).Draw(t, "start")
		for range rapid.IntRange(0, 200).Draw(t, "events") {
			now += rapid.SampledFrom([]int64{0, 1, 1000, hour, 24*hour - 1, 24 * hour, 24*hour + 1, 1000 * hour}).Draw(t, "later")
			id := fmt.Sprint(rapid.IntRange(0, 80).Draw(t, "id"))
			got, want := r.Seen(id, now), naive.seen(id, now)
			if got != want {
				t.Fatalf("Seen(%s, %d) = %v, want %v", id, now, got, want)
			}
			if !got {
				r.Add(id, now)
				naive = append(naive, struct {
					id string
					at int64
				}{id, now})
			}
			if rapid.IntRange(0, 2).Draw(t, "reread") == 0 { // neither a restart in between changes anything, nor what is apart
				if r.Crowded(inline) {
					apart = r.Split(nil)
				}
				d, err := DecodeDocument((&Document{Recent: r}).Append(nil))
				if err != nil {
					t.Fatal(err)
				}
				r = d.Recent
				if err := r.Attach(apart); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestRecentGrowsWithUse(t *testing.T) {
	var r Recent
	for i := range 200 {
		r.Add(fmt.Sprint(i), int64(i))
		if room, used := cap(r.entries), len(r.entries); room > max(2*used, 2*recentSize) || room > 64*recentSize {
			t.Fatalf("after %d ids: %d bytes for %d", i+1, room, used)
		}
	}
	if n := testing.AllocsPerRun(100, func() { r.Add("x", 200); r.Seen("y", 200) }); n > 0 {
		t.Errorf("a full Recent allocates %v times", n)
	}
}

// What is apart is written down once for many events, whole; what is not the document's is refused.
func TestRecentApart(t *testing.T) {
	var r Recent
	var apart []byte
	splits := 0
	for i := range 1000 {
		r.Add(fmt.Sprint(i), int64(i))
		if r.Crowded(16) {
			apart, splits = r.Split(nil), splits+1
			if err := r.Attach(apart); err != nil {
				t.Fatal(err)
			}
		}
		if in := r.Len() - r.Apart(); in > 16 || r.Apart() > 63 {
			t.Fatalf("after %d ids: %d in the document, %d apart", i+1, in, r.Apart())
		}
	}
	if splits != 62 { // at the 17th, and each 16th from there
		t.Errorf("%d times in 1000 events, want 62", splits)
	}
	for _, wrong := range [][]byte{nil, apart[:len(apart)-1], append(apart, 0)} {
		if err := r.Attach(wrong); err == nil {
			t.Errorf("%d bytes are taken for the document's", len(wrong))
		}
	}
	if err := new(Recent).Attach(apart); err == nil {
		t.Error("a document of which nothing is apart takes ids")
	}
}
