package engine

import (
	"context"
	"sync"
	"time"
)

const (
	// MaxWorkers bounds how far a run that finds its own number of workers climbs.
	MaxWorkers = 64

	firstWorkers = 8
	paceTick     = 400 * time.Millisecond
	paceHold     = 2 * time.Second  // no step up so soon after a throttled request
	probeEvery   = 10 * time.Second // until a step that brought nothing is tried again
)

// A pace says how many workers of each kind may be at work. A fixed pace stays
// where it is; an elastic one climbs while that brings more bytes or objects a
// second, and halves when a store asks for less.
//
// Workers are numbered from 0. Worker i works while i is below the limit; to
// lower the limit stops nobody in the middle of a part.
type pace struct {
	max   int
	fixed bool

	mu      sync.Mutex
	limit   int           // guarded by mu
	halved  time.Time     // guarded by mu
	changed chan struct{} // guarded by mu; closed and replaced when limit grows
}

func newPace(workers int) *pace {
	p := &pace{max: workers, limit: workers, fixed: true, changed: make(chan struct{})}
	if workers <= 0 {
		p.max, p.limit, p.fixed = MaxWorkers, firstWorkers, false
	}
	return p
}

// admit waits until worker i may work, or over is closed and it may see for
// itself that nothing is left. It gives false when the run is cut off.
func (p *pace) admit(ctx context.Context, i int, over <-chan struct{}) bool {
	for {
		p.mu.Lock()
		limit, changed := p.limit, p.changed
		p.mu.Unlock()
		if i < limit {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-over:
			return ctx.Err() == nil
		case <-ctx.Done():
			return false
		}
	}
}

// current is the limit as it stands.
func (p *pace) current() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit
}

// throttled halves the limit, once for all the requests that a store refuses in
// one breath.
func (p *pace) throttled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fixed || time.Since(p.halved) < time.Second {
		return
	}
	p.limit, p.halved = max(1, p.limit/2), time.Now()
}

// set moves an elastic limit and lets new workers in.
func (p *pace) set(limit int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = min(p.max, limit)
	close(p.changed)
	p.changed = make(chan struct{})
}

// calm reports whether no store has asked for less lately.
func (p *pace) calm() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Since(p.halved) > paceHold
}

// A tally is what happened within one tick.
type tally struct{ bytes, objects int64 }

// beats asks for a tenth more, by bytes or by objects.
func (t tally) beats(old tally) bool {
	return t.bytes*10 > old.bytes*11 || t.objects*10 > old.objects*11
}

// steer moves the limit until ctx ends: up by half as long as each step
// brings more a second, back by that step when it does not, and then up again
// after a while, for lines and stores change.
func (p *pace) steer(ctx context.Context, c *Counters) {
	if p.fixed {
		return
	}
	tick := time.NewTicker(paceTick)
	defer tick.Stop()
	var sum, base tally
	var hold time.Time
	before := 0 // the limit before the step on trial; 0 when none is
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		total := tally{c.Moved.Load(), c.Objects()}
		got := tally{total.bytes - sum.bytes, total.objects - sum.objects}
		sum = total

		switch now := p.current(); {
		case !p.calm():
			before = 0
		case before != 0 && !got.beats(base):
			p.set(before)
			before, hold = 0, time.Now().Add(probeEvery)
		case now < p.max && (before != 0 || time.Now().After(hold)):
			p.set(now + max(1, now/2))
			before, base = now, got
		}
	}
}
