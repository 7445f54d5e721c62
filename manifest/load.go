package manifest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// A List is where a job's rows come from.
type List struct {
	// Path of the list file, or the name of a stream: a place, "-" for stdin.
	// Path and Destination are what makes a job this job.
	Path string

	// Destination of rows without their own, "" if there is none.
	Destination string

	// Rules is whatever else Resolve depends on, such as the layout. Other rules
	// are a changed list.
	Rules string

	// Resolve gives the places that a row means, or why it cannot be taken. It
	// is called for each row in order, from one goroutine.
	Resolve func(Row) (source, destination string, err error)
}

// A Change is how a job file and its list came together.
type Change struct {
	Created bool  // there was no job file
	Merged  bool  // the list was not the one loaded before
	Added   int64 // rows that were not known
	Dropped int64 // rows that are no longer in the list
}

// Change tells what OpenList, or OpenStream and Load, found.
func (j *Job) Change() Change { return j.change }

// OpenList opens the job of a list file, so that the same call goes on with the
// same job. If there is none at path it is created, and only once the whole
// list has been read and every row of it resolved; errors name list and line.
//
// A list whose bytes have changed is merged: rows whose source and destination
// are known keep what is known of them. A list is taken for unchanged without
// being read if its size, time and inode are as they were.
//
// The caller closes the job.
func OpenList(ctx context.Context, path string, list List, o Options) (*Job, error) {
	name := list.Path
	abs, err := filepath.Abs(list.Path)
	if err != nil {
		return nil, fmt.Errorf("open list: %w", err)
	}
	list.Path = abs
	l, err := acquire(path, o.Command)
	if err != nil {
		return nil, fmt.Errorf("open job: %w", err)
	}
	j, err := openList(ctx, path, list, name, l, o)
	if err != nil {
		l.release()
		return nil, err
	}
	return j, nil
}

func openList(ctx context.Context, path string, list List, name string, l *lock, o Options) (*Job, error) {
	loader := &loader{List: list, name: name, path: path, settings: o.Settings}
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		if err := loader.load(ctx, nil); err != nil {
			return nil, fmt.Errorf("load list: %w", err)
		}
		j, err := openLocked(ctx, path, l, Options{})
		if err != nil {
			return nil, fmt.Errorf("open job: %w", err)
		}
		j.change = Change{Created: true, Added: j.Totals().Rows}
		return j, nil
	}
	j, err := openLocked(ctx, path, l, o)
	if err != nil {
		return nil, fmt.Errorf("open job: %w", err)
	}
	fail := func(err error) (*Job, error) {
		j.lock = nil // stays the caller's
		return nil, errors.Join(err, j.Close())
	}
	if err := j.belongsTo(list, false); err != nil {
		return fail(err)
	}
	seen, same, err := j.sameList(list)
	switch {
	case err != nil:
		return fail(err)
	case same && seen.Inode == j.header.Seen.Inode && seen.Modified == j.header.Seen.Modified:
		return j, nil
	case same:
		if err := j.setHeader(ctx, func(h *header) { h.Seen = seen }); err != nil {
			return fail(err)
		}
		return j, nil
	case o.Frozen:
		return fail(fmt.Errorf("%w: %s", ErrListChanged, name))
	}
	loader.settings = j.header.Settings
	if err := loader.load(ctx, j); err != nil {
		return fail(fmt.Errorf("merge list: %w", err))
	}
	j.lock = nil // goes on to the new job
	if err := j.Close(); err != nil {
		return nil, err
	}
	if j, err = openLocked(ctx, path, l, Options{}); err != nil {
		return nil, fmt.Errorf("open job: %w", err)
	}
	j.change = loader.change
	return j, nil
}

// belongsTo fails with ErrOtherJob unless the job is that of list.
func (j *Job) belongsTo(list List, stream bool) error {
	h := j.header
	if h.List != list.Path || h.Stream != stream {
		return fmt.Errorf("%w: %s is the job of list %s, not of %s", ErrOtherJob, j.path, h.List, list.Path)
	}
	if h.Destination != list.Destination {
		return fmt.Errorf("%w: %s copies to %q, not to %q", ErrOtherJob, j.path, h.Destination, list.Destination)
	}
	return nil
}

