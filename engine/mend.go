package engine

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"wend/statestore"
)

// Mending a view: whatever becomes of it, the journal is the truth and can make it again. So a view that fails never
// stops a shard for good. The shard is given up, for nothing may be decided from half a view, and begins again after a
// while: with what is on the disk, if only the disk failed, and with nothing, if that is damaged. Other shards go on.

// trouble is what a shard remembers of the failures of its view.
type trouble struct {
	count  int // in a row
	last   time.Time
	until  time.Time // the view is not opened before
	remove bool      // what there is goes before a view is opened
}

const (
	troubleOver = time.Minute // a failure so long after the last one is the first of a row
	troubleMost = 3           // a disk that fails so often in a row with one view may do better with another
)

// viewFailed tells errors of the view, which can be mended, from those that somebody has to look at.
func viewFailed(err error) bool {
	var v *statestore.Error
	return errors.Is(err, statestore.ErrDamaged) || errors.As(err, &v) && !errors.Is(err, statestore.ErrForeign)
}

// damagedView marks something in the view that can be read and is not what belongs there.
func damagedView(err error) error { return fmt.Errorf("%w: %w", statestore.ErrDamaged, err) }

// mend gives the shard up for what became of its view, and has it begin again later.
func (s *shard) mend(err error) {
	t := &s.trouble
	if s.now.Sub(t.last) > troubleOver {
		t.count = 0
	}
	t.count++
	wait := backoff(t.count)
	t.last, t.until = s.now, s.now.Add(wait)
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) // a new view needs as much room
	t.remove = t.remove || errors.Is(err, statestore.ErrDamaged) || t.count%troubleMost == 0 && !full
	_ = s.shut() // what failed is known
	s.listener.ViewFailed(s.id, ViewFailure{Dir: s.dir, Err: err, Removed: t.remove, Wait: wait})
	if s.phase == phaseStandby {
		s.standDown()
		s.standBy(s.now)
		return
	}
	s.drop("its view failed")
}

// shut closes the view, if it is open.
func (s *shard) shut() error {
	if s.view == nil {
		return nil
	}
	s.viewBatch.Close()
	err := s.view.Close()
	s.view, s.viewBatch = nil, nil
	return err
}

// ready opens the view, as soon as it may be opened, then goes on.
func (c *claim) ready(then func()) {
	s := c.shard
	if s.now.Before(s.trouble.until) {
		c.retryAt, c.retry = s.trouble.until, func() { c.ready(then) }
		return
	}
	if err := c.openView(); err != nil {
		s.fail(err)
		return
	}
	c.from = c.tail.position
	then()
}

func (c *claim) openView() (err error) {
	s := c.shard
	if s.view == nil {
		if s.trouble.remove {
			if err := s.views.destroy(s.dir); err != nil {
				return fmt.Errorf("engine: remove the view of shard %d: %w", s.id, err)
			}
			s.trouble.remove = false
		}
		if s.view, err = s.views.open(s.dir); err != nil {
			return fmt.Errorf("engine: open the view of shard %d: %w", s.id, err)
		}
		s.viewBatch = s.view.newBatch()
	}
	if c.tail, err = readTail(s.view); err != nil {
		return err
	}
	if c.tail.position == 0 {
		c.tail.begun, c.fresh, c.tail.indexed = s.now.UnixMilli(), s.now, s.running.name
	}
	return c.whose()
}

// wipe throws the view away and begins again with nothing.
func (c *claim) wipe() error {
	_ = c.shard.shut() // it goes anyway
	c.shard.trouble.remove = true
	return c.openView()
}

// viewOf says of which journal a view was made. It is the first thing that is written to one.
type viewOf struct {
	_msgpack  struct{} `msgpack:",as_array"` //nolint:unused // tells the codec to write an array
	Topic     string
	Partition int32
	TopicID   [16]byte
	ClusterID string
}

const metaViewOf = "of"

// whose holds the view against the journal that it is to follow. A directory that was copied or renamed would be taken
// for the shard's, with the customers of another: offsets alone do not tell.
func (c *claim) whose() error {
	s := c.shard
	raw, ok, err := s.view.Meta(metaViewOf)
	if err != nil {
		return fmt.Errorf("engine: whose the view of shard %d is: %w", s.id, err)
	}
	ours := viewOf{Topic: s.journal.Topic, Partition: s.journal.Partition, TopicID: s.journalID, ClusterID: s.clusterID}
	if !ok && c.tail.position == 0 {
		raw, err := msgpack.Marshal(&ours)
		if err != nil {
			return fmt.Errorf("engine: shard %d: %w", s.id, err)
		}
		s.viewBatch.Reset()
		s.viewBatch.PutMeta(metaViewOf, raw)
		if err := s.viewBatch.Apply(); err != nil {
			return fmt.Errorf("engine: write the view of shard %d: %w", s.id, err)
		}
		return nil
	}
	var of viewOf
	if !ok {
		return damagedView(fmt.Errorf("engine: the view in %s does not say whose it is", s.dir))
	}
	if err := msgpack.Unmarshal(raw, &of); err != nil {
		return damagedView(fmt.Errorf("engine: whose the view in %s is: %w", s.dir, err))
	}
	switch {
	case of.Topic != ours.Topic || of.Partition != ours.Partition:
		return damagedView(fmt.Errorf("engine: the view in %s is of %s/%d, not of %s/%d: was the directory copied or renamed?", s.dir, of.Topic, of.Partition, ours.Topic, ours.Partition))
	case differ(of.TopicID, ours.TopicID) || of.ClusterID != "" && ours.ClusterID != "" && of.ClusterID != ours.ClusterID:
		return fmt.Errorf("engine: the view in %s was made of another topic %s: it was deleted and made again, or this is another cluster (now %s, then %s); "+
			"if this journal is the right one, delete the directory", s.dir, of.Topic, ours.ClusterID, of.ClusterID)
	}
	return nil
}
