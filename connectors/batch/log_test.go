package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// seen is a record in a form that all readers can be brought to.
type seen struct {
	offset, timestamp int64
	key, value        string // "nil" when null, else with a mark before
	headers           string
}

func show(b []byte) string {
	if b == nil {
		return "nil"
	}
	return "=" + string(b)
}

func showHeaders(hs []RecordHeader) string {
	s := ""
	for _, h := range hs {
		s += fmt.Sprintf("%q:%q ", h.Key, show(h.Value))
	}
	return s
}

func readAllRecords(r *Reader) ([]seen, error) {
	var got []seen
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		hs, err := rec.Headers()
		if err != nil {
			return got, err
		}
		got = append(got, seen{rec.Offset, rec.Timestamp, show(rec.Key), show(rec.Value), showHeaders(hs)})
	}
}

// readKgo reads with franz-go.
func readKgo(raw []byte, from int64, aborted []AbortedTransaction) ([]seen, int64, error) {
	p := kmsg.NewFetchResponseTopicPartition()
	p.RecordBatches = raw
	o := kgo.ProcessFetchPartitionOpts{Offset: from}
	if aborted != nil {
		o.IsolationLevel = kgo.ReadCommitted()
		for _, a := range aborted {
			x := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
			x.ProducerID, x.FirstOffset = a.ProducerID, a.FirstOffset
			p.AbortedTransactions = append(p.AbortedTransactions, x)
		}
	}
	fp, next := kgo.ProcessFetchPartition(o, &p, kgo.DefaultDecompressor(), nil)
	var got []seen
	for _, rec := range fp.Records {
		var hs []RecordHeader
		for _, h := range rec.Headers {
			hs = append(hs, RecordHeader(h))
		}
		got = append(got, seen{rec.Offset, rec.Timestamp.UnixMilli(), show(rec.Key), show(rec.Value), showHeaders(hs)})
	}
	return got, next, fp.Err
}

// encode writes a batch with franz-go's types, not with ours.
type encode struct {
	base     int64
	offsets  []int32 // deltas of the records that are left
	last     int32
	codec    uint8
	xerial   bool
	appended bool // LogAppendTime
	producer int64
	tx       bool
	control  int // 0 no, 1 abort, 2 commit
}

func (e encode) batch(t interface{ Fatal(...any) }) ([]byte, []seen) {
	const baseTime, maxTime = 1_700_000_000_000, 1_700_000_001_000
	var records []byte
	var all []seen
	for i, delta := range e.offsets {
		r := kmsg.Record{TimestampDelta64: int64(i) * 300, OffsetDelta: delta}
		s := seen{offset: e.base + int64(delta), timestamp: baseTime + int64(i)*300}
		if e.appended {
			s.timestamp = maxTime
		}
		if i%3 != 1 {
			r.Key = fmt.Appendf(nil, "key %d", i)
		}
		if i%4 != 3 {
			r.Value = bytes.Repeat([]byte{byte(i)}, i*7%90)
			if r.Value == nil {
				r.Value = []byte{}
			}
		}
		if e.control > 0 {
			r.Key = []byte{0, 0, 0, byte(e.control - 1)}
		}
		var hs []RecordHeader
		for h := range i % 3 {
			x := RecordHeader{Key: fmt.Sprint("h", h)}
			if h == 0 {
				x.Value = []byte("v")
			}
			hs = append(hs, x)
			r.Headers = append(r.Headers, kmsg.Header{Key: x.Key, Value: x.Value})
		}
		s.key, s.value, s.headers = show(r.Key), show(r.Value), showHeaders(hs)
		body := r.AppendTo(nil)
		r.Length = int32(len(body) - 1) // an empty length is one byte
		records = r.AppendTo(records)
		all = append(all, s)
	}
	b := kmsg.RecordBatch{FirstOffset: e.base, PartitionLeaderEpoch: 3, Magic: 2, Attributes: int16(e.codec), LastOffsetDelta: e.last,
		FirstTimestamp: baseTime, MaxTimestamp: maxTime, ProducerID: e.producer, ProducerEpoch: 1, FirstSequence: 0,
		NumRecords: int32(len(e.offsets)), Records: compress(t, e.codec, e.xerial, records)}
	if e.appended {
		b.Attributes |= logAppendTimeBit
	}
	if e.tx {
		b.Attributes |= transactionalBit
	}
	if e.control > 0 {
		b.Attributes |= controlBit
	}
	b.Length = int32(headerSize - lengthEnd + len(b.Records))
	raw := b.AppendTo(nil)
	fixCRC(raw)
	return raw, all
}

