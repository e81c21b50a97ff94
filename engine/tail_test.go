package engine

import (
	"bytes"
	"math"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"
)

// What is written by hand is what the codec would write, and reads back as what it was.
func TestTailAsTheCodecWritesIt(t *testing.T) {
	sizes := rapid.SampledFrom([]int{-1, 0, 1, 255, 256, math.MaxUint16, math.MaxUint16 + 1})
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) int64 { return rapid.Int64().Draw(t, name) }
		x := tail{position: number("position"), producerID: number("producer"), epoch: rapid.Int16().Draw(t, "epoch"), appended: number("appended"),
			whole: number("whole"), begun: number("begun"), first: number("first"), indexed: rapid.Uint64().Draw(t, "indexed")}
		if n := sizes.Draw(t, "head"); n >= 0 {
			x.head = bytes.Repeat([]byte{7}, n)
		}
		record := tailRecord{Position: x.position, ProducerID: x.producerID, Epoch: x.epoch, Appended: x.appended, Begun: x.begun, Head: x.head, Whole: x.whole, First: x.first, Indexed: x.indexed}
		want, err := msgpack.Marshal(&record)
		if got := x.append([]byte("before")); err != nil || !bytes.Equal(got, append([]byte("before"), want...)) {
			t.Fatalf("%+v is written as\n%x\nand not\n%x %v", x, got, want, err)
		}
	})
}
