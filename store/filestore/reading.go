package filestore

import (
	"context"
	"fmt"
	"io"
	"os"

	"xfer/engine"
)

// A reading gives a range of an open file, and keeps its last bytes back until it
// has seen that the file is still the version that was pinned: whoever has all
// bytes has bytes of that version.
type reading struct {
	ctx  context.Context
	file *os.File
	etag string
	at   int64
	end  int64
	err  error
}

func newReading(ctx context.Context, f *os.File, etag string, r engine.Range) *reading {
	return &reading{ctx: ctx, file: f, etag: etag, at: r.Start, end: r.End}
}

func (r *reading) Read(p []byte) (int, error) {
	if r.err == nil {
		r.err = r.ctx.Err()
	}
	if r.err != nil {
		return 0, r.err
	}
	left := r.end - r.at
	if left == 0 {
		if r.err = r.same(); r.err == nil {
			r.err = io.EOF
		}
		return 0, r.err
	}
	if int64(len(p)) > left {
		p = p[:left]
	}
	n, err := r.file.ReadAt(p, r.at)
	if err != nil && err != io.EOF {
		r.err = fmt.Errorf("read %s: %w", r.file.Name(), translate(err))
		return 0, r.err
	}
	if n < len(p) { // the file is shorter than its pin
		if r.err = r.same(); r.err == nil {
			r.err = io.ErrUnexpectedEOF
		}
		return 0, r.err
	}
	if int64(n) == left {
		if r.err = r.same(); r.err != nil {
			return 0, r.err
		}
	}
	r.at += int64(n)
	return n, nil
}

// same compares the open file with the pin.
func (r *reading) same() error {
	info, err := r.file.Stat()
	if err != nil {
		return translate(err)
	}
	if tag := etag(info); tag != r.etag {
		return fmt.Errorf("read %s: %w: %s became %s", r.file.Name(), engine.ErrSourceChanged, r.etag, tag)
	}
	return nil
}

func (r *reading) Close() error { return r.file.Close() }
