// Package batch reads and writes Kafka record batches, format 2: the bytes that a produce request carries and a fetch
// answer brings. It knows bytes, checksums, codecs and which records a consumer may see; never brokers, topics or what
// a record means.
//
// It exists because of what a client library hides: the last offset of a batch whose tail compaction emptied, a batch
// that counts as several sequences of a producer, the same bytes again on every try; and because decoding is half of
// what an event costs. The format: https://kafka.apache.org/documentation/#recordbatch
package batch

import "wend/connectors"

// Where the fields of a batch are. The checksum covers everything from attributes on.
const (
	atLength     = 8 // bytes that follow this field
	atEpoch      = 12
	atMagic      = 16
	atCRC        = 17
	atAttributes = 21
	atLastDelta  = 23
	atBaseTime   = 27
	atMaxTime    = 35
	atProducer   = 43
	atProdEpoch  = 51
	atSequence   = 53
	atCount      = 57
	headerSize   = 61

	lengthEnd = atLength + 4 // what batch length does not count
	magic     = 2
)

// Bits of attributes.
const (
	codecMask        = 0x07
	logAppendTimeBit = 0x08
	transactionalBit = 0x10
	controlBit       = 0x20
)

// Codecs, as Info.Codec has them.
const (
	CodecNone   uint8 = 0
	CodecGzip   uint8 = 1
	CodecSnappy uint8 = 2
	CodecLZ4    uint8 = 3
	CodecZstd   uint8 = 4
)

// NoProducer is the producer id of a batch that no idempotent producer wrote; its epoch and sequence are -1 too.
const NoProducer = -1

// AbortedTransaction is connectors.AbortedTransaction.
type AbortedTransaction = connectors.AbortedTransaction

// RecordHeader is a header of a record. A nil Value is null.
type RecordHeader struct {
	Key   string
	Value []byte
}

// WireSequence is a 64-bit count of records as a sequence number on the wire: modulo 2^31, as brokers count.
func WireSequence(n int64) int32 { return int32(n & (1<<31 - 1)) }
