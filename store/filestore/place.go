package filestore

import (
	"fmt"
	"path/filepath"
	"strings"

	"xfer/engine"
)

// localPath takes a place for an absolute path.
func localPath(at string) (string, error) {
	path := at
	if rest, ok := strings.CutPrefix(at, "file://"); ok {
		path = strings.TrimPrefix(rest, "localhost")
	}
	switch {
	case strings.IndexByte(path, 0) >= 0:
		return "", fmt.Errorf("%w: a zero byte in the path %q", engine.ErrRefused, at)
	case !filepath.IsAbs(path):
		return "", fmt.Errorf("%w: %q is no absolute local path", engine.ErrRefused, at)
	}
	return path, nil
}

// A target is a place below the root of a Destination.
type target struct {
	rel    string // below the root
	dir    string // the folder of rel, "." for the root itself
	base   string // the last element of rel
	marker bool   // the place ends in "/": a folder, which has no bytes
}

// target finds a place below the root. It changes nothing in a name to make it
// fit: two places are the same file only if they are the same string.
func (d *Destination) target(at string) (target, error) {
	path, err := localPath(at)
	if err != nil {
		return target{}, err
	}
	rel, below := strings.CutPrefix(path, strings.TrimSuffix(d.path, "/")+"/")
	if !below || rel == "" {
		return target{}, fmt.Errorf("%w: %q is not below %s", engine.ErrRefused, at, d.path)
	}
	if len(path) >= maxPath {
		return target{}, fmt.Errorf("%w: a path of %d bytes, which no program could open", engine.ErrRefused, len(path))
	}
	rel, marker := strings.CutSuffix(rel, "/")
	for element := range strings.SplitSeq(rel, "/") {
		switch {
		case element == "":
			return target{}, fmt.Errorf("%w: %q has an empty path element, which a file name cannot have", engine.ErrRefused, at)
		case element == "." || element == "..":
			return target{}, fmt.Errorf("%w: %q has the path element %q, which a file name cannot have", engine.ErrRefused, at, element)
		case isTemp(element):
			return target{}, fmt.Errorf("%w: %q has a name that is kept for files on their way", engine.ErrRefused, at)
		}
	}
	if !filepath.IsLocal(rel) {
		return target{}, fmt.Errorf("%w: %q is not below %s", engine.ErrRefused, at, d.path)
	}
	return target{rel: rel, dir: filepath.Dir(rel), base: filepath.Base(rel), marker: marker}, nil
}
