package filestore

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"xfer/engine"
)

// A Destination writes files below one root. Safe for concurrent use.
type Destination struct {
	path    string // of the root, absolute and clean
	root    *os.Root
	calls   calls
	buffers sync.Pool // of *[bufferSize]byte

	mu      sync.Mutex // protects folders and mode
	folders map[folderKey]*folder
	mode    fs.FileMode // of finished files, 0 until the first one asks

	making sync.Mutex // held while folders are looked for, made and synced
}

var _ engine.Destination = (*Destination)(nil)

// New opens the tree below root, which is made if it is missing. ErrNoStore: root
// is no folder or cannot be reached. The caller closes the Destination once no call
// is under way.
func New(root string) (*Destination, error) {
	path, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w: %w", root, engine.ErrNoStore, err)
	}
	if err := makeRoot(path); err != nil {
		return nil, fmt.Errorf("open %s: %w: %w", path, engine.ErrNoStore, err)
	}
	r, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w: %w", path, engine.ErrNoStore, err)
	}
	d := &Destination{path: path, root: r, calls: systemCalls(), folders: make(map[folderKey]*folder)}
	d.buffers.New = func() any { return new([bufferSize]byte) }
	return d, nil
}

// Close lets go of the root.
func (d *Destination) Close() error { return d.root.Close() }

// PartSize implements engine.Beginner: whole up to one part, so that a small file
// costs one temporary file and no upload; in parts above, so that they arrive side
// by side and survive on their own.
func (d *Destination) PartSize(_ string, size, want int64) int64 {
	if partSize := engine.PartSize(size, want); size > partSize {
		return partSize
	}
	return 0
}

// makeRoot makes the folder path and those above it, and syncs what it made.
func makeRoot(path string) error {
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		return err
	}
	parent := filepath.Dir(path)
	if err := makeRoot(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o777); err != nil && !os.IsExist(err) {
		return err
	}
	f, err := os.Open(parent)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !unsupported(err) {
		return err
	}
	return nil
}

// explain translates an error of writing below the root.
func (d *Destination) explain(err error) error {
	if err == nil || !missing(err) {
		return translate(err)
	}
	here, err1 := os.Stat(d.path)
	opened, err2 := d.root.Stat(".")
	if err1 != nil || err2 != nil || !os.SameFile(here, opened) {
		return fmt.Errorf("%w: %s is no longer what it was: %w", engine.ErrNoStore, d.path, err)
	}
	return translate(err)
}

// finalMode is the mode of a finished file: what the process's umask, or a default
// access list of the folder, leaves of rw-r--r--. A umask can be read only by
// setting it, for all threads; a file made for the purpose tells it too.
func (d *Destination) finalMode(in *folder) (fs.FileMode, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mode != 0 {
		return d.mode, nil
	}
	name := tempName("", randomPart())
	f, err := in.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := in.root.Remove(name); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	d.mode = info.Mode().Perm() | 0o600
	return d.mode, nil
}
