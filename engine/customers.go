package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wend/connectors"
)

// UnknownCustomerError says that nothing is known of a customer.
type UnknownCustomerError struct {
	Customer string
	Shards   []int32 // that were asked, in order
	Whole    bool    // nobody else can know more
}

func (e *UnknownCustomerError) Error() string {
	text := fmt.Sprintf("nothing is known of customer %q on %s: no event of theirs was handled, or they were forgotten. Ids are compared to the letter", e.Customer, shardsText(e.Shards))
	if !e.Whole {
		text += "; source.partitioner is none, so another instance may know them: ask each"
	}
	return text
}

func shardsText(shards []int32) string {
	if len(shards) == 0 {
		return "no shard"
	}
	parts := make([]string, len(shards))
	for i, s := range shards {
		parts[i] = fmt.Sprint(s)
	}
	if len(parts) == 1 {
		return "shard " + parts[0]
	}
	return "shards " + strings.Join(parts, ", ")
}

// ElsewhereError says that a customer is another instance's.
type ElsewhereError struct {
	Customer string
	Shard    int32
	Instance string // "" where it is not known, as while the group hands out shards
	Host     string // of it, as the brokers see it; "" where that is not known
	Err      error  // why not, if asking failed
}

func (e *ElsewhereError) Error() string {
	text := fmt.Sprintf("customer %q is on shard %d, which ", e.Customer, e.Shard)
	switch {
	case e.Instance != "":
		return text + fmt.Sprintf("instance %s on %s works on: ask its http", e.Instance, e.Host)
	case e.Err != nil:
		return text + fmt.Sprintf("another instance works on; who that is the group does not say (%v): ask each instance, or use `wend explain`, which reads the journal", e.Err)
	}
	return text + "no instance has at the moment: ask again"
}

func (e *ElsewhereError) Unwrap() error { return e.Err }

// BusyError says that a shard is not at work yet, or any more: soon it is, here or elsewhere.
type BusyError struct {
	Customer string
	Shard    int32
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("shard %d, on which customer %q is, is being taken up: ask again in a moment", e.Shard, e.Customer)
}

// Customer says what is known of a customer, as the journal has it by now. It asks the shard that works on the customer, and
// waits no longer than ctx. The error is an *UnknownCustomerError, *ElsewhereError or *BusyError where it is one of the
// asker's concern. It may be called from any goroutine while Run goes on.
func (e *Engine) Customer(ctx context.Context, customer string) (*CustomerState, error) {
	e.mu.Lock()
	owned := slices.Clone(e.mu.shards)
	e.mu.Unlock()
	slices.SortFunc(owned, func(a, b *runner) int { return int(a.shard.id - b.shard.id) })
	unknown := &UnknownCustomerError{Customer: customer, Whole: len(owned) == int(e.world.Partitions)}
	if place := partitioner(e.cfg.Source.Partitioner, e.world.Partitions); place != nil {
		shard := place([]byte(customer))
		at := slices.IndexFunc(owned, func(r *runner) bool { return r.shard.id == shard })
		if at < 0 {
			return nil, e.elsewhere(ctx, customer, shard)
		}
		owned, unknown.Whole = owned[at:at+1], true
	}
	var busy error
	for _, r := range owned {
		k, err := r.ask(ctx, customer)
		if errors.Is(err, errNotAtWork) {
			busy = &BusyError{customer, r.shard.id}
			continue
		}
		if err != nil {
			return nil, err
		}
		unknown.Shards = append(unknown.Shards, r.shard.id)
		doc, err := k.document()
		if err != nil {
			return nil, fmt.Errorf("engine: shard %d: customer %q: %w", k.shard, customer, err)
		}
		if doc == nil {
			continue
		}
		c := DescribeCustomer(k.running.program, customer, doc)
		c.App, c.Shard, c.Release = e.cfg.App, k.shard, k.running.release
		return c, nil
	}
	if busy != nil {
		return nil, busy
	}
	return nil, unknown
}

// elsewhere says who has a shard that is not ours. Only the group knows, so it is asked each time.
func (e *Engine) elsewhere(ctx context.Context, customer string, shard int32) error {
	x := &ElsewhereError{Customer: customer, Shard: shard}
	members, err := e.group.Members(ctx, e.cfg.App)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		x.Err = err
		return x
	}
	at := connectors.TopicPartition{Topic: e.cfg.Source.Topic, Partition: shard}
	for _, m := range members {
		if slices.Contains(m.Partitions, at) {
			x.Instance, x.Host = m.InstanceID, m.Host
			if x.Instance == "" {
				x.Instance = m.MemberID
			}
		}
	}
	e.mu.Lock()
	ours := e.mu.instance
	e.mu.Unlock()
	if x.Instance != "" && x.Instance == ours { // given to us, and we have not heard of it yet
		return &BusyError{customer, shard}
	}
	return x
}