func fixCRC(raw []byte) {
	binary.BigEndian.PutUint32(raw[atCRC:], crc32.Checksum(raw[atAttributes:], crc32.MakeTable(crc32.Castagnoli)))
}

func compress(t interface{ Fatal(...any) }, codec uint8, xerial bool, b []byte) []byte {
	var out bytes.Buffer
	var err error
	write := func(w io.WriteCloser) {
		_, err = w.Write(b)
		err = errors.Join(err, w.Close())
	}
	switch codec {
	case CodecNone:
		return b
	case CodecGzip:
		write(gzip.NewWriter(&out))
	case CodecSnappy:
		if !xerial {
			return s2.EncodeSnappy(nil, b)
		}
		out.WriteString(xerialMagic + "\x00\x00\x00\x01\x00\x00\x00\x01")
		for part := range slices.Chunk(b, 1000) {
			block := s2.EncodeSnappy(nil, part)
			out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(block))))
			out.Write(block)
		}
	case CodecLZ4:
		write(lz4.NewWriter(&out))
	case CodecZstd:
		var w *zstd.Encoder
		w, err = zstd.NewWriter(&out)
		write(w)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// history is a partition as a broker would have it, what of it a consumer may see, and the aborted transactions.
type history struct {
	raw     []byte
	bounds  []int   // where the batches end in raw
	lasts   []int64 // and their last offsets
	all     []seen
	hidden  map[int64]bool // offsets of aborted records
	aborted []AbortedTransaction
}

func drawHistory(t *rapid.T) *history {
	h := &history{hidden: map[int64]bool{}}
	offset := rapid.Int64Range(0, 1<<40).Draw(t, "start")
	type transaction struct {
		first   int64
		offsets []int64
	}
	under := map[int64]*transaction{}
	for range rapid.IntRange(1, 15).Draw(t, "batches") {
		e := encode{base: offset, producer: NoProducer, codec: uint8(rapid.IntRange(0, 4).Draw(t, "codec")),
			xerial: rapid.Bool().Draw(t, "xerial"), appended: rapid.Bool().Draw(t, "appended")}
		n := int32(rapid.SampledFrom([]int{1, 2, 5, 40}).Draw(t, "records"))
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			e.producer = rapid.Int64Range(1, 3).Draw(t, "idempotent") // outside any transaction
		case 1, 2:
			e.producer, e.tx = rapid.Int64Range(1, 3).Draw(t, "producer"), true
		case 3:
			e.producer, e.tx, e.control, e.codec, n = rapid.Int64Range(1, 3).Draw(t, "producer"), true, rapid.IntRange(1, 2).Draw(t, "marker"), 0, 1
		}
		if under[e.producer] != nil && !e.tx { // a producer is either or
			e.producer = NoProducer
		}
		keep := rapid.SampledFrom([]string{"all", "all", "all", "some", "none"}).Draw(t, "compaction")
		if keep == "none" && e.codec == 0 && e.control > 0 {
			keep = "all" // a marker stays as long as its transaction's records
		}
		e.last = n - 1
		for i := range n {
			if keep == "all" || keep == "some" && (e.control > 0 || rapid.Bool().Draw(t, "kept")) {
				e.offsets = append(e.offsets, i)
			}
		}
		if len(e.offsets) == 0 {
			e.codec = CodecNone // as a broker leaves it; franz-go cannot read an empty snappy stream
		}
		raw, all := e.batch(t)
		switch {
		case e.control > 0:
			if tx := under[e.producer]; tx != nil && e.control == 1 {
				h.aborted = append(h.aborted, AbortedTransaction{ProducerID: e.producer, FirstOffset: tx.first})
				for _, o := range tx.offsets {
					h.hidden[o] = true
				}
			}
			delete(under, e.producer)
		case e.tx:
			if under[e.producer] == nil {
				under[e.producer] = &transaction{first: offset}
			}
			for _, s := range all {
				under[e.producer].offsets = append(under[e.producer].offsets, s.offset)
			}
		}
		if e.control == 0 {
			h.all = append(h.all, all...)
		}
		h.raw = append(h.raw, raw...)
		h.bounds = append(h.bounds, len(h.raw))
		h.lasts = append(h.lasts, offset+int64(n)-1)
		offset += int64(n) + rapid.SampledFrom([]int64{0, 0, 0, 7}).Draw(t, "gap")
	}
	return h
}

