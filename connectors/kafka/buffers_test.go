package kafka

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"wend/connectors"
)

// TestLentMemory lends memory of every size, and takes it back as careless borrowers give it: twice, late, never.
func TestLentMemory(t *testing.T) {
	var back [][]byte
	p := &buffers{released: func(memory []byte) { back = append(back, memory) }}
	for _, n := range []int{1, leastLent - 1, leastLent, leastLent + 1, 2 * leastLent, 2*leastLent + 1, 3 << 20, mostLent - 1, mostLent, mostLent + 1} {
		back = nil
		memory, lease := p.lend(n)
		if len(memory) != n || cap(memory) != n {
			t.Fatalf("%d bytes with room for %d instead of %d", len(memory), cap(memory), n)
		}
		if lent := n >= leastLent && n <= mostLent; lent != (lease != nil) {
			t.Fatalf("%d bytes, lent: %v", n, lease != nil)
		}
		f := connectors.Fetched{Batches: memory, Lease: lease}
		again := f
		f.Release()
		again.Release()
		if f.Batches != nil || again.Batches != nil {
			t.Fatal("what was released is still there to be read")
		}
		if lease == nil {
			continue
		}
		if len(back) != 1 || &back[0][0] != &memory[0] || len(back[0]) < n || len(back[0]) >= 2*n && n > leastLent {
			t.Fatalf("of %d bytes %d pieces came back", n, len(back))
		}
		if next, _ := p.lend(n); &next[0] == &memory[0] {
			lease.End() // it is another's now
			if other, _ := p.lend(n); &other[0] == &next[0] {
				t.Fatalf("%d bytes are lent twice", n)
			}
		}
	}
}

// TestFetchUsesMemoryAgain: an answer's batches lie where those of an earlier one lay, once that was released.
func TestFetchUsesMemoryAgain(t *testing.T) {
	answer := kmsg.NewPtrFetchResponse()
	answer.SetVersion(fetchVersion)
	topic := kmsg.NewFetchResponseTopic()
	for range 2 {
		p := kmsg.NewFetchResponseTopicPartition()
		p.RecordBatches = framed(leastLent)
		topic.Partitions = append(topic.Partitions, p)
	}
	answer.Topics = append(answer.Topics, topic)
	raw := answer.AppendTo(nil)
	p := &buffers{released: func(memory []byte) {
		for i := range memory {
			memory[i] = 0xdd
		}
	}}
	read := func() []connectors.Fetched {
		t.Helper()
		got, err := readFetch(&stream{src: bytes.NewReader(raw), left: len(raw)}, fetchVersion, p)
		if err != nil || len(got) != 2 {
			t.Fatal(got, err)
		}
		for i := range got {
			if !bytes.Equal(got[i].Batches, framed(leastLent)) {
				t.Fatalf("partition %d: other bytes", i)
			}
		}
		return got
	}
	kept := read()
	released := map[*byte]bool{}
	used := 0
	for range 100 { // a pool may forget what it is given, and under the race detector does so at random
		again := read()
		for i := range again {
			at := &again[i].Batches[0]
			if at == &kept[0].Batches[0] || at == &kept[1].Batches[0] {
				t.Fatal("memory that nobody released is used again")
			}
			if released[at] {
				used++
			}
			released[at] = true
			again[i].Release()
		}
	}
	if used == 0 {
		t.Error("nothing that was released was used again")
	}
	for i := range kept {
		if !bytes.Equal(kept[i].Batches, framed(leastLent)) {
			t.Error("what was not released has changed")
		}
	}
}
