package audit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Topics says where an engine read and wrote.
type Topics struct {
	Brokers string // host:port, with commas
	Source  string
	Actions string
	Letters string // "" when the dead letters are not looked at
}

// ReadAll gives the audit everything that the topics hold now: each to the end that it has when its reading begins.
func (a *Audit) ReadAll(ctx context.Context, t Topics) error {
	for _, step := range []struct {
		topic string
		each  func(Record)
	}{{t.Source, a.Event}, {t.Actions, a.Action}, {t.Letters, a.Letter}} {
		if step.topic == "" {
			continue
		}
		if err := EachRecord(ctx, t.Brokers, step.topic, func(r *kgo.Record) {
			step.each(Record{Partition: r.Partition, Offset: r.Offset, Appended: r.Timestamp.UnixMilli(), Key: r.Key, Value: r.Value, Headers: headers(r)})
		}); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
	}
	return nil
}

func headers(r *kgo.Record) map[string]string {
	if len(r.Headers) == 0 {
		return nil
	}
	m := make(map[string]string, len(r.Headers))
	for _, h := range r.Headers {
		m[h.Key] = string(h.Value)
	}
	return m
}

// EachRecord gives every record of a topic from its beginning to the end that it has now, each partition in order.
func EachRecord(ctx context.Context, brokers, topic string, each func(*kgo.Record)) error {
	err := eachRecord(ctx, brokers, topic, each)
	if err != nil {
		return fmt.Errorf("read %s: %w", topic, err)
	}
	return nil
}

func eachRecord(ctx context.Context, brokers, topic string, each func(*kgo.Record)) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...), kgo.FetchMaxWait(200*time.Millisecond), kgo.KeepControlRecords())
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return err
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return err
	}
	left := map[int32]int64{} // the end of each partition not yet read
	from := map[int32]kgo.Offset{}
	ends.Each(func(o kadm.ListedOffset) {
		start, _ := starts.Lookup(topic, o.Partition)
		if o.Offset > start.Offset {
			left[o.Partition] = o.Offset
			from[o.Partition] = kgo.NewOffset().At(start.Offset)
		}
	})
	cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: from})
	idle := time.Now()
	for len(left) > 0 {
		poll, cancel := context.WithTimeout(ctx, time.Second)
		fetches := cl.PollFetches(poll)
		cancel()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			idle = time.Now()
			if end, ok := left[r.Partition]; ok && r.Offset < end {
				each(r)
				if r.Offset == end-1 {
					delete(left, r.Partition)
				}
			}
		})
		if time.Since(idle) > 5*time.Second {
			return fmt.Errorf("nothing came for 5 s, partitions to be read up to these offsets are left: %v", left)
		}
	}
	return nil
}
