package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func one(t testing.TB) []byte {
	t.Helper()
	var b Builder
	b.Reset(Header{ProducerID: 7, ProducerEpoch: 1, BaseSequence: 5, Timestamp: 1000})
	b.Append([]byte("kim"), []byte("value"), RecordHeader{Key: "h", Value: []byte("v")})
	b.Append([]byte("lee"), nil)
	return b.Take()
}

// TestWrongBatches has batches that are wrong in one place each, with a checksum that fits.
func TestWrongBatches(t *testing.T) {
	second := headerSize + 1 + int(int8(one(t)[headerSize]>>1)) // where the second record is
	for name, c := range map[string]struct {
		change func(b []byte) []byte
		want   string
	}{
		"older format":     {func(b []byte) []byte { b[atMagic] = 1; return b }, "message format 1, from before Kafka 0.11"},
		"unknown format":   {func(b []byte) []byte { b[atMagic] = 9; return b }, "message format 9 is unknown"},
		"short length":     {func(b []byte) []byte { binary.BigEndian.PutUint32(b[atLength:], 48); return b }, "length 48"},
		"negative length":  {func(b []byte) []byte { binary.BigEndian.PutUint32(b[atLength:], 1<<31); return b }, "length -2147483648"},
		"codec":            {func(b []byte) []byte { b[atAttributes+1] = 6; return b }, "codec 6 is unknown"},
		"not compressed":   {func(b []byte) []byte { b[atAttributes+1] = CodecZstd; return b }, "cannot be decompressed: zstd"},
		"more records":     {func(b []byte) []byte { b[atLastDelta+3], b[atCount+3] = 2, 3; return b }, "a number is cut off"},
		"fewer records":    {func(b []byte) []byte { b[atCount+3] = 1; return b }, "bytes follow its last record"},
		"count":            {func(b []byte) []byte { b[atCount] = 0x80; return b }, "records in 2 offsets"},
		"count > offsets":  {func(b []byte) []byte { b[atCount+3] = 3; return b }, "3 records in 2 offsets"},
		"last offset":      {func(b []byte) []byte { b[atLastDelta] = 0x80; return b }, "lies"},
		"negative offset":  {func(b []byte) []byte { b[0] = 0x80; return b }, "no offset can be that"},
		"great offset":     {func(b []byte) []byte { copy(b, "\x7f\xff\xff\xff\xff\xff\xff\xff"); return b }, "no offset can be that"},
		"record length":    {func(b []byte) []byte { b[headerSize] = 0x7e; return b }, "its length goes beyond the batch"},
		"no record length": {func(b []byte) []byte { b[headerSize] = 1; return b }, "its length goes beyond the batch"},
		"empty record":     {func(b []byte) []byte { b[headerSize] = 0; return b }, "a number is cut off"},
		"key length":       {func(b []byte) []byte { b[headerSize+4] = 0x7e; return b }, "its key's length"},
		"key below null":   {func(b []byte) []byte { b[headerSize+4] = 3; return b }, "its key's length"},
		"value length":     {func(b []byte) []byte { b[headerSize+8] = 0x7e; return b }, "its value's length"},
		"header count":     {func(b []byte) []byte { b[headerSize+14] = 0; return b }, "its headers do not fill"},
		"more headers":     {func(b []byte) []byte { b[headerSize+14] = 40; return b }, "number of headers"},
		"header key":       {func(b []byte) []byte { b[headerSize+15] = 1; return b }, "header key"},
		"header value":     {func(b []byte) []byte { b[headerSize+17] = 60; return b }, `header "h"`},
		"same offset":      {func(b []byte) []byte { b[second+3] = 0; return b }, "offset 0 comes after 0"},
		"far offset":       {func(b []byte) []byte { b[second+3] = 8; return b }, "number 4 of 2"},
		"offset back":      {func(b []byte) []byte { b[second+3] = 1; return b }, "number -1 of 2"},
		"long varint": {func(b []byte) []byte {
			b = append(b[:headerSize], bytes.Repeat([]byte{0xff}, 40)...)
			binary.BigEndian.PutUint32(b[atLength:], uint32(len(b)-lengthEnd))
			return b
		}, "a number is cut off or too long"},
		"control key": {func(b []byte) []byte { b[atAttributes+1] = controlBit | transactionalBit; return b }, "a key of 3 bytes"},
		"compressed marker": {func(b []byte) []byte {
			b[atAttributes+1] = controlBit | transactionalBit | CodecGzip
			return b
		}, "a compressed control batch"},
	} {
		t.Run(name, func(t *testing.T) {
			b := c.change(one(t))
			fixCRC(b)
			var r Reader
			r.Reset(append(one(t), b...)[len(one(t)):], 0, []AbortedTransaction{{ProducerID: 7}})
			_, err := readAllRecords(&r)
			var wrong *Error
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "offset") {
				t.Fatalf("error %v, want %q in it", err, c.want)
			}
			if r.NextOffset() != 0 {
				t.Errorf("next offset %d: goes past what was not read", r.NextOffset())
			}
		})
	}
}

