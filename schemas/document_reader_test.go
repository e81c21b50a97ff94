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
