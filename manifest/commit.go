package manifest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.etcd.io/bbolt"
)

// maxGroup is how many callers' changes go into one commit. It bounds how long
// the first of them waits.
const maxGroup = 256

// identityEvery is how often the committer looks whether the path still names
// the file it writes.
const identityEvery = time.Second

// A commit is one caller's change, and the place where the answer goes.
type commit struct {
	apply func(*writer) error
	done  chan error // of one; answered exactly once
}

// commit makes what apply does durable. The caller waits for as long as that
// takes; ctx ends only the wait for a turn, so that the answer is always true.
// Any error but that of ctx poisons the job.
func (j *Job) commit(ctx context.Context, apply func(*writer) error) error {
	if err := j.failed(); err != nil {
		return err
	}
	if j.readOnly() {
		return ErrClosed
	}
	c := &commit{apply: apply, done: make(chan error, 1)}
	select {
	case j.queue <- c:
		return <-c.done
	case <-ctx.Done():
		return ctx.Err()
	case <-j.stopped:
		return ErrClosed
	}
}

// commits is the one goroutine that writes. While a commit is on its way to the
// disk the next callers line up, and go together into the next one.
func (j *Job) commits() {
	defer close(j.stopped)
	var checked time.Time
	group := make([]*commit, 0, maxGroup)
	for {
		select {
		case <-j.closing:
			return
		case c := <-j.queue:
			group = append(group[:0], c)
		}
		for more := true; more && len(group) < maxGroup; {
			select {
			case c := <-j.queue:
				group = append(group, c)
			default:
				more = false
			}
		}
		err := j.failed()
		if err == nil && time.Since(checked) >= identityEvery {
			checked = time.Now()
			err = j.checkIdentity()
		}
		if err == nil {
			err = j.write(group)
		}
		if err != nil {
			err = j.fail(err)
		}
		for _, c := range group {
			c.done <- err
		}
	}
}

// write commits a group: all of it or, with an error, nobody knows how much.
func (j *Job) write(group []*commit) error {
	sums := *j.sums.Load()
	err := guard(func() error {
		return j.db.Update(func(tx *bbolt.Tx) error {
			w := newWriter(tx, &sums, j.noted.add)
			for _, c := range group {
				if err := c.apply(w); err != nil {
					return err
				}
			}
			return w.flush()
		})
	})
	var panicked *panicError
	if errors.As(err, &panicked) {
		j.broken.Store(true)
	}
	if err == nil {
		j.sums.Store(&sums)
	}
	return err
}

// checkIdentity fails if the file being written is no longer the job file.
// Somebody removed or replaced it, and commits would go where nobody looks.
func (j *Job) checkIdentity() error {
	open, err := j.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(j.path)
	if err != nil {
		return fmt.Errorf("job file was removed: %w", err)
	}
	if !os.SameFile(open, there) {
		return fmt.Errorf("job file %s was replaced by another", j.path)
	}
	return nil
}

// fail poisons the job with its first cause.
func (j *Job) fail(cause error) error {
	if errors.Is(cause, ErrPoisoned) {
		return cause
	}
	err := fmt.Errorf("%w: %w", ErrPoisoned, cause)
	j.poison.CompareAndSwap(nil, &err)
	return *j.poison.Load()
}

// failed is the error that poisoned the job, nil while it is well.
func (j *Job) failed() error {
	if err := j.poison.Load(); err != nil {
		return *err
	}
	return nil
}

// setHeader changes the header. Only for use before the job is handed out.
func (j *Job) setHeader(ctx context.Context, change func(*header)) error {
	h := j.header
	change(&h)
	err := j.commit(ctx, func(w *writer) error {
		return writeRecord(w.tx.Bucket(bucketJob), keyHeader, h)
	})
	if err != nil {
		return fmt.Errorf("write header: %w", err)
	}
	j.header = h
	return nil
}
