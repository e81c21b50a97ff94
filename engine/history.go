package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
)

// HistoryOptions say whose history is read, and who hears of it.
type HistoryOptions struct {
	Customer string
	// Event gets each event of the customer, in the order of the source. Nothing of its memory may be kept.
	Event func(*schemas.Event)
	// Progress, if any, hears after each answer how many records of how many were read.
	Progress func(read, of int64)
}

// History is what was read.
type History struct {
	Records int64
	// Trimmed are the partitions of which the source no longer has the beginning: what came before is not known.
	Trimmed []int32
}

// ReadHistory reads the customer's events from the source topic, from where it begins to where it ended when this began.
// A shard decodes and judges records the same way, so what does not come here came to no shard either. It reads the one
// partition that the customer is on, or all where source.partitioner does not tell.
func ReadHistory(ctx context.Context, cluster connectors.Cluster, cfg *Config, o HistoryOptions) (History, error) {
	var h History
	decoder, err := schemas.NewDecoder(cfg.Source.Format)
	if err != nil {
		return h, fmt.Errorf("read %s: %w", cfg.Source.Topic, err)
	}
	if err := FindSource(ctx, cluster, cfg); err != nil {
		return h, err
	}
	found, err := describeTopics(ctx, cluster, []string{cfg.Source.Topic})
	if err != nil {
		return h, fmt.Errorf("read %s: %w", cfg.Source.Topic, err)
	}
	if found[cfg.Source.Topic] == nil {
		return h, fmt.Errorf("read %s: %w", cfg.Source.Topic, connectors.UnknownTopicOrPartition)
	}
	partitions := int32(len(found[cfg.Source.Topic].Partitions))
	place := partitioner(cfg.Source.Partitioner, partitions)
	var parts []historyPart
	var of int64
	for p := range partitions {
		if place != nil && place([]byte(o.Customer)) != p {
			continue
		}
		part := historyPart{tp: connectors.TopicPartition{Topic: cfg.Source.Topic, Partition: p}}
		if part.next, part.end, err = boundsOf(ctx, cluster, part.tp, connectors.LatestStable); err != nil {
			return h, fmt.Errorf("read %s/%d: %w", part.tp.Topic, p, err)
		}
		if part.next > 0 {
			h.Trimmed = append(h.Trimmed, p)
		}
		of += max(0, part.end-part.next)
		parts = append(parts, part)
	}
	for i := range parts {
		part := &parts[i]
		for part.next < part.end {
			before := part.next
			if err := part.fetch(ctx, cluster, decoder, &o); err != nil {
				return h, fmt.Errorf("read %s/%d at offset %d: %w", part.tp.Topic, part.tp.Partition, part.next, err)
			}
			h.Records += min(part.next, part.end) - before
			if o.Progress != nil {
				o.Progress(h.Records, of)
			}
		}
	}
	return h, nil
}

// historyPart is a partition that is read from next to end.
type historyPart struct {
	tp        connectors.TopicPartition
	next, end int64
	tries     int
}

// historyTries is how often a fetch that fails is asked again, as while a leader changes.
const historyTries = 5

func (p *historyPart) fetch(ctx context.Context, cluster connectors.Cluster, decoder *schemas.Decoder, o *HistoryOptions) error {
	answer, err := fetchOnce(ctx, cluster, p.tp, p.next, true)
	if err == nil {
		before := p.next
		err = p.read(&answer, decoder, o)
		answer.Release()
		if err != nil {
			return err // the same bytes would come again
		}
		if p.next > before {
			p.tries = 0
			return nil
		}
		err = errNothingGiven
	}
	if p.tries++; p.tries >= historyTries || ctx.Err() != nil {
		return err
	}
	return sleep(ctx, time.Duration(p.tries)*200*time.Millisecond)
}

func (p *historyPart) read(a *connectors.Fetched, decoder *schemas.Decoder, o *HistoryOptions) error {
	var r batch.Reader
	r.Reset(a.Batches, p.next, a.Aborted)
	var ev schemas.Event
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			p.next = max(p.next, r.NextOffset())
			return nil
		}
		if err != nil {
			return err
		}
		if rec.Offset >= p.end {
			p.next = p.end
			return nil
		}
		from := schemas.Origin{Topic: p.tp.Topic, Partition: p.tp.Partition, Offset: rec.Offset, Timestamp: rec.Timestamp}
		if decoder.Decode(rec.Value, from, &ev) == nil && ev.Customer == o.Customer {
			o.Event(&ev)
		}
	}
}
