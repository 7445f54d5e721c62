package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"xfer/manifest"
	"xfer/store/filestore"
)

// jobPath is the job file that a person means: the file itself, or the list it
// stands beside.
func jobPath(name string) string {
	if strings.HasSuffix(name, ".xfer") {
		return name
	}
	if _, err := os.Stat(name + ".xfer"); err == nil {
		return name + ".xfer"
	}
	return name
}

// jobDestination is the DST that a job file remembers, nil if it had none.
func jobDestination(info manifest.Info) (*place, error) {
	if info.Destination == "" {
		return nil, nil
	}
	dst, err := parsePlace(info.Destination, false)
	if err != nil {
		return nil, fmt.Errorf("read job file: destination: %w", err)
	}
	return &dst, nil
}

// A request is what a copy command asks for: rows from a list, a pipe, or a
// place, and where they go.
type request struct {
	opt    *options
	kept   map[string]string // flags for the job file to remember
	list   string            // file, "-" for standard input, "" when src says it all
	src    *place
	dst    *place
	stdin  io.Reader
	single bool // src is one object, and dst its place
}

// newRequest reads the arguments of a copy command.
func newRequest(opt *options, kept map[string]string, args []string, stdin io.Reader) (*request, error) {
	q := &request{opt: opt, kept: kept, list: opt.manifest, stdin: stdin}
	switch {
	case q.list != "" && len(args) > 1:
		return nil, usagef("with --manifest, name at most one DST; got %d places", len(args))
	case q.list == "" && len(args) != 2:
		return nil, usagef("name SRC and DST, or a list with --manifest")
	}
	if len(args) > 0 {
		dst, err := parsePlace(args[len(args)-1], true)
		if err != nil {
			return nil, usagef("destination: %v", err)
		}
		q.dst = &dst
	}
	if q.list != "" {
		return q, nil
	}
	src, err := parsePlace(args[0], true)
	if err != nil {
		return nil, usagef("source: %v", err)
	}
	if src.isDir() && !src.folder() {
		src = src.under("")
	}
	q.src, q.single = &src, !src.folder()
	if q.single && (q.dst.folder() || q.dst.isDir()) {
		dst := q.dst.under(src.base())
		q.dst = &dst
	}
	return q, nil
}

// path is where the job file of q is.
func (q *request) path() (string, error) {
	switch {
	case q.opt.job != "":
		return q.opt.job, nil
	case q.list != "" && q.list != "-":
		return q.list + ".xfer", nil
	}
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", hintedError{fmt.Errorf("choose job file: %w", err), "name one with --job"}
		}
		dir = filepath.Join(home, ".local", "state")
	}
	dir = filepath.Join(dir, "xfer")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", hintedError{fmt.Errorf("choose job file: %w", err), "name one with --job"}
	}
	sum := sha256.Sum256([]byte(q.name() + "\x00" + q.destination()))
	return filepath.Join(dir, hex.EncodeToString(sum[:8])+".xfer"), nil
}

func (q *request) name() string {
	if q.src != nil {
		return q.src.String()
	}
	return q.list
}

func (q *request) destination() string {
	if q.dst == nil {
		return ""
	}
	return q.dst.String()
}

// open opens the job of q. A list file is read and checked whole before this
// returns; of what streams, rows gives the rows while the job runs.
func (q *request) open(ctx context.Context, path string) (*manifest.Job, error) {
	list := manifest.List{
		Path: q.name(), Destination: q.destination(), Rules: "layout=" + string(q.opt.layout),
		Resolve: q.resolve,
	}
	o := manifest.Options{Command: "xfer copy", Settings: q.kept, Frozen: q.opt.frozen}
	if q.streams() {
		return manifest.OpenStream(ctx, path, list, o)
	}
	return manifest.OpenList(ctx, path, list, o)
}

// streams reports whether rows come in while the job runs.
func (q *request) streams() bool { return q.src != nil || q.list == "-" }

func (q *request) resolve(row manifest.Row) (string, string, error) {
	if q.src != nil {
		return row.Source, row.Destination, nil // rows below makes whole ones
	}
	return namer{q.dst, q.opt.layout}.resolve(row.Source, row.Destination)
}

// rows gives the rows of a job that streams.
func (q *request) rows(ctx context.Context, stores *stores) iter.Seq2[manifest.Row, error] {
	switch {
	case q.src == nil:
		return manifest.ReadList("standard input", q.stdin)
	case q.single:
		return func(yield func(manifest.Row, error) bool) {
			yield(manifest.Row{Line: 1, Source: q.src.String(), Destination: q.dst.String()}, nil)
		}
	case q.src.scheme == "file":
		return q.walk(ctx)
	}
	return q.listing(ctx, stores)
}

// walk gives the files below a local SRC.
func (q *request) walk(ctx context.Context) iter.Seq2[manifest.Row, error] {
	return func(yield func(manifest.Row, error) bool) {
		line := int64(0)
		for entry, err := range filestore.Walk(ctx, q.src.path) {
			line++
			if err != nil {
				yield(manifest.Row{}, err)
				return
			}
			row := manifest.Row{Line: line, Source: "file://" + entry.Path, Destination: q.dst.under(entry.Rel).String()}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// listing gives the objects below an S3 SRC.
func (q *request) listing(ctx context.Context, stores *stores) iter.Seq2[manifest.Row, error] {
	return func(yield func(manifest.Row, error) bool) {
		store, _, err := stores.s3store(ctx, sourceSide, q.src.String())
		if err != nil {
			yield(manifest.Row{}, err)
			return
		}
		line := int64(0)
		for entry, err := range store.List(ctx, q.src.String()) {
			line++
			if err != nil {
				yield(manifest.Row{}, err)
				return
			}
			rel := strings.TrimPrefix(entry.Key, q.src.path)
			if rel == "" || strings.HasSuffix(rel, "/") {
				continue // a marker that some tools leave for a folder
			}
			row := manifest.Row{Line: line, Source: entry.Place, Destination: q.dst.under(rel).String()}
			if !yield(row, nil) {
				return
			}
		}
	}
}
