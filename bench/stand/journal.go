//go:build unix

package stand

import (
	"context"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/audit"
)

// JournalKept looks at who wrote the journal: behind an owner's claim nothing of an earlier owner may stand.
func (s *Stand) JournalKept(ctx context.Context, a *App) error {
	type owner struct {
		epoch int16
		seen  bool
	}
	owners := make([]owner, s.partitions())
	claims, late := 0, 0
	if err := audit.EachRecord(ctx, s.Brokers, a.Journal, func(r *kgo.Record) {
		o := &owners[r.Partition]
		if strings.HasPrefix(string(r.Key), "claim/") {
			claims++
		}
		if o.seen && r.ProducerEpoch < o.epoch || r.ProducerID < 0 {
			late++
		}
		o.epoch, o.seen = max(o.epoch, r.ProducerEpoch), true
	}); err != nil {
		return err
	}
	epochs := make([]int16, 0, len(owners))
	for _, o := range owners {
		epochs = append(epochs, o.epoch)
	}
	fmt.Printf("journal: the epochs stand at %v, %d claims left; %d records of none who owned it then\n", epochs, claims, late)
	if late > 0 {
		return Wrongf("%d records in the journal are of none who owned it then", late)
	}
	return nil
}
