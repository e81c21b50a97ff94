package batch

import (
	"wend/connectors"
)

type Header struct {
	ProducerID    int64
	ProducerEpoch int16
	BaseSequence  int32
	Timestamp     int64
}

type RecordHeader struct {
	Key   string
	Value []byte
}

type Builder struct{}

func (b *Builder) Reset(h Header)                                                       {}
func (b *Builder) Append(key, value []byte, headers ...RecordHeader)                    {}
func (b *Builder) AppendAt(timestamp int64, key, value []byte, headers ...RecordHeader) {}
func (b *Builder) Size() int                                                            { return 0 }
func (b *Builder) SizeWith(key, value []byte, headers ...RecordHeader) int              { return 0 }
func (b *Builder) Count() int                                                           { return 0 }
func (b *Builder) Finish() []byte                                                       { return nil }
func (b *Builder) Take() []byte                                                         { return nil }
func Restamp(b []byte, ms int64)                                                        {}
func ReadInfo(b []byte) (Info, error)                                                   { return Info{}, nil }
func WireSequence(n int64) int32                                                        { return 0 }

type Info struct {
	BaseOffset, LastOffset                int64
	LeaderEpoch                           int32
	ProducerID                            int64
	ProducerEpoch                         int16
	BaseSequence                          int32
	Count                                 int32
	BaseTimestamp, MaxTimestamp           int64
	LogAppendTime, Transactional, Control bool
	Codec                                 uint8
	Size                                  int
}

type Record struct {
	Offset, Timestamp int64
	Key, Value        []byte
	rawHeaders        []byte
}

func (r *Record) Headers() ([]RecordHeader, error) { return nil, nil }

type Reader struct {
	MaxDecompressed int
}

func (r *Reader) Reset(raw []byte, from int64, aborted []connectors.AbortedTransaction) {}
func (r *Reader) Next() (*Record, error)                                                { return nil, nil }
func (r *Reader) Info() Info                                                            { return Info{} }
func (r *Reader) NextOffset() int64                                                     { return 0 }
