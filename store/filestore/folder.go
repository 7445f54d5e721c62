package filestore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"xfer/engine"
)

// A folder is a directory below the root, open as long as a call uses it. Calls
// that use it at the same time share it, and its syncs.
type folder struct {
	root   *os.Root // opened at the folder
	dir    *os.File // likewise, to sync it
	open   sync.Once
	err    error // of opening
	users  int   // protected by Destination.mu
	syncs  group
	syncer func(*os.File) error
}

type folderKey struct {
	path string // below the root, "." for the root
	make bool   // opened by a call that makes what is missing
}

// enter opens the folder path below the root, and makes it first if create is set.
// Every enter that succeeds is followed by one leave.
func (d *Destination) enter(path string, create bool) (*folder, error) {
	key := folderKey{path, create}
	d.mu.Lock()
	f := d.folders[key]
	if f == nil {
		f = &folder{syncer: d.calls.sync}
		d.folders[key] = f
	}
	f.users++
	d.mu.Unlock()

	f.open.Do(func() { f.root, f.dir, f.err = d.descend(path, create) })
	if f.err != nil {
		err := f.err
		d.leave(key, f)
		return nil, err
	}
	return f, nil
}

// leave lets go of a folder; the last one closes it.
func (d *Destination) leave(key folderKey, f *folder) {
	d.mu.Lock()
	f.users--
	last := f.users == 0
	if last {
		delete(d.folders, key)
	}
	d.mu.Unlock()
	if last && f.root != nil {
		f.root.Close()
		f.dir.Close()
	}
}

// in calls do with the folder path below the root.
func (d *Destination) in(path string, create bool, do func(*folder) error) error {
	f, err := d.enter(path, create)
	if err != nil {
		return err
	}
	defer d.leave(folderKey{path, create}, f)
	return do(f)
}

// descend opens a folder step by step, so that no symbolic link is followed on the
// way. A folder that it makes is durable on return, for everybody: no one else
// walks past a folder whose maker has not synced it yet.
func (d *Destination) descend(path string, create bool) (*os.Root, *os.File, error) {
	if create {
		d.making.Lock()
		defer d.making.Unlock()
	}
	at, err := d.root.OpenRoot(".")
	if err != nil {
		return nil, nil, err
	}
	if path != "." {
		for name := range strings.SplitSeq(path, string(filepath.Separator)) {
			next, err := d.step(at, name, create)
			at.Close()
			if err != nil {
				return nil, nil, err
			}
			at = next
		}
	}
	dir, err := at.Open(".")
	if err != nil {
		at.Close()
		return nil, nil, err
	}
	return at, dir, nil
}

// step opens the folder name in at.
func (d *Destination) step(at *os.Root, name string, create bool) (*os.Root, error) {
	info, err := at.Lstat(name)
	if create && errors.Is(err, os.ErrNotExist) {
		if err := d.mkdir(at, name); err != nil {
			return nil, err
		}
		info, err = at.Lstat(name)
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%w: %s in %s is %s, not a folder", engine.ErrRefused, name, at.Name(), kind(info.Mode()))
	}
	next, err := at.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if opened, err := next.Stat("."); err != nil || !os.SameFile(info, opened) {
		next.Close()
		return nil, fmt.Errorf("open %s in %s: it changed underneath", name, at.Name())
	}
	return next, nil
}

// mkdir makes a folder and syncs the one that holds it.
func (d *Destination) mkdir(at *os.Root, name string) error {
	if err := at.Mkdir(name, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	dir, err := at.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := d.calls.sync(dir); err != nil && !unsupported(err) {
		_ = at.Remove(name) // so that the next one does not take it for durable
		return err
	}
	return nil
}

// sync makes durable what was renamed, made or removed in f before the call.
func (f *folder) sync() error {
	return f.syncs.do(func() error {
		if err := f.syncer(f.dir); err != nil && !unsupported(err) {
			return err // some file systems cannot sync a folder and need not
		}
		return nil
	})
}