// TestEveryBit flips each bit that the checksum covers, and itself.
func TestEveryBit(t *testing.T) {
	good := one(t)
	for i := atCRC * 8; i < len(good)*8; i++ {
		b := bytes.Clone(good)
		b[i/8] ^= 1 << (i % 8)
		var r Reader
		r.Reset(b, 0, nil)
		if rec, err := r.Next(); err == nil || errors.Is(err, io.EOF) {
			t.Fatalf("bit %d: %v, %v", i, rec, err)
		}
		if Verify(b) == nil {
			t.Fatalf("bit %d: verified", i)
		}
	}
	if err := Verify(good); err != nil {
		t.Error(err)
	}
	for n := range len(good) {
		if Verify(good[:n]) == nil || Restamp(good[:n:n], 1, 1, 1) == nil {
			t.Errorf("%d bytes of it are taken for it", n)
		}
		if _, err := ReadInfo(good[:n]); err == nil {
			t.Errorf("the head of %d bytes is read", n)
		}
	}
	if long := append(one(t), 0); Verify(long) == nil || Restamp(long, 1, 1, 1) == nil {
		t.Error("more than a batch is taken for one")
	}
}

func TestErrorStays(t *testing.T) {
	first, second := one(t), one(t)
	binary.BigEndian.PutUint64(second, 2)
	second[len(second)-1] ^= 1
	var r Reader
	r.Reset(append(first, second...), 0, nil)
	got, err := readAllRecords(&r)
	_, again := r.Next()
	if len(got) != 2 || err == nil || again != err { //nolint:errorlint // the same one
		t.Errorf("%d records, then %v, then %v", len(got), err, again)
	}
	if r.NextOffset() != 2 || r.Info().BaseOffset != 2 || r.Partial() {
		t.Errorf("next %d, batch %d", r.NextOffset(), r.Info().BaseOffset)
	}
}

// TestBomb has what becomes large by decompression: an error, and not the memory.
func TestBomb(t *testing.T) {
	const limit = 100_000
	for _, codec := range []uint8{CodecGzip, CodecSnappy, CodecLZ4, CodecZstd} {
		for _, xerial := range []bool{false, true} {
			for _, size := range []int{limit, limit + 1, 50 * limit} {
				var c codecs
				got, err := c.decompress(codec, compress(t, codec, xerial, make([]byte, size)), limit)
				if size <= limit && (err != nil || len(got) != size) || size > limit && !errors.Is(err, errTooLarge) {
					t.Errorf("codec %d, xerial %v, %d bytes: %d, %v", codec, xerial, size, len(got), err)
				}
				if cap(got) > 2*limit {
					t.Errorf("codec %d took %d bytes", codec, cap(got))
				}
			}
		}
	}
}

