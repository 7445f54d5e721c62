package filestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"xfer/engine"
)

// An Entry is a file that Walk found.
type Entry struct {
	Path string // absolute: a place
	Rel  string // below the root of the walk, with "/" between elements
	Size int64  // bytes, at the time of the walk
}

// Walk lists the regular files below the folder root, in the byte order of Rel,
// which is the order in which S3 lists keys. It follows no symbolic link but root
// itself, and leaves out the temporary files of this package.
//
// What cannot be copied comes as an Entry with an error: a symbolic link, pipe,
// device or socket with ErrRefused, a folder that may not be read with ErrDenied.
// The walk goes on after it. The names of one folder, and of those above it, are in
// memory at a time.
func Walk(ctx context.Context, root string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		path, err := localPath(root)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			yield(Entry{Path: root}, fmt.Errorf("walk %s: %w", root, forReading(err)))
			return
		}
		walkFolder(ctx, path, "", yield)
	}
}

// walkFolder walks the folder path, whose Rel is prefix. It reports whether to go on.
func walkFolder(ctx context.Context, path, prefix string, yield func(Entry, error) bool) bool {
	entries, err := readFolder(path)
	if err != nil && !yield(Entry{Path: path, Rel: prefix}, fmt.Errorf("walk %s: %w", path, forReading(err))) {
		return false
	}
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			yield(Entry{Path: path, Rel: prefix}, err)
			return false
		}
		at := Entry{Path: filepath.Join(path, entry.Name()), Rel: prefix + entry.Name()}
		if entry.IsDir() {
			if !walkFolder(ctx, at.Path, at.Rel+"/", yield) {
				return false
			}
			continue
		}
		if isTemp(entry.Name()) {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone since the folder was read
		}
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%w: it is %s", engine.ErrRefused, kind(info.Mode()))
		}
		if err != nil {
			err = fmt.Errorf("walk %s: %w", at.Path, translate(err))
		} else {
			at.Size = info.Size()
		}
		if !yield(at, err) {
			return false
		}
	}
	return true
}

// readFolder lists a folder in the order its files have as keys, where a folder's
// name is followed by "/".
func readFolder(path string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(path)
	key := func(entry fs.DirEntry) string {
		if entry.IsDir() {
			return entry.Name() + "/"
		}
		return entry.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(key(a), key(b)) })
	return entries, err
}
