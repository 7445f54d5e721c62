package filestore

import "sync"

// A group lets calls that happen at the same time share one run of something
// costly.
type group struct {
	mu   sync.Mutex // protects the rest
	last *round     // that began, nil before the first
	next *round     // that has not begun, nil when none waits
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
	last := g.last
	g.mu.Unlock()

	if last != nil {
		<-last.done
	}
	g.mu.Lock()
	g.last, g.next = r, nil
	g.mu.Unlock()
	r.err = f()
	close(r.done)
	return r.err
}
