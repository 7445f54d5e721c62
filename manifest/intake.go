package manifest

import (
	"context"
	"fmt"
	"iter"

	"go.etcd.io/bbolt"
)

// maxIntake is how many rows of a stream are taken in at a time. Fewer are
// taken as soon as the stream has to be waited for.
const maxIntake = 1024

// Load reads the rows of a stream into a job that OpenStream opened, and returns
// when they have ended. Rows are given out by Pending as soon as they are
// durable. A row that is known from an earlier reading keeps what is known of
// it; rows that did not come again by the end are dropped. Two rows with one
// destination are ErrDuplicate.
//
// After any error the list counts as not read to its end, and the same stream
// can be loaded again with the next opening of the job. If ctx ends while rows
// is blocked, Load returns, and the goroutine that reads rows ends with rows.
//
// Load is called once, after Start.
func (j *Job) Load(ctx context.Context, rows iter.Seq2[Row, error]) (Change, error) {
	if j.stream == nil {
		return Change{}, fmt.Errorf("load stream: %w", ErrClosed)
	}
	in := &intake{job: j, reading: j.stream, moved: make(map[uint64]bool), change: j.change}
	defer in.wake(true)
	if err := in.run(ctx, rows); err != nil {
		return in.change, fmt.Errorf("load stream: %w", err)
	}
	return in.change, nil
}

// An intake is the reading side of a stream. One goroutine owns it.
type intake struct {
	*reading
	job    *Job
	index  *index
	cursor uint64          // the known row that came by last; mostly the next one is next
	last   uint64          // the highest ID given
	moved  map[uint64]bool // known rows that the batch at hand adds anew
	change Change
}

// An arrival is a row of the stream, or the error it ended with.
type arrival struct {
	row Row
	err error
}

func (in *intake) run(ctx context.Context, rows iter.Seq2[Row, error]) error {
	err := in.job.commit(ctx, func(w *writer) error {
		w.sums.Whole = false
		in.last = w.sums.Last
		return nil
	})
	if err != nil {
		return err
	}
	err = in.job.view(func(tx *bbolt.Tx) (err error) {
		in.index, err = openIndex(tx, in.job.sums.Load(), in.batch)
		return err
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	arrivals := make(chan arrival, maxIntake)
	go func() {
		defer close(arrivals)
		for row, err := range rows {
			select {
			case arrivals <- arrival{row, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	for {
		batch, more, err := gather(ctx, arrivals)
		if err == nil || len(batch) > 0 {
			if failed := in.take(ctx, batch); failed != nil {
				return failed
			}
		}
		if err != nil {
			return err
		}
		if !more {
			return in.finish(ctx)
		}
	}
}

// gather waits for a row and takes what else has come. more is false at the end.
func gather(ctx context.Context, arrivals <-chan arrival) (batch []Row, more bool, err error) {
	for len(batch) < maxIntake {
		if len(batch) > 0 && len(arrivals) == 0 {
			return batch, true, nil // the next one may be a long time coming
		}
		select {
		case a, ok := <-arrivals:
			if !ok {
				return batch, false, nil
			}
			if a.err != nil {
				return batch, false, a.err
			}
			batch = append(batch, a.row)
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
	return batch, true, nil
}

// take brings a batch of rows into the job file.
func (in *intake) take(ctx context.Context, batch []Row) error {
	var steps []step
	err := in.job.view(func(tx *bbolt.Tx) (err error) {
		steps, err = in.plan(tx, batch)
		return err
	})
	if err == nil && len(steps) > 0 {
		err = in.commit(ctx, steps)
	}
	in.wake(false)
	return err
}

// commit makes the rows of a batch that are to be added durable.
func (in *intake) commit(ctx context.Context, steps []step) error {
	var run *spilled
	if in.index.full() {
		var err error
		if run, err = in.index.spill(); err != nil {
			return err
		}
	}
	err := in.job.commit(ctx, func(w *writer) error {
		for _, s := range steps {
			id, err := w.add(s.place)
			if err != nil {
				return err
			}
			if id != s.id {
				return fmt.Errorf("row became %d, not %d", id, s.id)
			}
			if s.old == 0 {
				continue
			}
			if s.keeps {
				if err := w.carry(s.old, id); err != nil {
					return err
				}
			}
			if err := w.drop(s.old); err != nil {
				return err
			}
		}
		if run != nil {
			return run.write(w, in.last)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if run != nil {
		in.index.forget(run)
	}
	for _, s := range steps {
		switch {
		case s.old == 0:
			in.change.Added++
		case !s.keeps:
			in.change.Added++
			in.change.Dropped++
		}
	}
	clear(in.moved)
	return nil
}

// finish drops the known rows that did not come again and notes that the list
// has been read to its end.
func (in *intake) finish(ctx context.Context) error {
	for next := uint64(1); next <= in.known; {
		var ids []uint64
		err := in.job.view(func(tx *bbolt.Tx) error {
			states := stateReader{tx: tx}
			for ; next <= in.known && len(ids) < maxIntake; next++ {
				gone, err := states.gone(next)
				if err != nil {
					return err
				}
				if !gone && !in.isSeen(next) {
					ids = append(ids, next)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			break
		}
		err = in.job.commit(ctx, func(w *writer) error {
			for _, id := range ids {
				if err := w.drop(id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		in.change.Dropped += int64(len(ids))
	}
	in.change.Merged = in.known > 0 && in.change.Added+in.change.Dropped > 0
	return in.job.commit(ctx, func(w *writer) error {
		w.sums.Whole = true
		return nil
	})
}
