package conformance

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
)

// compaction takes records out of batches, from their ends too, and whole batches. A reader goes by the batches' own last
// offsets, or it asks for the offset behind the last record for ever.
func (s *suite) compaction(t *testing.T) {
	topic := s.topic(t, 1, map[string]string{
		"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.001", "segment.ms": "100", "delete.retention.ms": "86400000",
	})
	tp := at(topic, 0)
	p := s.producer(t, unique("id"))
	s.mustPut(t, tp, sequenced(p, 0, "a=1", "b=1", "c=1")) // c and b go: the tail of the batch
	s.mustPut(t, tp, sequenced(p, 3, "c=2", "d=2", "c=3")) // all go but d: the head and the tail
	s.mustPut(t, tp, sequenced(p, 6, "b=4", "c=4"))        // all go
	s.mustPut(t, tp, sequenced(p, 8, "b=5", "c=5"))        // stays
	wanted := []string{"0:a=1", "4:d=2", "8:b=5", "9:c=5"}
	filler := 0
	var got []string
	s.until(t, "the log is compacted", func() bool {
		// The active segment is never compacted: a later append closes it.
		time.Sleep(200 * time.Millisecond)
		s.mustPut(t, tp, plain(fmt.Sprint("filler=", filler)))
		filler++
		got = withoutFiller(s.read(t, tp, 0, false))
		return slices.Equal(got, wanted)
	})

	t.Run("the tail of a batch", func(t *testing.T) {
		// From behind b there is nothing of the first batch, yet it is answered, and reading goes on behind it.
		for from := int64(1); from < 10; from++ {
			got := withoutFiller(s.read(t, tp, from, false))
			var expected []string
			for _, v := range wanted {
				if v[0] >= byte('0'+from) {
					expected = append(expected, v)
				}
			}
			if !slices.Equal(got, expected) {
				t.Errorf("from %d: got %v, want %v", from, got, expected)
			}
		}
	})
	t.Run("batches keep their last offset", func(t *testing.T) {
		s.realOnly(t, "it sets the last offset back to the last record that is left")
		f, err := s.client.Fetch(context60(t), s.request(t, tp, 0))
		if err != nil {
			t.Fatal(err)
		}
		var r batch.Reader
		r.Reset(f[0].Batches, 0, nil)
		rec, err := r.Next()
		if err != nil || rec.Offset != 0 {
			t.Fatalf("%v %v", rec, err)
		}
		want(t, "last offset of the first batch", r.Info().LastOffset, 2)
		want(t, "records in it", r.Info().Count, 1)
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if r.NextOffset() < 10 {
			t.Errorf("next is %d", r.NextOffset())
		}
	})
	t.Run("the producer goes on", func(t *testing.T) {
		want(t, "again", s.mustPut(t, tp, sequenced(p, 8, "b=5", "c=5")), 8)
		if o := s.mustPut(t, tp, sequenced(p, 10, "e=6")); o < 10 {
			t.Errorf("offset %d", o)
		}
		s.refused(t, "a gap", tp, sequenced(p, 12, "x=7"), connectors.OutOfOrderSequence)
	})
}

// withoutFiller drops what only closed segments.
func withoutFiller(values []string) []string {
	return slices.DeleteFunc(values, func(v string) bool { return strings.Contains(v, "filler") })
}
