package engine

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/engine/journey"
	"wend/schemas"
)

// Census is who is inside which journey, as the journals have it.
type Census struct {
	Customers int64            // of whom anything is known
	Inside    map[Place]int64  // enrollments, by where they stand
	Releases  map[uint64]int32 // shards, by the release that they decide by
	Shards    int32            // also those that have no head yet
}

// Place is where an enrollment stands.
type Place struct {
	Journey string
	Version uint64
	Step    string // "": it has ended, and is remembered for its goal or for sends that were put off
}

// CensusOptions say who hears of a census while it is taken.
type CensusOptions struct {
	// Customer, if any, gets each customer's document, which may be changed, and nothing of which may be kept.
	Customer func(customer string, doc *schemas.Document) error
	// Progress, if any, hears how many journal records of how many were read.
	Progress func(read, of int64)
}

// TakeCensus reads the journals, each up to where it ended when this began. It needs no engine to run and asks none: what
// is in a journal is what holds, whoever works on it. It takes the time and the memory of reading one partition after
// another.
func TakeCensus(ctx context.Context, cluster connectors.Cluster, cfg *Config, o CensusOptions) (*Census, error) {
	found, err := describeTopics(ctx, cluster, []string{cfg.Journal})
	if err != nil {
		return nil, fmt.Errorf("who is inside: %w", err)
	}
	c := &Census{Inside: map[Place]int64{}, Releases: map[uint64]int32{}}
	if found[cfg.Journal] == nil { // nobody is inside anything
		return c, nil
	}
	c.Shards = int32(len(found[cfg.Journal].Partitions))
	type span struct {
		tp       connectors.TopicPartition
		from, to int64
	}
	var spans []span
	var read, of int64
	for p := range c.Shards {
		s := span{tp: connectors.TopicPartition{Topic: cfg.Journal, Partition: p}}
		if s.from, s.to, err = boundsOf(ctx, cluster, s.tp, connectors.Latest); err != nil {
			return nil, fmt.Errorf("who is inside: %s/%d: %w", s.tp.Topic, p, err)
		}
		of += s.to - s.from
		spans = append(spans, s)
	}
	for _, s := range spans {
		before := read
		err := c.shard(ctx, cluster, s.tp, s.from, s.to, &o, func(next int64) {
			if read = before + next - s.from; o.Progress != nil {
				o.Progress(read, of)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("who is inside: %w", err)
		}
	}
	return c, nil
}

func (c *Census) shard(ctx context.Context, cluster connectors.Cluster, tp connectors.TopicPartition, from, to int64, o *CensusOptions, progress func(int64)) error {
	documents := map[string][]byte{}
	var head []byte
	err := readPartition(ctx, cluster, tp, from, to, func(r *batch.Record) error {
		switch key := string(r.Key); {
		case key == string(keyHead):
			head = append(head[:0], r.Value...)
		case !strings.HasPrefix(key, string(keyDocument)):
		case r.Value == nil:
			delete(documents, key[len(keyDocument):])
		default:
			customer := key[len(keyDocument):]
			documents[customer] = append(documents[customer][:0], r.Value...)
		}
		return nil
	}, progress)
	if err != nil {
		return err
	}
	if len(head) > 0 {
		h, err := schemas.DecodeHead(head)
		if err != nil {
			return err
		}
		c.Releases[h.Release]++
	}
	for customer, raw := range documents {
		doc, err := schemas.DecodeDocument(raw)
		if err != nil {
			return fmt.Errorf("customer %q: %w", customer, err)
		}
		c.Customers++
		journey.Inside(doc, func(s journey.Standing) { c.Inside[Place{s.Journey, s.Version, s.Step}]++ })
		if o.Customer != nil {
			if err := o.Customer(customer, doc); err != nil {
				return err
			}
		}
	}
	return nil
}

// count gives how many are in a version, also those who have ended and are remembered.
func (c *Census) count(name string, version uint64) (n int64) {
	if c == nil {
		return 0
	}
	for p, k := range c.Inside {
		if p.Journey == name && p.Version == version {
			n += k
		}
	}
	return n
}

// upTo gives how many are in a version or an older one.
func (c *Census) upTo(name string, version uint64) (n int64) {
	for p, k := range c.Inside {
		if p.Journey == name && p.Version <= version {
			n += k
		}
	}
	return n
}

// Running gives how many enrollments of a version stand at a step.
func (c *Census) Running(name string, version uint64) (n int64) {
	for p, k := range c.Inside {
		if p.Journey == name && p.Version == version && p.Step != "" {
			n += k
		}
	}
	return n
}

// complete says that the census tells of all who can ever be in versions that are older than those of a release: no shard
// decides by one from before it, by which such a version might still be entered.
func (c *Census) complete(release uint64) bool {
	return c != nil && c.Shards > 0 && c.Releases[release] == c.Shards
}

func compareVersions(a string, av uint64, b string, bv uint64) int {
	return cmp.Or(strings.Compare(a, b), cmp.Compare(av, bv))
}
