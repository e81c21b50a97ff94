package engine

import "sync"

// mailbox brings answers to a shard's goroutine, in the order in which they were put. It is not bounded: who puts must
// never wait for a shard, and what can be under way is bounded by the protocol (one append, one batch a lane, a fetch
// answer while the backlog allows).
type mailbox struct {
	mu    sync.Mutex
	items []func()
	bell  chan struct{} // capacity 1: something is there
}

func newMailbox() *mailbox { return &mailbox{bell: make(chan struct{}, 1)} }

func (m *mailbox) put(f func()) {
	m.mu.Lock()
	m.items = append(m.items, f)
	m.mu.Unlock()
	select {
	case m.bell <- struct{}{}:
	default:
	}
}

// take gives everything there is; free is given back to hold what comes next.
func (m *mailbox) take(free []func()) []func() {
	clear(free)
	m.mu.Lock()
	defer m.mu.Unlock()
	items := m.items
	m.items = free[:0]
	return items
}
