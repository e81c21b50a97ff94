package delivery

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"
	"time"

	"wend/connectors"
)

// consumer is one member of a group that shares out the partitions of one topic.
//
// It is the classic protocol in its simplest form: who hears that the group gathers anew first finishes what it has in
// hand and commits it, then joins. So a partition changes hands behind everything that was answered. Within one
// generation there is a fetch loop per broker, and a heart that beats beside them; when the generation is over, all
// have ended before the next begins.
type consumer struct {
	cluster   connectors.Cluster
	group     connectors.Group
	committed func(ctx context.Context, group, topic string, partitions []int32) (map[int32]int64, error)
	topic     string
	who       connectors.Membership
	session   time.Duration
	listener  *Listener
	handle    func(ctx context.Context, f *connectors.Fetched, from int64) (next int64, err error)
}

// fatal is an error after which nothing may be tried any more.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// run works until ctx ends (nil) or something fails for good.
func (c *consumer) run(ctx context.Context) error {
	for n := 0; ctx.Err() == nil; {
		err := c.generation(ctx, func() { n = 0 })
		var f fatal
		if errors.As(err, &f) {
			return f.error
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		n++
		wait := min(backoff(n), 5*time.Second)
		c.listener.retrying("consume "+c.topic, err, wait)
		_ = sleep(ctx, wait) // the loop's condition looks
	}
	if c.who.InstanceID == "" && c.who.MemberID != "" {
		leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = c.group.Leave(leaving, c.who) // without it the others wait until the session is over
	}
	return nil
}

// generation joins and works until the group gathers anew (nil) or there is trouble.
func (c *consumer) generation(ctx context.Context, settled func()) error {
	topic, err := c.describe(ctx)
	if err != nil {
		return err
	}
	partitions, err := c.join(ctx, topic)
	if err != nil {
		switch {
		case errors.Is(err, connectors.UnknownMemberID), errors.Is(err, connectors.IllegalGeneration):
			c.who.MemberID, c.who.Generation = "", -1
		case errors.Is(err, connectors.RebalanceInProgress):
			return nil
		case errors.Is(err, connectors.FencedInstanceID):
			c.who.MemberID, c.who.Generation = "", -1
		}
		return err
	}
	settled()
	c.listener.assigned(c.topic, partitions)
	positions, err := c.positions(ctx, partitions)
	if err != nil {
		return err
	}

	over, end := context.WithCancelCause(ctx)
	defer end(nil)
	var loops sync.WaitGroup
	loops.Go(func() { end(c.heart(over)) })
	for broker, of := range byLeader(topic, positions) {
		loops.Go(func() {
			if err := c.fetch(over, broker, of); err != nil {
				end(err)
			}
		})
	}
	loops.Go(func() { end(c.watch(over, topic)) })
	loops.Wait()
	err = context.Cause(over)
	switch {
	case ctx.Err() != nil, errors.Is(err, errGathering):
		return nil
	case errors.Is(err, connectors.UnknownMemberID), errors.Is(err, connectors.IllegalGeneration), errors.Is(err, connectors.FencedInstanceID):
		c.who.MemberID, c.who.Generation = "", -1
	}
	return err
}

// errGathering ends a generation: the members join anew.
var errGathering = errors.New("the group gathers anew")

// join makes the consumer a member of the next generation and gives its partitions.
func (c *consumer) join(ctx context.Context, topic *connectors.Topic) ([]int32, error) {
	req := &connectors.JoinRequest{
		Membership: c.who, SessionTimeout: c.session, RebalanceTimeout: max(c.session, 30*time.Second), Topics: []string{c.topic},
		// The number of partitions: when it changes, so does the subscription, and the group gathers.
		UserData: fmt.Appendf(nil, "%d", len(topic.Partitions)),
	}
	joined, err := c.group.Join(ctx, req)
	if errors.Is(err, connectors.MemberIDRequired) && joined != nil {
		req.MemberID = joined.MemberID
		joined, err = c.group.Join(ctx, req)
	}
	if err != nil {
		return nil, err
	}
	c.who.MemberID, c.who.Generation = joined.MemberID, joined.Generation
	sync := &connectors.SyncRequest{Membership: c.who, Timeout: req.RebalanceTimeout}
	if joined.Leader {
		sync.Assignments = share(c.topic, len(topic.Partitions), joined.Members)
	}
	a, err := c.group.Sync(ctx, sync)
	if err != nil {
		return nil, err
	}
	var partitions []int32
	for _, tp := range a.Partitions {
		if tp.Topic == c.topic && int(tp.Partition) < len(topic.Partitions) {
			partitions = append(partitions, tp.Partition)
		}
	}
	return partitions, nil
}

// share gives each member as many partitions as the next, in order of who has been named longest: by instance, else by id.
func share(topic string, partitions int, members []connectors.GroupMember) map[string]connectors.Assignment {
	members = append([]connectors.GroupMember(nil), members...)
	name := func(m connectors.GroupMember) string { return m.InstanceID + "\x00" + m.MemberID }
	sort.Slice(members, func(i, j int) bool { return name(members[i]) < name(members[j]) })
	out := map[string]connectors.Assignment{}
	for i, m := range members {
		var a connectors.Assignment
		for p := i * partitions / len(members); p < (i+1)*partitions/len(members); p++ {
			a.Partitions = append(a.Partitions, connectors.TopicPartition{Topic: topic, Partition: int32(p)})
		}
		out[m.MemberID] = a
	}
	return out
}

func (c *consumer) describe(ctx context.Context) (*connectors.Topic, error) {
	m, err := c.cluster.Metadata(ctx, c.topic)
	if err != nil {
		return nil, err
	}
	for i := range m.Topics {
		t := &m.Topics[i]
		if t.Name != c.topic {
			continue
		}
		if t.Code != connectors.OK {
			return nil, fmt.Errorf("topic %s: %w: `wend run` or `wend topics` creates it", c.topic, connectors.Denied(t.Code, "Describe", connectors.TopicResource, c.topic))
		}
		for _, p := range t.Partitions {
			if p.Leader < 0 {
				return nil, fmt.Errorf("topic %s partition %d: %w", c.topic, p.ID, connectors.LeaderNotAvailable)
			}
		}
		return t, nil
	}
	return nil, fmt.Errorf("topic %s: %w", c.topic, connectors.UnknownTopicOrPartition)
}

// positions says where each partition goes on: where the group stands, else at the beginning.
func (c *consumer) positions(ctx context.Context, partitions []int32) ([]connectors.Position, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	offsets, err := c.committed(ctx, c.who.Group, c.topic, partitions)
	if err != nil {
		return nil, err
	}
	var out []connectors.Position
	for _, p := range partitions {
		tp := connectors.TopicPartition{Topic: c.topic, Partition: p}
		at := offsets[p]
		if at < 0 {
			if at, _, err = c.cluster.ListOffset(ctx, tp, connectors.Earliest); err != nil {
				return nil, err
			}
		}
		out = append(out, connectors.Position{TopicPartition: tp, Offset: at, LeaderEpoch: -1})
	}
	return out, nil
}

func byLeader(topic *connectors.Topic, positions []connectors.Position) map[int32][]connectors.Position {
	out := map[int32][]connectors.Position{}
	for _, p := range positions {
		leader := topic.Partitions[p.Partition].Leader
		out[leader] = append(out[leader], p)
	}
	return out
}

// heart beats until the generation is over; the error says why it is.
func (c *consumer) heart(ctx context.Context) error {
	for {
		if err := sleep(ctx, c.session/10); err != nil {
			return nil
		}
		err := c.group.Heartbeat(ctx, c.who)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, connectors.RebalanceInProgress):
			return errGathering
		case errors.Is(err, connectors.UnknownMemberID), errors.Is(err, connectors.IllegalGeneration), errors.Is(err, connectors.FencedInstanceID):
			return err
		}
		// Anything else is a coordinator that is busy or out of reach: the next beat asks again. If the session runs out
		// meanwhile, that beat says so.
	}
}

