package connectors

import (
	"encoding/binary"
	"hash/crc32"
)

// Murmur2Partition is the partition, of n, that Java clients (and franz-go, and kafka-go's Murmur2Balancer) give a key:
// murmur2 without its sign bit, modulo n. It is -1 for n below 1.
func Murmur2Partition(key []byte, n int32) int32 {
	if n < 1 {
		return -1
	}
	return int32(murmur2(key)&0x7fffffff) % n
}

// CRC32Partition is the partition, of n, that librdkafka's "consistent" partitioner gives a key: its CRC-32 (IEEE)
// modulo n. It is -1 for n below 1.
func CRC32Partition(key []byte, n int32) int32 {
	if n < 1 {
		return -1
	}
	return int32(crc32.ChecksumIEEE(key) % uint32(n))
}

// murmur2 is MurmurHash2 by Austin Appleby with the seed of org.apache.kafka.common.utils.Utils.murmur2.
func murmur2(b []byte) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := uint32(seed) ^ uint32(len(b))
	for ; len(b) >= 4; b = b[4:] {
		k := binary.LittleEndian.Uint32(b) * m
		k ^= k >> r
		h = h*m ^ k*m
	}
	switch len(b) {
	case 3:
		h ^= uint32(b[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(b[1]) << 8
		fallthrough
	case 1:
		h = (h ^ uint32(b[0])) * m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}
