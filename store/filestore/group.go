package filestore

import "sync"

// A group lets calls that happen at the same time share one run of something
// costly.
type group struct {
	turn sync.Mutex // held by the run that is under way
	mu   sync.Mutex // protects next
	next *round     // the run that has not begun, nil when none waits
}

// A round is one run, and all who wait for it.
type round struct {
	done chan struct{} // closed when err is set
	err  error
}

// do returns what a run of f gave that began after do was called. While one is
// under way, all newcomers wait for the one after it.
func (g *group) do(f func() error) error {
	g.mu.Lock()
	if r := g.next; r != nil {
		g.mu.Unlock()
		<-r.done
		return r.err
	}
	r := &round{done: make(chan struct{})}
	g.next = r
	g.mu.Unlock()

	g.turn.Lock()
	g.mu.Lock()
	g.next = nil
	g.mu.Unlock()
	r.err = f()
	g.turn.Unlock()
	close(r.done)
	return r.err
}
