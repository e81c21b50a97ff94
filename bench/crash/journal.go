//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"wend/bench/audit"
	"wend/bench/stand"
	"wend/statestore"
)

// tinySegments make the broker clean the journal as often as it can be made to.
var tinySegments = map[string]string{
	"segment.bytes": "1048576", "segment.ms": "3000", "min.cleanable.dirty.ratio": "0.01", "min.compaction.lag.ms": "0",
	"max.compaction.lag.ms": "3000", "delete.retention.ms": "120000", "max.message.bytes": "1048576",
}

// journalSize is how many records the journal holds, and over how many offsets.
func (s *runner) journalSize(ctx context.Context, a *stand.App) (records, offsets int64, err error) {
	if err = audit.EachRecord(ctx, s.Brokers, a.Journal, func(*kgo.Record) { records++ }); err != nil {
		return 0, 0, err
	}
	ends, err := s.Admin.ListEndOffsets(ctx, a.Journal)
	if err != nil {
		return 0, 0, err
	}
	ends.Each(func(o kadm.ListedOffset) { offsets += o.Offset })
	return records, offsets, nil
}

// remade deletes the data of an engine that has come to rest, starts and stops it once more, and compares the views: what
// the cleaned journal gives must be the same documents.
func (s *runner) remade(ctx context.Context, m *stand.Member) error {
	before, err := documents(m.Data)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(m.Data); err != nil {
		return err
	}
	p, err := s.Start(m)
	if err != nil {
		return err
	}
	if err := p.Ready(ctx, readyTimeout); err != nil {
		return err
	}
	if err := p.Stop(20 * time.Second); err != nil {
		return err
	}
	after, err := documents(m.Data)
	if err != nil {
		return err
	}
	wrong := 0
	for customer, doc := range before {
		if after[customer] != doc {
			wrong++
		}
		delete(after, customer)
	}
	fmt.Printf("view: %d documents, %d of them different when made again from the journal, %d that were not there before\n", len(before), wrong, len(after))
	if len(before) == 0 || wrong > 0 || len(after) > 0 {
		return stand.Wrongf("the journal does not give the documents again")
	}
	return nil
}

// documents reads the views of a stopped engine.
func documents(data string) (map[string]string, error) {
	dirs, err := filepath.Glob(filepath.Join(data, "p[0-9]*"))
	if err != nil {
		return nil, err
	}
	docs := map[string]string{}
	for _, dir := range dirs {
		view, err := statestore.Open(dir, statestore.Options{ReadOnly: true})
		if err != nil {
			return nil, err
		}
		err = errors.Join(view.EachDocument(func(customer string, doc []byte) error {
			docs[customer] = string(doc)
			return nil
		}), view.Close())
		if err != nil {
			return nil, err
		}
	}
	return docs, nil
}

// cleaned waits until the broker has compacted the journal, kills the engine, deletes its data, and starts it again.
func (f *fire) cleaned(ctx context.Context, l *life) (*life, error) {
	for end := time.Now().Add(2 * time.Minute); ; {
		if err := f.pause(ctx, 3*time.Second); err != nil {
			return nil, err
		}
		records, offsets, err := f.journalSize(ctx, f.app)
		if err != nil {
			return nil, err
		}
		if offsets > 20_000 && records*2 < offsets {
			fmt.Printf("journal: %d records are left of %d\n", records, offsets)
			break
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("the broker does not clean the journal: %d records are left of %d", records, offsets)
		}
	}
	if err := l.process.Kill(); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(l.process.Member.Data); err != nil {
		return nil, err
	}
	f.over(l, "killed, the journal cleaned, its data deleted")
	if err := f.settled(ctx); err != nil {
		return nil, err
	}
	return f.live(ctx, l.process.Member, true)
}