// watch looks now and then whether the topic has other leaders or more partitions than when the generation began.
func (c *consumer) watch(ctx context.Context, began *connectors.Topic) error {
	for {
		if sleep(ctx, 30*time.Second) != nil {
			return nil
		}
		now, err := c.describe(ctx)
		if err != nil {
			continue // the fetches say what is wrong
		}
		same := len(now.Partitions) == len(began.Partitions)
		for i := 0; same && i < len(now.Partitions); i++ {
			same = now.Partitions[i].Leader == began.Partitions[i].Leader
		}
		if !same {
			return errGathering
		}
	}
}

// fetch reads the partitions that one broker leads, hands on what comes, and commits behind it.
func (c *consumer) fetch(ctx context.Context, broker int32, positions []connectors.Position) error {
	for ctx.Err() == nil {
		answers, err := c.cluster.Fetch(ctx, &connectors.FetchRequest{
			Broker: broker, Positions: positions, MaxWait: 5 * time.Second, MaxBytes: 4 << 20, PartitionMax: 1 << 20, ReadCommitted: true,
		})
		if err != nil {
			return err
		}
		var moved []connectors.Position
		var failed error
		for i := range answers {
			p := find(positions, answers[i].TopicPartition)
			if p == nil {
				continue
			}
			before := p.Offset
			failed = c.answered(ctx, p, &answers[i])
			answers[i].Release()
			if p.Offset != before {
				moved = append(moved, *p)
			}
			if failed != nil {
				break
			}
		}
		if len(moved) > 0 {
			// Also when the generation is over: what was answered is answered.
			committing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			err := c.cluster.CommitOffsets(committing, c.who.Group, c.who.Generation, c.who.MemberID, c.who.InstanceID, moved)
			cancel()
			failed = errors.Join(failed, err)
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

func find(positions []connectors.Position, tp connectors.TopicPartition) *connectors.Position {
	for i := range positions {
		if positions[i].TopicPartition == tp {
			return &positions[i]
		}
	}
	return nil
}

func (c *consumer) answered(ctx context.Context, p *connectors.Position, f *connectors.Fetched) error {
	switch f.Code {
	case connectors.OK:
	case connectors.OffsetOutOfRange:
		at, _, err := c.cluster.ListOffset(ctx, p.TopicPartition, connectors.Earliest)
		if err != nil {
			return err
		}
		if at == p.Offset {
			return fmt.Errorf("%s/%d at %d: %w", p.Topic, p.Partition, p.Offset, f.Code)
		}
		c.listener.gap(p.TopicPartition, p.Offset, at)
		p.Offset = at
		return nil
	default:
		return fmt.Errorf("%s/%d: %w", p.Topic, p.Partition, f.Problem())
	}
	if len(f.Batches) == 0 {
		return nil
	}
	next, err := c.handle(ctx, f, p.Offset)
	p.Offset = max(p.Offset, next)
	return err
}