// TestReader reads random partitions: what it gives is what was written, less what aborted transactions wrote, and what
// franz-go gives.
func TestReader(t *testing.T) {
	var r Reader
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		cut := rapid.OneOf(rapid.Just(len(h.raw)), rapid.IntRange(0, len(h.raw))).Draw(t, "cut")
		from := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, h.lasts[len(h.lasts)-1]+3),
			rapid.Map(rapid.SampledFrom(h.lasts), func(o int64) int64 { return max(0, o-1) })).Draw(t, "from")
		committed := rapid.Bool().Draw(t, "committed")
		aborted := []AbortedTransaction(nil)
		if committed {
			aborted = slices.Clone(h.aborted)
			if aborted == nil {
				aborted = []AbortedTransaction{}
			}
			if rapid.Bool().Draw(t, "unsorted") {
				slices.Reverse(aborted)
			}
		}
		whole, next := 0, from
		for i, end := range h.bounds {
			if end <= cut {
				whole, next = i+1, max(from, h.lasts[i]+1)
			}
		}
		var want []seen
		for _, s := range h.all {
			if s.offset >= from && whole > 0 && s.offset <= h.lasts[whole-1] && !(committed && h.hidden[s.offset]) {
				want = append(want, s)
			}
		}
		r.Reset(h.raw[:cut:cut], from, aborted)
		got, err := readAllRecords(&r)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got\n%v\nwant\n%v", got, want)
		}
		if r.NextOffset() != next {
			t.Fatalf("next offset %d, want %d", r.NextOffset(), next)
		}
		if partial := whole < len(h.bounds) && cut > 0 && (whole == 0 || cut > h.bounds[whole-1]); r.Partial() != partial {
			t.Fatalf("partial: %v", r.Partial())
		}
		if from > 0 && committed {
			return // franz-go does not see an abort marker in a batch below from, which a broker would not send either
		}
		theirs, _, err := readKgo(h.raw[:cut:cut], from, aborted)
		if err != nil || !slices.Equal(got, theirs) {
			t.Fatalf("franz-go: %v\ngot\n%v\nwant\n%v", err, got, theirs)
		}
	})
}

