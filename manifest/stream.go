package manifest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
)

// OpenStream opens the job of a stream, rows that come from a pipe or a listing
// while the copying goes on already, or creates it. After Start, Load reads the
// rows beside the run; until it ends, Pending waits for it. The caller closes
// the job.
func OpenStream(ctx context.Context, path string, list List, o Options) (*Job, error) {
	l, err := acquire(path, o.Command)
	if err != nil {
		return nil, fmt.Errorf("open job: %w", err)
	}
	j, err := openStream(ctx, path, list, l, o)
	if err != nil {
		l.release()
		return nil, fmt.Errorf("open job: %w", err)
	}
	return j, nil
}

func openStream(ctx context.Context, path string, list List, l *lock, o Options) (*Job, error) {
	created := false
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		b, err := newBuilder(path, header{
			List: list.Path, Stream: true, Destination: list.Destination, Rules: list.Rules, Settings: o.Settings,
		})
		if err != nil {
			return nil, err
		}
		if err := b.place(); err != nil {
			return nil, err
		}
		created = true
	}
	j, err := openLocked(ctx, path, l, o)
	if err != nil {
		return nil, err
	}
	if err := j.belongsTo(list, true); err != nil {
		j.lock = nil // stays the caller's
		return nil, errors.Join(err, j.Close())
	}
	j.change.Created = created
	s := j.sums.Load()
	j.stream = &reading{list: list, known: s.Last, batch: indexRun, seen: newBitset(s.Last), changed: make(chan struct{})}
	return j, nil
}

// A reading is one going through of a stream. Rows of an earlier reading are
// known; they are given out as this one comes by them, so that none is copied
// that is no longer there. Rows that are new have higher IDs and are given out
// after the known ones. Load writes it, Pending looks at it.
type reading struct {
	list  List
	known uint64 // rows up to this ID were in the file before
	batch int    // rows the index holds in memory

	mu      sync.Mutex    // guards the rest
	seen    bitset        // known rows that came by
	front   uint64        // the highest of them
	passed  uint64        // known rows up to this ID have been given out, or passed over
	over    bool          // no more rows come
	changed chan struct{} // closed, and made anew, when any of these changes
}

// A limit is which rows Pending may give out.
type limit struct {
	last uint64 // none above
	of   *reading
}

func (l limit) admits(id uint64) bool {
	if l.of == nil || id > l.of.known {
		return true
	}
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	return l.of.seen.isSet(id)
}

// limit tells what Pending may give out now, and what to wait for if that is
// nothing; nil if nothing more will come.
func (j *Job) limit() (limit, <-chan struct{}) {
	r := j.stream
	if r == nil {
		return limit{last: math.MaxUint64}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.over:
		return limit{math.MaxUint64, r}, nil
	case r.front < r.known:
		r.passed = r.front
		return limit{r.front, r}, r.changed
	}
	r.passed = r.known
	return limit{math.MaxUint64, r}, r.changed
}

// A claim is what became of telling a reading that a known row came by.
type claim int

const (
	claimed claim = iota // it is given out in its turn
	again                // it came by before
	late                 // its turn is over: it has to be added anew, under a higher ID
)

// claim notes that a known row came by. One that is settled has no turn.
func (r *reading) claim(id uint64, settled bool) claim {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.seen.isSet(id):
		return again
	case !settled && id <= r.passed:
		return late
	}
	r.seen.set(id)
	r.front = max(r.front, id)
	return claimed
}

// isSeen reports whether a known row came by in this reading.
func (r *reading) isSeen(id uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen.isSet(id)
}

// wake has Pending look again.
func (r *reading) wake(over bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = r.over || over
	close(r.changed)
	r.changed = make(chan struct{})
}