func TestWireSequence(t *testing.T) {
	for n, want := range map[int64]int32{0: 0, 1: 1, math.MaxInt32: math.MaxInt32, 1 << 31: 0, 1<<31 + 5: 5, 3 << 31: 0, 1<<40 + 3: 3} {
		if got := WireSequence(n); got != want {
			t.Errorf("WireSequence(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestKeepsNothingUnlessHeld(t *testing.T) {
	raw := one(t)
	var r Reader
	r.Reset(raw, 0, nil)
	rec, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if &rec.Key[0] != &raw[bytes.Index(raw, []byte("kim"))] {
		t.Error("the key was copied")
	}
	if cap(rec.Key) != len(rec.Key) || cap(rec.Value) != len(rec.Value) {
		t.Error("appending to a key or value would write into the batch")
	}
	many := bytes.Repeat(raw, 50)
	for i := range 50 {
		binary.BigEndian.PutUint64(many[i*len(raw):], uint64(2*i))
	}
	if n := testing.AllocsPerRun(100, func() {
		r.Reset(many, 0, nil)
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
	}); n > 0 {
		t.Errorf("%v allocations for 100 records", n)
	}
	if r.NextOffset() != 100 {
		t.Error(r.NextOffset())
	}
}

// FuzzReader: no panic; and what both read, they read alike. franz-go is laxer in places and stricter in others, so an
// error of either ends the comparison.
func FuzzReader(f *testing.F) {
	f.Add(one(f), int64(0))
	f.Add(append(one(f), one(f)[:70]...), int64(1))
	for codec := range CodecZstd + 1 {
		raw, _ := encode{offsets: []int32{0, 1, 4}, last: 5, codec: codec, producer: 3, tx: true}.batch(f)
		f.Add(raw, int64(0))
		raw, _ = encode{offsets: []int32{0}, codec: codec, xerial: true, producer: 7, tx: true, control: 1}.batch(f)
		f.Add(raw, int64(0))
	}
	var r Reader
	r.MaxDecompressed = 1 << 20
	f.Fuzz(func(t *testing.T, raw []byte, from int64) {
		if len(raw) >= headerSize { // a fuzzer does not guess checksums
			if in, whole, _ := readInfo(raw); whole {
				fixCRC(raw[:in.Size])
			}
		}
		aborted := []AbortedTransaction{{ProducerID: 7, FirstOffset: 0}, {ProducerID: 3, FirstOffset: 4}}
		r.Reset(raw, from, aborted)
		got, err := readAllRecords(&r)
		if r.NextOffset() < from {
			t.Fatal("goes back")
		}
		if err != nil {
			if err.Error() == "" {
				t.Fatal("no reason")
			}
			return
		}
		for _, s := range got {
			if s.offset < from || s.offset >= r.NextOffset() {
				t.Fatalf("offset %d outside %d to %d", s.offset, from, r.NextOffset())
			}
		}
		r.Reset(raw, from, nil)
		if got, err = readAllRecords(&r); err != nil {
			return
		}
		theirs, _, err := readKgo(raw, from, nil)
		for i := range min(len(got), len(theirs)) {
			if ms := got[i].timestamp; ms < 0 || ms > 1<<42 { // a time.Time in nanoseconds does not hold it
				got[i].timestamp, theirs[i].timestamp = 0, 0
			}
		}
		if err == nil && len(theirs) == len(got) && !slices.Equal(got, theirs) {
			t.Fatalf("got\n%v\nfranz-go\n%v", got, theirs)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	var w Builder
	w.Reset(Header{ProducerID: NoProducer, Timestamp: 1_700_000_000_000})
	key, value := []byte("customer-0012345"), bytes.Repeat([]byte("v"), 100)
	for range 5000 {
		w.Append(key, value)
	}
	plain := w.Take()
	for name, codec := range map[string]uint8{"none": CodecNone, "lz4": CodecLZ4, "zstd": CodecZstd, "snappy": CodecSnappy, "gzip": CodecGzip} {
		b.Run(name, func(b *testing.B) {
			raw := append(bytes.Clone(plain[:headerSize]), compress(b, codec, true, plain[headerSize:])...)
			binary.BigEndian.PutUint32(raw[atLength:], uint32(len(raw)-lengthEnd))
			raw[atAttributes+1] = codec
			fixCRC(raw)
			var r Reader
			n := 0
			began := cpuTime()
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(raw, 0, nil)
				for {
					if _, err := r.Next(); err != nil {
						break
					}
					n++
				}
			}
			b.ReportMetric(float64(n)/(cpuTime()-began).Seconds()/1e6, "Mrecords/cpu-s")
		})
	}
}

func BenchmarkBuilder(b *testing.B) {
	var w Builder
	key, value := []byte("c/customer-0012345"), bytes.Repeat([]byte("v"), 600)
	b.ReportAllocs()
	for b.Loop() {
		w.Reset(Header{ProducerID: 1, Timestamp: 1_700_000_000_000})
		for range 500 {
			w.Append(key, value)
		}
		w.Finish()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/record")
}

// cpuTime is what the process has used: the machine may have more to do.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
