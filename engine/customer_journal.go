package engine

import (
	"context"
	"fmt"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
)

// ReadCustomer says what is known of a customer by the journal, as Engine.Customer does where an engine can be asked. It needs
// none: it reads the partition of the journal that the customer is on, or all where source.partitioner does not tell, up
// to where that ended when this began. The names are those of the release on APP.control, or of program where there is none.
// Nil: there is no journal; an *UnknownCustomerError: it has nothing of the customer. progress, if any, hears how many records of how many were read.
func ReadCustomer(ctx context.Context, cluster connectors.Cluster, cfg *Config, program *journey.Program, customer string, progress func(read, of int64)) (*CustomerState, error) {
	fail := func(err error) (*CustomerState, error) {
		return nil, fmt.Errorf("what the journal has of the customer: %w", err)
	}
	found, err := describeTopics(ctx, cluster, []string{cfg.Journal, controlTopic(cfg.App).Topic})
	if err != nil {
		return fail(err)
	}
	if found[cfg.Journal] == nil { // no engine has ever run
		return nil, nil
	}
	shards := int32(len(found[cfg.Journal].Partitions))
	place := partitioner(cfg.Source.Partitioner, shards)
	unknown := &UnknownCustomerError{Customer: customer, Whole: true}
	for p := range shards {
		if place != nil && place([]byte(customer)) != p {
			continue
		}
		doc, release, err := readCustomer(ctx, cluster, connectors.TopicPartition{Topic: cfg.Journal, Partition: p}, customer, progress)
		if err != nil {
			return fail(err)
		}
		if unknown.Shards = append(unknown.Shards, p); doc == nil {
			continue
		}
		if found[controlTopic(cfg.App).Topic] != nil {
			seen, err := readReleases(ctx, cluster, cfg.App)
			if err != nil {
				return fail(err)
			}
			if holds := seen.holding(); holds != nil {
				if program, err = holds.compile(seen.status); err != nil {
					return fail(err)
				}
			}
		}
		c := DescribeCustomer(program, customer, doc)
		c.App, c.Shard, c.Release = cfg.App, p, release
		return c, nil
	}
	return nil, unknown
}

// readCustomer reads the customer's newest document of a partition of the journal, nil where there is none, and by which
// release its shard decides.
func readCustomer(ctx context.Context, cluster connectors.Cluster, tp connectors.TopicPartition, customer string, progress func(read, of int64)) (doc *schemas.Document, release uint64, err error) {
	from, to, err := boundsOf(ctx, cluster, tp, connectors.Latest)
	if err != nil {
		return nil, 0, fmt.Errorf("%s/%d: %w", tp.Topic, tp.Partition, err)
	}
	key := string(keyDocument) + customer
	var raw, head []byte
	err = readPartition(ctx, cluster, tp, from, to, func(r *batch.Record) error {
		switch string(r.Key) {
		case string(keyHead):
			head = append(head[:0], r.Value...)
		case key:
			raw = append(raw[:0], r.Value...) // of a tombstone nothing
		}
		return nil
	}, func(next int64) {
		if progress != nil {
			progress(next-from, to-from)
		}
	})
	if err != nil || len(raw) == 0 {
		return nil, 0, err
	}
	if len(head) > 0 {
		h, err := schemas.DecodeHead(head)
		if err != nil {
			return nil, 0, fmt.Errorf("%s/%d: %w", tp.Topic, tp.Partition, err)
		}
		release = h.Release
	}
	doc, err = schemas.DecodeDocument(raw)
	if err != nil {
		return nil, 0, fmt.Errorf("%s/%d: customer %q: %w", tp.Topic, tp.Partition, customer, err)
	}
	return doc, release, nil
}
