package filestore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"xfer/engine"
)

// The name of a temporary file is tempPrefix, 16 hex digits made of the target, a
// dash, a random or fixed part, tempSuffix.
const (
	tempPrefix = ".xfer-"
	tempSuffix = ".part"
	putPart    = "put" // of the temporary file of a Put, of which there is one for each target
)

// isTemp reports whether a file name is one that this package keeps for itself.
func isTemp(name string) bool {
	return strings.HasPrefix(name, tempPrefix) && strings.HasSuffix(name, tempSuffix)
}

func tempName(rel, part string) string { return tempStem(rel) + part + tempSuffix }

// tempStem is what the names of all temporary files of a target begin with, and
// those of no other target.
func tempStem(rel string) string {
	sum := sha256.Sum256([]byte(rel))
	return tempPrefix + hex.EncodeToString(sum[:8]) + "-"
}

func randomPart() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// createFlags open a file that is not there. Without O_NOFOLLOW a planted link
// would decide where the file is made.
const createFlags = os.O_CREATE | os.O_EXCL | os.O_WRONLY | syscall.O_NOFOLLOW

// createUpload makes a temporary file for an upload to t and returns its name.
func createUpload(in *folder, t target) (string, *os.File, error) {
	for {
		name := tempName(t.rel, randomPart())
		f, err := in.root.OpenFile(name, createFlags, 0o600)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		return name, f, err
	}
}

// createPut makes the locked temporary file of a Put to t. One that is there
// already and not locked was left behind by a process that died, and goes.
func createPut(in *folder, t target) (string, *os.File, error) {
	name := tempName(t.rel, putPart)
	for {
		f, err := in.root.OpenFile(name, createFlags, 0o600)
		if errors.Is(err, os.ErrExist) {
			if err := removeUnlocked(in, name); err != nil {
				return "", nil, err
			}
			continue
		}
		if err != nil {
			return "", nil, err
		}
		held, err := lock(f)
		if err == nil && !held && owns(in, name, f) == nil {
			return name, f, nil
		}
		f.Close() // someone took it for left behind before it was locked
		if err != nil {
			return "", nil, err
		}
	}
}

// removeUnlocked removes a temporary file, unless someone is writing to it.
func removeUnlocked(in *folder, name string) error {
	f, err := in.root.OpenFile(name, os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	held, err := lock(f)
	if err != nil {
		return err
	}
	if held {
		return fmt.Errorf("%s is being written by another process", name)
	}
	switch err := owns(in, name, f); {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return in.root.Remove(name)
}

// openOwn opens a regular file of the folder, through no link.
func openOwn(in *folder, name string, flag int) (*os.File, fs.FileInfo, error) {
	f, err := in.root.OpenFile(name, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := owns(in, name, f); err != nil {
		f.Close()
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// owns makes sure that name is the regular file f, not another or a link to one.
func owns(in *folder, name string, f *os.File) error {
	there, err := in.root.Lstat(name)
	if err != nil {
		return err
	}
	here, err := f.Stat()
	if err != nil {
		return err
	}
	if !there.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is %s", engine.ErrRefused, name, kind(there.Mode()))
	}
	if !os.SameFile(there, here) {
		return fmt.Errorf("%w: %s is another file by now", engine.ErrUploadGone, name)
	}
	return nil
}

// free makes sure that a file can be renamed to t. A symbolic link there will be
// replaced, not followed.
func free(in *folder, t target) error {
	info, err := in.root.Lstat(t.base)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%w: a folder is there", engine.ErrRefused)
	}
	return nil
}

// publish gives the temporary file f, which holds all bytes, its mode and time,
// makes it durable and renames it to t.
//
// doubt is set if a sync failed: what f holds can no longer be known.
func (d *Destination) publish(in *folder, name string, f *os.File, t target, modified time.Time) (doubt bool, err error) {
	mode, err := d.finalMode(in)
	if err != nil {
		return false, err
	}
	if err := f.Chmod(mode); err != nil {
		return false, err
	}
	if !modified.IsZero() {
		if err := in.root.Chtimes(name, time.Time{}, modified); err != nil {
			return false, err
		}
	}
	if err := d.calls.sync(f); err != nil {
		return true, err
	}
	if err := owns(in, name, f); err != nil {
		return false, err
	}
	return false, d.calls.rename(in.root, name, t.base)
}
