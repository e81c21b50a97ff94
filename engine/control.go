package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"wend/connectors"
	"wend/connectors/batch"
	"wend/schemas"
)

// controlTopic is APP.control: one partition, compacted, with a kind and a name as keys: see schemas.ControlKey.
func controlTopic(app string) connectors.TopicPartition {
	return connectors.TopicPartition{Topic: app + ".control"}
}

// command is a record of APP.control.
type command struct {
	offset int64
	key    string
	value  []byte // nil: what stood under the key is over
	stamp  int64  // of the record, ms
}

// commands is what a shard hears of APP.control.
type commands struct {
	list    []command // in order; those of releases are not among them
	next    int64     // everything below that counts was told
	running *running  // what holds below next; nil: what the shard was made with
}

// control reads APP.control for all shards of a process, from its beginning and by one long poll, and keeps what counts:
// of each key the newest, as compaction would. A shard that begins later hears what its head does not know.
type control struct {
	ctx    context.Context
	topic  string
	read   func(from int64) (connectors.Fetched, error) // waits for records
	offset func(at int64) (int64, error)
	append func(key string, value []byte) error
	ticks  func() bool // whether it is for this process to append ticks
	retry  func(err error, tries int)
	heard  func([]command) // besides the shards
	// program makes of what was read what shards decide by; an error that is no *releaseError may be over some time.
	program func(*releases) (*running, error)
	failed  func(error)

	// for run alone
	newest   command // read
	releases releases
	stale    bool // running is not of releases

	mu struct {
		sync.Mutex
		commands
		whole bool // read to where it ended after the start
		feeds map[int32]*controlFeed
	}
}

type controlFeed struct {
	next    int64
	deliver func(commands)
}

// controlWait is how long a poll of APP.control waits for records: commands are rare, and wake it.
const controlWait = 10 * time.Second

// tickAfter is how long a forget command may be the newest record of APP.control. Kafka compacts no segment that it still
// writes to, and closes one only when it writes: without another record the customer's id would stay in it for ever.
const tickAfter = time.Hour

// from has the shard told of all commands from an offset on; a negative one ends it. deliver must return at once.
func (c *control) from(shard int32, offset int64, deliver func(commands)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.feeds == nil {
		c.mu.feeds = map[int32]*controlFeed{}
	}
	if offset < 0 {
		delete(c.mu.feeds, shard)
		return
	}
	f := &controlFeed{offset, deliver}
	c.mu.feeds[shard] = f
	if c.mu.whole {
		f.tell(&c.mu.commands)
	}
}

func (f *controlFeed) tell(all *commands) {
	i, _ := slices.BinarySearchFunc(all.list, f.next, func(c command, at int64) int { return int(c.offset - at) })
	f.next = max(f.next, all.next)
	f.deliver(commands{slices.Clone(all.list[i:]), all.next, all.running})
}

// run reads until ctx ends.
func (c *control) run() {
	tries := 0
	end := int64(-1) // of the topic when this began
	for c.ctx.Err() == nil {
		err := error(nil)
		if end < 0 {
			end, err = c.offset(connectors.Latest)
		}
		if err == nil {
			err = c.step(end)
		}
		if err == nil {
			tries = 0
			continue
		}
		if c.ctx.Err() != nil {
			return
		}
		tries++
		c.retry(err, tries)
		_ = sleep(c.ctx, backoff(tries)) // the loop's condition looks
	}
}

// step reads once.
func (c *control) step(end int64) error {
	c.mu.Lock()
	from, whole := c.mu.next, c.mu.whole
	c.mu.Unlock()
	if !whole && from >= end {
		return c.take(nil, from, true)
	}
	f, err := c.read(from)
	defer f.Release()
	if err == nil && f.Code != connectors.OK {
		err = f.Code
	}
	if f.Code == connectors.OffsetOutOfRange {
		return c.restart(from)
	}
	if err != nil {
		return err
	}
	fresh, next, err := readCommands(f.Batches, from)
	if err != nil {
		return err
	}
	if !whole && next == from {
		return errors.New("no whole batch in the answer")
	}
	if len(fresh) > 0 {
		c.newest = fresh[len(fresh)-1]
	}
	if err := c.take(fresh, next, whole || next >= end); err != nil {
		return err
	}
	return c.tick()
}