// sameList reports whether the list is the one that was loaded.
func (j *Job) sameList(list List) (seen listSeen, same bool, err error) {
	if list.Rules != j.header.Rules {
		return seen, false, nil
	}
	f, seen, err := openListFile(list.Path)
	if err != nil {
		return seen, false, err
	}
	defer f.Close()
	old := j.header.Seen
	if seen.Size != old.Size {
		return seen, false, nil
	}
	if seen.Modified == old.Modified && seen.Inode == old.Inode && seen.Modified != 0 {
		seen.Hash = old.Hash
		return seen, true, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return seen, false, fmt.Errorf("read list: %w", err)
	}
	seen.Hash = sum.Sum(nil)
	return seen, bytes.Equal(seen.Hash, old.Hash), nil
}

// openListFile opens a list and tells what it looks like. A file changed within
// the last seconds may change again without a new time, so its time is not kept.
func openListFile(path string) (*os.File, listSeen, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, listSeen{}, fmt.Errorf("open list: %w", err)
	}
	seen, err := lookAt(f)
	if err != nil {
		f.Close()
		return nil, listSeen{}, fmt.Errorf("open list: %w", err)
	}
	return f, seen, nil
}

func lookAt(f *os.File) (listSeen, error) {
	info, err := f.Stat()
	if err != nil {
		return listSeen{}, err
	}
	if !info.Mode().IsRegular() {
		return listSeen{}, fmt.Errorf("%s is not a regular file", f.Name())
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return listSeen{}, err
	}
	seen := listSeen{Size: info.Size(), Inode: st.Ino}
	if time.Since(info.ModTime()) > 2*time.Second {
		seen.Modified = info.ModTime().UnixNano()
	}
	return seen, nil
}

// A loader reads a whole list into a new job file.
type loader struct {
	List
	name     string // of the list in errors: as the user gave it
	path     string // of the job file
	settings map[string]string
	change   Change
}

// load builds the job file and puts it in place. before is the job it takes
// over from, nil if there is none.
func (l *loader) load(ctx context.Context, before *Job) error {
	f, seen, err := openListFile(l.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := newBuilder(l.path, header{
		List: l.Path, Destination: l.Destination, Rules: l.Rules, Settings: l.settings,
	})
	if err != nil {
		return err
	}
	sort, err := newSorter(dirOf(l.path), runPairs)
	if err != nil {
		b.discard()
		return err
	}
	defer sort.close()
	sum := sha256.New()
	err = guard(func() error {
		seed := maphash.MakeSeed()
		if err := l.rows(ctx, io.TeeReader(f, sum), b, sort, seed); err != nil {
			return err
		}
		if err := l.unchanged(f, &seen, sum); err != nil {
			return err
		}
		if err := b.db.View(func(tx *bbolt.Tx) error { return findDuplicate(tx, sort, l.name) }); err != nil {
			return err
		}
		b.header.Seen, b.sums.Whole = seen, true
		if before == nil {
			return nil
		}
		m := &merge{from: before, to: b, sorted: sort, seed: seed}
		if err := m.run(ctx); err != nil {
			return err
		}
		l.change = Change{Merged: true, Added: m.added, Dropped: m.dropped}
		return nil
	})
	if err != nil {
		b.discard()
		return err
	}
	return b.place()
}

// rows puts every row into b and the hash of its destination into sort.
func (l *loader) rows(ctx context.Context, r io.Reader, b *builder, sort *sorter, seed maphash.Seed) error {
	for row, err := range ReadList(l.name, r) {
		if err != nil {
			return err
		}
		place, err := resolve(l.name, row, l.Resolve)
		if err != nil {
			return err
		}
		if err := b.add(place); err != nil {
			return err
		}
		sort.add(pair{maphash.String(seed, place.destination), b.sums.Last})
		if b.sums.Last%rowsPerState == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if err := b.done(); err != nil {
		return err
	}
	return sort.finish()
}

// resolve gives the places of a row; its error names the row.
func resolve(name string, row Row, resolve func(Row) (string, string, error)) (place, error) {
	source, destination, err := resolve(row)
	if err != nil {
		return place{}, fmt.Errorf("%s:%d: %w", name, row.Line, err)
	}
	return place{row.Line, source, destination}, nil
}

// unchanged completes seen, and fails if the list was written to while it was read.
func (l *loader) unchanged(f *os.File, seen *listSeen, sum hash.Hash) error {
	now, err := lookAt(f)
	if err != nil {
		return fmt.Errorf("read list: %w", err)
	}
	if now.Size != seen.Size || (seen.Modified != 0 && now.Modified != seen.Modified) {
		return fmt.Errorf("read list: %s changed while it was read", l.name)
	}
	seen.Hash = sum.Sum(nil)
	return nil
}
