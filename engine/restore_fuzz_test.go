package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/statestore"
)

// journalPlace is what an error about the journal has to say.
var journalPlace = regexp.MustCompile(`shop\.journal/0.*offset -?\d+`)

// fuzzClaim is a claim that reads a journal into a view of maps. Nothing that it asks for is ever answered.
type fuzzClaim struct {
	disk   mapDisk
	shard  *shard
	failed []error
}

func newFuzzClaim(t testing.TB, k *simKit) *fuzzClaim {
	t.Helper()
	f := new(fuzzClaim)
	nobody := &env{
		append:      func([]byte, func(connectors.Produced)) {},
		publish:     func(connectors.TopicPartition, []byte, func(connectors.Produced)) {},
		read:        func(connectors.TopicPartition, int64, func(connectors.Fetched, error)) {},
		offset:      func(connectors.TopicPartition, int64, func(int64, error)) {},
		check:       func(func(int64, error)) {},
		producer:    func(string, func(connectors.Producer, error)) {},
		fetchFrom:   func(int64, int32, func(connectors.Fetched, time.Time)) {},
		tail:        func(int64, func(connectors.Fetched)) {},
		controlFrom: func(int64, func(commands)) {},
		dropped:     func(string) {},
		failed:      func(error) {},
		ready:       func() {},
	}
	l := Listener{
		Failed:     func(_ int32, err error) { f.failed = append(f.failed, err) },
		ViewFailed: func(_ int32, v ViewFailure) { f.failed = append(f.failed, v.Err) },
	}
	f.shard = newShard(shardConfig{app: "shop", program: k.program, decoder: k.decoder, source: k.source, journal: k.journal,
		routes: &routes{channels: map[string]route{"shop": {"actions", 2}, "mail": {"mails", 1}}, deadLetter: route{"dead", 1}},
		views:  mapViews{&f.disk}, dir: "view", deleteRetention: 24 * time.Hour, cacheBytes: 1 << 16,
		limits: limits{events: 6, soft: 64 << 10, effect: 64 << 10, document: 3000, ids: simIDs, action: 64 << 10, outbox: 1 << 20, fires: 6, behind: 1 << 20, unsettled: 1 << 20, held: 1 << 20, onTheWay: 1 << 20}},
		nobody, l.filled())
	f.shard.begin(simTime(1_700_000_000_000, time.Hour))
	if f.shard.phase != phaseClaiming || f.shard.view == nil {
		t.Fatalf("phase %d, %v", f.shard.phase, f.failed)
	}
	return f
}

// batchesOf cuts a log into its batches; what is behind the last whole one belongs to it.
func batchesOf(raw []byte) (pieces [][]byte) {
	for len(raw) > 0 {
		n := len(raw)
		if i, err := batch.ReadInfo(raw); err == nil && i.Size < n {
			n = i.Size
		}
		pieces = append(pieces, raw[:n])
		raw = raw[n:]
	}
	return pieces
}

// checksums corrects those of a log, which a fuzzer does not guess.
func checksums(raw []byte) {
	for len(raw) >= simHead {
		n := int64(int32(binary.BigEndian.Uint32(raw[simAtLength:]))) + 12
		if n < simHead || n > int64(len(raw)) {
			return
		}
		simChecksum(raw[:n])
		raw = raw[n:]
	}
}

// FuzzJournal restores from whatever a journal may hold, then takes the shard up: without a panic; an error tells the
// place; and the view is the same whether the journal comes at once or batch by batch, or the last of it twice.
func FuzzJournal(f *testing.F) {
	kit := newSimKit(f, simProgram(f))
	keys := []string{"", "h", "claim", "c/kim", "c/", "o/actions/0/0", "o/actions/0/-1", "o/actions/1/9223372036854775807", "o/x", "what"}
	for seed := uint64(1); seed <= 4; seed++ {
		s := kit.schedule(simTask{seed: seed})
		for range 150 {
			s.step()
		}
		var raw []byte
		for _, b := range s.broker.log(s.journal).batches {
			if raw = append(raw, b.raw...); len(raw) > 4<<10 {
				break
			}
			err := eachRecord(b.raw, func(r *batch.Record) error {
				for i, k := range keys {
					if i > 0 && strings.HasPrefix(string(r.Key), k) && len(r.Value) < 1000 {
						f.Add([]byte(nil), bytes.Clone(r.Value), uint8(i))
						break
					}
				}
				return nil
			})
			if err != nil {
				f.Fatal(err)
			}
		}
		f.Add(raw, []byte(nil), uint8(0))
		f.Add(raw, []byte("value"), uint8(seed))
		for _, o := range s.living() {
			s.kill(o, false)
		}
	}
	f.Fuzz(func(t *testing.T, raw, value []byte, kind uint8) {
		raw = append([]byte(nil), raw...)
		checksums(raw)
		if k := keys[int(kind)%len(keys)]; k != "" {
			next, _ := behind(raw)
			var b batch.Builder
			b.Reset(batch.Header{ProducerID: 1001, BaseSequence: 0, Timestamp: 1_700_000_000_000})
			b.Append([]byte(k), value)
			one := b.Take()
			binary.BigEndian.PutUint64(one, uint64(max(0, next)))
			raw = append(raw, one...)
		}
		if len(raw) == 0 {
			t.Skip()
		}
		whole, pieces := newFuzzClaim(t, kit), newFuzzClaim(t, kit)
		err := whole.shard.claim.absorb(raw)
		if err != nil {
			if !journalPlace.MatchString(err.Error()) {
				t.Fatalf("the error does not say where: %v", err)
			}
			return
		}
		if next, _ := behind(raw); whole.shard.claim.tail.position < next {
			t.Fatalf("stands at %d, the journal was read to %d", whole.shard.claim.tail.position, next)
		}
		end := int64(0)
		for _, piece := range batchesOf(raw) {
			if i, err := batch.ReadInfo(piece); err == nil {
				if i.BaseOffset < end || i.LastOffset < i.BaseOffset {
					return // no log: offsets grow
				}
				end = i.LastOffset + 1
			}
			if err = pieces.shard.claim.absorb(piece); err != nil {
				break // of heads the newest counts: one that was replaced may be anything
			}
		}
		if err == nil && !reflect.DeepEqual(pieces.disk.now(), whole.disk.now()) {
			t.Fatalf("by pieces\n%+v\nat once\n%+v", pieces.disk.now(), whole.disk.now())
		}
		before := whole.disk.now()
		if err := whole.shard.claim.absorb(raw); err != nil {
			t.Fatalf("the second time: %v", err)
		}
		if again := whole.disk.now(); !reflect.DeepEqual(again, before) {
			t.Fatalf("read twice\n%+v\nonce\n%+v", again, before)
		}
		s := whole.shard
		s.claim.offset = s.claim.tail.position
		s.own()
		s.work(s.now)
		for _, err := range whole.failed {
			if err == nil || err.Error() == "" || errors.Is(err, statestore.ErrClosed) {
				t.Fatalf("fails with %v", err)
			}
		}
	})
}

// now is what the view holds.
func (d *mapDisk) now() mapState {
	d.flush()
	return d.flushed.clone()
}
