package engine

import "unsafe"

// simMemory is where the bytes of a schedule lie: batches, documents, texts. Schedules run one after another in the same
// memory; within one, nothing is used again, so whoever holds on to bytes longer than it may is seen as with the heap.
// A nil one is the heap.
type simMemory struct {
	blocks [][]byte // none is given back
	used   int      // blocks
	free   []byte   // of the last one used

	logs     []*simLog
	logsUsed int
	changes  []mapChanges // empty
}

// simBlockBytes is larger than anything that a schedule holds in one piece.
const simBlockBytes = 256 << 10

// reset makes all of it free.
func (m *simMemory) reset() { m.used, m.free, m.logsUsed = 0, nil, 0 }

// room gives an empty piece that takes n bytes, and no more in place.
func (m *simMemory) room(n int) []byte {
	if m == nil || n > simBlockBytes {
		return make([]byte, 0, n)
	}
	if n > len(m.free) || m.free == nil {
		if m.used == len(m.blocks) {
			m.blocks = append(m.blocks, make([]byte, simBlockBytes))
		}
		m.free = m.blocks[m.used]
		m.used++
	}
	piece := m.free[:0:n]
	m.free = m.free[n:]
	return piece
}

// copy gives bytes of the same content, never nil.
func (m *simMemory) copy(b []byte) []byte { return append(m.room(len(b)), b...) }

// log gives an empty log.
func (m *simMemory) log() *simLog {
	if m == nil {
		return new(simLog)
	}
	if m.logsUsed == len(m.logs) {
		m.logs = append(m.logs, new(simLog))
	}
	l := m.logs[m.logsUsed]
	m.logsUsed++
	*l = simLog{batches: l.batches[:0], states: l.states[:0]}
	return l
}

// batch gives an empty batch of changes, and leave takes one back of which nothing is needed any more.
func (m *simMemory) batch() (c mapChanges) {
	if m != nil && len(m.changes) > 0 {
		last := len(m.changes) - 1
		c, m.changes = m.changes[last], m.changes[:last]
	}
	return c
}

func (m *simMemory) leave(c *mapChanges) {
	if m != nil {
		m.changes = append(m.changes, c.empty())
	}
}

// text is copy for texts.
func (m *simMemory) text(b []byte) string {
	if m == nil {
		return string(b)
	}
	own := m.copy(b)
	return unsafe.String(unsafe.SliceData(own), len(own))
}
