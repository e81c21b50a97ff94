package connectors

import (
	"math/rand/v2"
	"testing"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestMurmur2 has the values of org.apache.kafka.common.utils.Utils.murmur2, from the tests of librdkafka
// (rdmurmur2.c) and, the second part, of Kafka's own (UtilsTest.testMurmur2).
func TestMurmur2(t *testing.T) {
	for key, want := range map[string]uint32{
		"kafka":                                  0xd067cf64,
		"giberish123456789":                      0x8f552b0c,
		"1234":                                   0x9fc97b14,
		"234":                                    0xe7c009ca,
		"34":                                     0x873930da,
		"4":                                      0x5a4b5ca1,
		"PreAmbleWillBeRemoved,ThePrePartThatIs": 0x78424f1c,
		"reAmbleWillBeRemoved,ThePrePartThatIs":  0x4a62b377,
		"eAmbleWillBeRemoved,ThePrePartThatIs":   0xe0e4e09e,
		"AmbleWillBeRemoved,ThePrePartThatIs":    0x62b8b43f,
		"":                                       0x106e08d9,

		"21":                         uint32(0xffffffff & -973932308),
		"foobar":                     uint32(0xffffffff & -790332482),
		"a-little-bit-long-string":   uint32(0xffffffff & -985981536),
		"a-little-bit-longer-string": uint32(0xffffffff & -1486304829),
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": uint32(0xffffffff & -58897971),
		"abc": 479470107,
	} {
		if got := murmur2([]byte(key)); got != want {
			t.Errorf("murmur2(%q) = %08x, want %08x", key, got, want)
		}
	}
}

func TestPartitionersAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	java := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	for range 5000 {
		key := make([]byte, 1+rng.IntN(40))
		for i := range key {
			key[i] = byte(rng.Uint32())
		}
		n := 1 + rng.IntN(200)
		parts := make([]int, n)
		for i := range parts {
			parts[i] = i
		}
		got := Murmur2Partition(key, int32(n))
		if want := java.Partition(&kgo.Record{Key: key}, n); int(got) != want {
			t.Fatalf("key %x of %d: %d, franz-go gives %d", key, n, got, want)
		}
		if want := (kafkago.Murmur2Balancer{}).Balance(kafkago.Message{Key: key}, parts...); int(got) != want {
			t.Fatalf("key %x of %d: %d, kafka-go gives %d", key, n, got, want)
		}
		if got, want := CRC32Partition(key, int32(n)), (kafkago.CRC32Balancer{}).Balance(kafkago.Message{Key: key}, parts...); int(got) != want {
			t.Fatalf("CRC of key %x of %d: %d, kafka-go gives %d", key, n, got, want)
		}
	}
	if Murmur2Partition(nil, 0) != -1 || CRC32Partition(nil, -5) != -1 {
		t.Error("a partition of none")
	}
}
