package engine

import (
	"context"
	"sync"
)

// rounds knows how many rows are on their way, and which of them must begin
// again. plan feeds every pending row once a round; when all of a round have
// ended and some must begin again, it goes through the journal once more. So an
// object whose upload was lost comes back by way of the journal, and nothing
// flows backwards.
type rounds struct {
	mu       sync.Mutex
	out      int            // rows fed and not ended; guarded by mu
	again    int            // rows of this round that begin again; guarded by mu
	restarts map[uint64]int // by object ID, of this run; guarded by mu
	idle     chan struct{}  // holds one token when out has fallen to 0
}

func newRounds() *rounds {
	return &rounds{restarts: map[uint64]int{}, idle: make(chan struct{}, 1)}
}

// begin counts a row as on its way.
func (r *rounds) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out++
}

// end counts a row as ended, whether settled or left for the next run.
func (r *rounds) end(s Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s == Again {
		r.again++
	}
	if r.out--; r.out == 0 {
		select {
		case r.idle <- struct{}{}:
		default:
		}
	}
}

// mayRestart counts a restart of object id and reports whether it is still within bounds.
func (r *rounds) mayRestart(id uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restarts[id]++
	return r.restarts[id] <= maxRestarts
}

// wait waits until no row is on its way and reports whether there is another
// round to go. It gives false when ctx ends first.
func (r *rounds) wait(ctx context.Context) bool {
	for {
		r.mu.Lock()
		out, more := r.out, r.again > 0
		if out == 0 {
			r.again = 0
		}
		r.mu.Unlock()
		if out == 0 {
			return more
		}
		select {
		case <-r.idle:
		case <-ctx.Done():
			return false
		}
	}
}