// readCommands reads the records of an answer that begins at an offset.
func readCommands(raw []byte, from int64) (list []command, next int64, err error) {
	var r batch.Reader
	r.Reset(raw, from, nil)
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list, max(from, r.NextOffset()), nil
		}
		if err != nil {
			return nil, from, err
		}
		c := commandOf(rec)
		c.stamp = r.Info().MaxTimestamp
		list = append(list, c)
	}
}

// commandOf gives a record as a command with memory of its own.
func commandOf(rec *batch.Record) command {
	return command{rec.Offset, string(rec.Key), bytes.Clone(rec.Value), rec.Timestamp}
}

// restart goes on where the topic begins: what comes next here is not in it.
func (c *control) restart(from int64) error {
	earliest, err := c.offset(connectors.Earliest)
	if err != nil {
		return err
	}
	if earliest == from {
		return connectors.OffsetOutOfRange
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if earliest < from { // it was made again; the shards' heads know more than there is, and say so
		c.mu.list = nil
		c.mu.whole = false
		c.releases = releases{}
	}
	c.mu.next = earliest
	return nil
}

// take adds what was read, and tells the shards once everything is. When it fails, nothing was told, and the same is taken
// again.
func (c *control) take(fresh []command, next int64, whole bool) error {
	var orders []command
	for i := range fresh {
		ours, err := c.releases.take(&fresh[i])
		if err != nil {
			c.failed(fmt.Errorf("engine: %s of %s: %w: it needs a newer wend; start one here, or take the record away with a tombstone under its key", &fresh[i], c.topic, err))
			return err
		}
		if c.stale = c.stale || ours; !ours {
			orders = append(orders, fresh[i])
		}
	}
	running := c.mu.running // only this goroutine writes it
	if whole && (c.stale || running == nil) {
		var err error
		if running, err = c.program(&c.releases); err != nil {
			return err
		}
		c.stale = false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	first := whole && !c.mu.whole
	for _, x := range orders {
		c.mu.list = slices.DeleteFunc(c.mu.list, func(old command) bool { return old.key == x.key })
		if x.value == nil && schemas.ControlKind(x.key) == schemas.ControlForget {
			continue // every shard has done it
		}
		c.mu.list = append(c.mu.list, x)
	}
	moved := next != c.mu.next
	c.mu.next, c.mu.whole, c.mu.running = next, whole, running
	if !whole || !moved && !first {
		return nil
	}
	for _, f := range c.mu.feeds {
		f.tell(&c.mu.commands)
	}
	if first {
		orders = c.mu.list
	}
	c.heard(slices.Clone(orders))
	return nil
}

// tick appends a record that means nothing where that lets Kafka compact a forget command away.
func (c *control) tick() error {
	if schemas.ControlKind(c.newest.key) != schemas.ControlForget || time.Since(time.UnixMilli(c.newest.stamp)) < tickAfter || !c.ticks() {
		return nil
	}
	return c.append(schemas.ControlTick, []byte("{}"))
}

// forgets gives the customer that a command erases, if it does.
func (c *command) forgets() (customer string, ok bool) {
	if c.value == nil || schemas.ControlKind(c.key) != schemas.ControlForget {
		return "", false
	}
	f, err := schemas.DecodeForget(c.value)
	if err != nil {
		return "", false // a shard says what is wrong
	}
	return strings.Clone(f.Customer), true
}

// String tells a command by its key, never by its value.
func (c *command) String() string { return fmt.Sprintf("%s at offset %d", c.key, c.offset) }
