package manifest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"

	"xfer/engine"
)

// A Job is an open job file. It implements engine.Journal. All methods are safe
// for concurrent use, except that Close must be the last call.
type Job struct {
	path   string
	file   *os.File // the handle bbolt writes to; never written or closed by others while db is whole
	db     *bbolt.DB
	lock   *lock // nil when open for reading only
	header header
	change Change

	queue   chan *commit  // to the committer
	closing chan struct{} // closed by Close
	stopped chan struct{} // closed by the committer when it has ended
	sums    atomic.Pointer[sums]
	poison  atomic.Pointer[error]
	broken  atomic.Bool // bbolt panicked in a write: its locks are lost, db must not be touched
	noted   notes
	stream  *reading // nil unless rows may still come in
	closed  sync.Once
	closeOK error
}

var _ engine.Journal = (*Job)(nil)

// Options are what a caller may say about opening a job for writing.
type Options struct {
	Command  string            // shown to those who find the job in use; must hold no secret
	Settings map[string]string // kept in the file in place of what it has; nil keeps what it has
	Frozen   bool              // a list that has changed is ErrListChanged, not merged
}

// Open opens the job file at path for writing, as it is: its list is not looked
// at. The caller closes the job.
func Open(ctx context.Context, path string, o Options) (*Job, error) {
	l, err := acquire(path, o.Command)
	if err != nil {
		return nil, fmt.Errorf("open job: %w", err)
	}
	j, err := openLocked(ctx, path, l, o)
	if err != nil {
		l.release()
		return nil, fmt.Errorf("open job: %w", err)
	}
	return j, nil
}

// Inspect opens the job file at path for reading only. While a process writes
// it, that is ErrInUse, and ReadHolder tells how far that process is.
func Inspect(ctx context.Context, path string) (*Job, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	j, err := openFile(path, true)
	if err != nil {
		if errors.Is(err, ErrInUse) {
			if h, ok, _ := ReadHolder(path); ok {
				err = inUse(path, h)
			}
		}
		return nil, fmt.Errorf("inspect job: %w", err)
	}
	return j, nil
}

// openLocked opens a job file whose lock the caller holds. On success the job
// owns the lock.
func openLocked(ctx context.Context, path string, l *lock, o Options) (*Job, error) {
	j, err := openFile(path, false)
	if err != nil {
		return nil, err
	}
	j.lock = l
	go j.commits()
	if o.Settings != nil {
		if err := j.setHeader(ctx, func(h *header) { h.Settings = o.Settings }); err != nil {
			j.lock = nil // stays the caller's
			return nil, errors.Join(err, j.Close())
		}
	}
	return j, nil
}

// openFile opens and checks a job file. Nothing in a damaged one makes it panic.
func openFile(path string, readOnly bool) (_ *Job, err error) {
	if err := checkPath(path, readOnly); err != nil {
		return nil, err
	}
	j := &Job{
		path: path, queue: make(chan *commit), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	defer func() {
		if err != nil && j.file != nil {
			j.file.Close() // bbolt may have panicked with the file, and so its lock, in hand
		}
	}()
	err = guard(func() error {
		j.db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			ReadOnly: readOnly, Timeout: lockTimeout(readOnly), FreelistType: bbolt.FreelistMapType,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				j.file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
				return j.file, err
			},
		})
		return err
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("%w: %s", ErrInUse, filepath.Base(path))
	case errors.Is(err, berrors.ErrInvalid) || errors.Is(err, berrors.ErrVersionMismatch) || errors.Is(err, berrors.ErrChecksum):
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	case err != nil:
		return nil, err
	}
	if !readOnly {
		if err = j.file.Chmod(0o600); err != nil {
			return nil, errors.Join(err, j.db.Close())
		}
	}
	err = j.view(func(tx *bbolt.Tx) error {
		if err := checkFormat(tx); err != nil {
			return err
		}
		h, s, err := readHeader(tx)
		j.header = h
		j.sums.Store(&s)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, j.db.Close())
	}
	return j, nil
}

// lockTimeout is how long to wait for bbolt's own lock on the file: a reader
// finds a writer there for hours, a writer finds readers for moments.
func lockTimeout(readOnly bool) time.Duration {
	if readOnly {
		return 50 * time.Millisecond
	}
	return 2 * time.Second
}

// checkPath checks the file at path. A writer changes the file under a reader,
// so the reader looks only while it can keep writers out.
func checkPath(path string, readOnly bool) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a regular file", ErrForeign, path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if readOnly {
		switch err := flock(f, unix.LOCK_SH|unix.LOCK_NB); {
		case errors.Is(err, unix.EWOULDBLOCK):
			return fmt.Errorf("%w: %s", ErrInUse, filepath.Base(path))
		case err != nil:
			return fmt.Errorf("lock %s: %w", path, err)
		}
	}
	if err := checkFile(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Close ends all writing and gives the lock back. What was committed is kept,
// also after an error. Further calls do nothing.
func (j *Job) Close() error {
	j.closed.Do(func() {
		if !j.readOnly() {
			close(j.closing)
			<-j.stopped
		}
		if j.broken.Load() {
			j.closeOK = j.file.Close()
		} else {
			j.closeOK = j.db.Close()
		}
		if j.lock != nil {
			j.lock.release()
		}
		if j.closeOK != nil {
			j.closeOK = fmt.Errorf("close job: %w", j.closeOK)
		}
	})
	return j.closeOK
}

func (j *Job) readOnly() bool { return j.db.IsReadOnly() }

// view runs fn in a read transaction, which ends before it returns.
func (j *Job) view(fn func(*bbolt.Tx) error) error {
	if err := j.failed(); err != nil {
		return err
	}
	err := guard(func() error { return j.db.View(fn) })
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// guard runs fn and turns its panics into ErrCorrupt: bbolt panics on pages
// that do not add up, and a mapping that ends early faults.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = &panicError{cause}
		}
	}()
	return fn()
}

// A panicError is ErrCorrupt with what bbolt had to say about it.
type panicError struct{ cause any }

func (e *panicError) Error() string { return fmt.Sprintf("%v: %v", ErrCorrupt, e.cause) }
func (e *panicError) Unwrap() error { return ErrCorrupt }
