package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"xfer/store/s3store"
)

// A place is where an object is, or a folder of them. In a job file it stands as
// text: s3://bucket/key with the raw key, or file:///absolute/path.
type place struct {
	scheme string // "s3" or "file"
	bucket string // of s3
	path   string // the raw key, or the absolute path; ends in / for a folder
}

// parsePlace reads what a person wrote. A path without a scheme is taken for a
// local one only if it says so by a leading /, ./ or ../, unless anyPath is set.
func parsePlace(text string, anyPath bool) (place, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	switch {
	case !ok && text != "" && (anyPath || isPath(text)):
		return localPlace(text)
	case !ok:
		return place{}, fmt.Errorf("%q is neither a URL (s3://bucket/key, file:///path) nor a path that begins with /, ./ or ../", text)
	case scheme == "s3":
		bucket, key, err := s3store.ParsePlace(text)
		if err != nil {
			return place{}, err
		}
		return place{scheme: "s3", bucket: bucket, path: key}, nil
	case scheme == "file":
		if !strings.HasPrefix(rest, "/") {
			return place{}, fmt.Errorf("%q: a file URL has no host: write file:///path", text)
		}
		return localPlace(rest)
	}
	return place{}, fmt.Errorf("%q: unknown scheme %q; known are s3:// and file://", text, scheme)
}

func isPath(text string) bool {
	return text == "." || text == ".." || strings.HasPrefix(text, "/") || strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../")
}

func localPlace(path string) (place, error) {
	if strings.ContainsRune(path, 0) {
		return place{}, fmt.Errorf("%q: a path cannot hold a NUL byte", path)
	}
	folder := strings.HasSuffix(path, "/")
	abs, err := filepath.Abs(path)
	if err != nil {
		return place{}, fmt.Errorf("find %s: %w", path, err)
	}
	if folder && abs != "/" {
		abs += "/"
	}
	return place{scheme: "file", path: abs}, nil
}

func (p place) String() string {
	if p.scheme == "s3" {
		return "s3://" + p.bucket + "/" + p.path
	}
	return "file://" + p.path
}

// folder reports whether p stands for all below it.
func (p place) folder() bool { return p.path == "" || strings.HasSuffix(p.path, "/") }

// under is the place rel below the folder p.
func (p place) under(rel string) place {
	if p.path != "" && !strings.HasSuffix(p.path, "/") {
		p.path += "/"
	}
	p.path += strings.TrimLeft(rel, "/")
	return p
}

// base is the last element of p's path.
func (p place) base() string {
	path := strings.TrimRight(p.path, "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

// isDir reports whether p is a local directory that is there.
func (p place) isDir() bool {
	if p.scheme != "file" {
		return false
	}
	info, err := os.Stat(p.path)
	return err == nil && info.IsDir()
}

// A layout says where below the destination a row without its own goes.
type layout string

const (
	layoutKey  layout = "key"  // its whole key, or path
	layoutBase layout = "base" // its last element
)

// namer turns rows into places.
type namer struct {
	dst    *place // nil when every row must have its own
	layout layout
}

// resolve gives the places of a row as the job file keeps them.
func (n namer) resolve(source, destination string) (src, dst string, err error) {
	from, err := parsePlace(source, false)
	if err != nil {
		return "", "", err
	}
	if from.folder() {
		return "", "", fmt.Errorf("%q is a folder; a row names one object", source)
	}
	if destination != "" {
		to, err := parsePlace(destination, false)
		if err != nil {
			return "", "", err
		}
		if to.folder() {
			return "", "", fmt.Errorf("destination %q is a folder; a row names one object", destination)
		}
		return from.String(), to.String(), nil
	}
	if n.dst == nil {
		return "", "", fmt.Errorf("the row has no destination: give it one after a TAB, or name a DST on the command line")
	}
	rel := from.path
	if n.layout == layoutBase {
		rel = from.base()
	}
	return from.String(), n.dst.under(rel).String(), nil
}