// TestBuilder has what Builder writes read by three readers.
func TestBuilder(t *testing.T) {
	var b Builder
	rapid.Check(t, func(t *rapid.T) {
		h := Header{ProducerID: rapid.Int64Range(-1, 1<<40).Draw(t, "id"), ProducerEpoch: rapid.Int16Min(-1).Draw(t, "epoch"),
			BaseSequence: rapid.Int32Min(-1).Draw(t, "sequence"), Timestamp: rapid.Int64Range(0, 1<<42).Draw(t, "time")}
		b.Reset(h)
		if b.Finish() != nil || b.Size() != headerSize || b.Count() != 0 {
			t.Fatal("an empty batch")
		}
		maybe := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 300))
		var want []seen
		newest := int64(-1)
		for i := range rapid.SampledFrom([]int{1, 3, 70, 200}).Draw(t, "records") {
			key, value := maybe.Draw(t, "key"), maybe.Draw(t, "value")
			var hs []RecordHeader
			for range rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "headers") {
				hs = append(hs, RecordHeader{rapid.StringN(0, 5, 20).Draw(t, "header"), maybe.Draw(t, "of it")})
			}
			at := h.Timestamp
			if rapid.Bool().Draw(t, "own time") {
				at = rapid.Int64Range(0, 1<<42).Draw(t, "at")
				b.AppendAt(at, key, value, hs...)
			} else {
				size := b.SizeWith(key, value, hs...)
				b.Append(key, value, hs...)
				if b.Size() != size {
					t.Fatalf("size %d, foretold %d", b.Size(), size)
				}
			}
			newest = max(newest, at)
			want = append(want, seen{int64(i), at, show(key), show(value), showHeaders(hs)})
		}
		size := b.Size()
		raw := b.Finish()
		if len(raw) != size {
			t.Fatalf("%d bytes, Size said %d", len(raw), size)
		}
		if rapid.Bool().Draw(t, "take") {
			raw = b.Take()
			b.Reset(Header{})
			b.Append([]byte("other"), nil)
			b.Finish()
		}
		info, err := ReadInfo(raw)
		n := len(want)
		wantInfo := Info{LastOffset: int64(n - 1), LeaderEpoch: -1, ProducerID: h.ProducerID, ProducerEpoch: h.ProducerEpoch,
			BaseSequence: h.BaseSequence, Count: int32(n), BaseTimestamp: h.Timestamp, MaxTimestamp: newest, Size: size}
		if err != nil || info != wantInfo {
			t.Fatalf("%v\ngot  %+v\nwant %+v", err, info, wantInfo)
		}
		check(t, raw, want)

		var copied Builder
		copied.Reset(h)
		var r Reader
		r.Reset(raw, 0, nil)
		same := slices.Clone(want)
		for i := range want {
			rec, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			copied.AppendRecord(rec)
			same[i].timestamp = h.Timestamp
		}
		check(t, copied.Finish(), same)

		to := rapid.Int64Range(0, 1<<42).Draw(t, "restamp")
		id, epoch := rapid.Int64().Draw(t, "id"), rapid.Int16().Draw(t, "epoch")
		if err := Restamp(raw, to, id, epoch); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			want[i].timestamp += to - h.Timestamp
		}
		if info, _ := ReadInfo(raw); info.BaseTimestamp != to || info.MaxTimestamp != newest+to-h.Timestamp || info.ProducerID != id || info.ProducerEpoch != epoch {
			t.Fatalf("%+v", info)
		}
		if err := Verify(raw); err != nil {
			t.Fatal(err)
		}
		check(t, raw, want)
	})
}

func check(t rapid.TB, raw []byte, want []seen) {
	t.Helper()
	var r Reader
	r.Reset(raw, 0, nil)
	if got, err := readAllRecords(&r); err != nil || !slices.Equal(got, want) {
		t.Fatalf("ours: %v\ngot\n%v\nwant\n%v", err, got, want)
	}
	if got, next, err := readKgo(raw, 0, nil); err != nil || !slices.Equal(got, want) || next != int64(len(want)) {
		t.Fatalf("franz-go: %v, next %d\ngot\n%v\nwant\n%v", err, next, got, want)
	}
	var set protocol.RecordSet
	if _, err := set.ReadFrom(bytes.NewReader(append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...))); err != nil {
		t.Fatalf("kafka-go: %v", err)
	}
	for i, w := range want {
		rec, err := set.Records.ReadRecord()
		if err != nil {
			t.Fatalf("kafka-go, record %d: %v", i, err)
		}
		bytesOf := func(b protocol.Bytes) []byte {
			if b == nil {
				return nil
			}
			all, err := protocol.ReadAll(b)
			if err != nil {
				t.Fatal(err)
			}
			if all == nil {
				all = []byte{}
			}
			return all
		}
		var hs []RecordHeader
		for _, h := range rec.Headers {
			hs = append(hs, RecordHeader(h))
		}
		got := seen{rec.Offset, rec.Time.UnixMilli(), show(bytesOf(rec.Key)), show(bytesOf(rec.Value)), showHeaders(hs)}
		if got != w {
			t.Fatalf("kafka-go: got %v, want %v", got, w)
		}
	}
}
