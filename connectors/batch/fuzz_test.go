package batch

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// FuzzBuilder has three readers read what Builder wrote of any keys, values and headers: ours, franz-go's, kafka-go's.
func FuzzBuilder(f *testing.F) {
	f.Add([]byte("customer"), []byte("value"), "header", []byte("its value"), int64(1_700_000_000_000), uint8(3))
	f.Add([]byte(nil), []byte{}, "", []byte(nil), int64(0), uint8(255))
	f.Fuzz(func(t *testing.T, key, value []byte, name string, header []byte, at int64, n uint8) {
		if at < 0 || at > 1<<42 {
			t.Skip()
		}
		var b Builder
		b.Reset(Header{ProducerID: 7, ProducerEpoch: 1, BaseSequence: 5, Timestamp: at})
		var want []seen
		for i := range int(n) + 1 {
			k, v, hs := key, value, []RecordHeader(nil)
			if i&1 > 0 {
				hs = append(hs, RecordHeader{name, header})
			}
			if i&2 > 0 {
				k = nil
			}
			if i&4 > 0 {
				v = nil
			}
			b.AppendAt(at+int64(i), k, v, hs...)
			want = append(want, seen{int64(i), at + int64(i), show(k), show(v), showHeaders(hs)})
		}
		check(t, b.Finish(), want)
	})
}

// FuzzCodecs reads what franz-go compressed, with every codec.
func FuzzCodecs(f *testing.F) {
	f.Add([]byte("records, records, records and records"), []byte("value"), uint8(9))
	f.Add([]byte{}, bytes.Repeat([]byte{0}, 3000), uint8(1))
	f.Fuzz(func(t *testing.T, key, value []byte, n uint8) {
		var b Builder
		b.Reset(Header{ProducerID: NoProducer, ProducerEpoch: -1, BaseSequence: -1, Timestamp: 1_700_000_000_000})
		for range int(n) + 1 {
			b.Append(key, value)
		}
		plain := b.Take()
		var r Reader
		r.Reset(plain, 0, nil)
		want, err := readAllRecords(&r)
		if err != nil || len(want) != int(n)+1 {
			t.Fatal(len(want), err)
		}
		for _, codec := range []kgo.CompressionCodec{kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
			c, err := kgo.DefaultCompressor(codec)
			if err != nil {
				t.Fatal(err)
			}
			packed, used := c.Compress(new(bytes.Buffer), plain[headerSize:])
			raw := append(bytes.Clone(plain[:headerSize]), packed...)
			binary.BigEndian.PutUint32(raw[atLength:], uint32(len(raw)-lengthEnd))
			raw[atAttributes+1] = byte(used)
			fixCRC(raw)
			r.Reset(raw, 0, nil)
			if got, err := readAllRecords(&r); err != nil || !slices.Equal(got, want) {
				t.Fatalf("codec %d: %v\ngot\n%v\nwant\n%v", used, err, got, want)
			}
		}
	})
}
