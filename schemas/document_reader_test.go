package schemas

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// What a reader gives is what DecodeDocument gives, whatever it read before and whatever was done to that.
func TestDocumentReaderReadsLikeDecode(t *testing.T) {
	x := NewDocumentReader()
	rapid.Check(t, func(t *rapid.T) {
		want := genDocument().Draw(t, "document")
		raw := want.Append(nil)
		got, err := x.Read(raw)
		if err != nil {
			t.Fatal(err)
		}
		if again := got.Append(nil); !bytes.Equal(again, raw) {
			t.Fatalf("read %x, written %x", raw, again)
		}
		for i := range got.Journeys.Len() { // states that are opened are written like those that are not
			got.Journeys.At(i)
			if again := got.Append(nil); !bytes.Equal(again, raw) {
				t.Fatalf("read %x, written %x once state %d was opened", raw, again, i)
			}
		}
		if err := got.Journeys.Err(); err != nil {
			t.Fatal(err)
		}
		// Changes stay within the document: lists grow into memory of their own.
		got.Recent.Add("one more", got.Time)
		for i := range got.Journeys.Len() {
			j := got.Journeys.At(i)
			j.Counts = append(j.Counts, Count{Key: "grown"})
			j.Running = append(j.Running, Enrollment{Number: 7})
			for k := range j.Running {
				j.Running[k].Visits = append(j.Running[k].Visits, Visit{"grown", 1})
			}
		}
		fresh, err := DecodeDocument(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(fresh.Append(nil), raw) {
			t.Fatal("a change of the document changed its bytes")
		}
	})
	if b := x.Empty().Append(nil); !bytes.Equal(b, NewDocument().Append(nil)) {
		t.Errorf("an empty document is written %x", b)
	}
}

// FuzzDocumentReader: of any bytes a reader says what DecodeDocument says, also after other documents, and a document
// takes no more memory than its bytes warrant.
func FuzzDocumentReader(f *testing.F) {
	parted := typical()
	parted.Recent.Split(nil)
	for _, d := range []*Document{NewDocument(), typical(), full(), parted} {
		f.Add(d.Append(nil))
	}
	x := NewDocumentReader()
	f.Fuzz(func(t *testing.T, b []byte) {
		var want *Document
		var wantErr error
		if n := allocated(func() { want, wantErr = DecodeDocument(b) }); n > 64<<10+uint64(len(b))*400 {
			t.Fatalf("%d bytes are allocated for %d", n, len(b))
		}
		got, err := x.Read(b)
		if err == nil {
			for i := range got.Journeys.Len() {
				got.Journeys.At(i)
			}
			err = got.Journeys.Err()
		}
		if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
			t.Fatalf("error %v, DecodeDocument says %v", err, wantErr)
		}
		if err == nil && !bytes.Equal(got.Append(nil), want.Append(nil)) {
			t.Fatalf("read % x, DecodeDocument % x", got.Append(nil), want.Append(nil))
		}
	})
}

// TestNoteIsReadAddAppend holds Note to what it stands for.
func TestNoteIsReadAddAppend(t *testing.T) {
	noted := 0
	rapid.Check(t, func(t *rapid.T) {
		d := genDocument().Draw(t, "document")
		d.Time = rapid.Int64Range(NoTime, 1<<45).Draw(t, "its time")
		ids := rapid.SampledFrom([]int{1, 2, 16, 63}).Draw(t, "ids")
		var apart []byte
		if d.Recent.Crowded(ids) && d.Recent.Len() > 1 {
			apart = d.Recent.Split(nil)
			for range rapid.IntRange(0, 2).Draw(t, "since") {
				d.Recent.Add(rapid.String().Draw(t, "id since"), d.Recent.newest)
			}
		}
		b := d.Append(nil)
		id, at := rapid.StringN(1, 5, -1).Draw(t, "id"), rapid.Int64Range(0, 1<<45).Draw(t, "at")
		x, y := NewDocumentReader(), NewDocumentReader()
		want, err := x.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := want.Recent.Attach(apart); err != nil {
			t.Fatal(err)
		}
		known := want.Recent.Seen(id, want.Time)
		before := []byte("before")
		for range 2 { // what it keeps of one document is nothing to the next
			got, was, ok := y.Note(before, b, apart, id, at, ids)
			switch {
			case !ok || was:
				if was && !known || ok && !was || string(got) != "before" {
					t.Fatalf("seen %v, which is %v, ok %v, and %q", was, known, ok, got)
				}
			default:
				noted++
				if _, err := x.Read(b); err != nil {
					t.Fatal(err)
				}
				_ = want.Recent.Attach(apart)
				want.Time = max(want.Time, at)
				want.Recent.Add(id, want.Time)
				if w := want.Append([]byte("before")); known || want.Recent.Crowded(ids) || !bytes.Equal(got, w) {
					t.Fatalf("seen %v, crowded %v\n%x\nwant\n%x", known, want.Recent.Crowded(ids), got, w)
				}
			}
		}
	})
	if noted == 0 {
		t.Error("nothing was ever noted")
	}
}
