package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"xfer/engine"
)

// A Source reads local files. Its zero value is ready. Only regular files are
// read; a symbolic link is followed if it is what the place names, for then
// someone chose it. Safe for concurrent use.
type Source struct{}

var _ engine.Source = Source{}

// Stat implements engine.Opener.
func (Source) Stat(ctx context.Context, at string) (engine.Pin, error) {
	f, info, err := openRegular(ctx, at)
	if err != nil {
		return engine.Pin{}, fmt.Errorf("stat %s: %w", at, err)
	}
	defer f.Close()
	return pin(f.Name(), info), nil
}

// Open implements engine.Opener. The reader fails with ErrSourceChanged, before it
// has given the last byte, if the file was touched since.
func (Source) Open(ctx context.Context, at string) (engine.Pin, io.ReadCloser, error) {
	f, info, err := openRegular(ctx, at)
	if err != nil {
		return engine.Pin{}, nil, fmt.Errorf("open %s: %w", at, err)
	}
	p := pin(f.Name(), info)
	return p, newReading(ctx, f, p.ETag, engine.Range{End: p.Size}), nil
}

// OpenRange implements engine.Reader. The file is compared with pin now and once
// more before the last byte is given.
func (Source) OpenRange(ctx context.Context, at string, pin engine.Pin, r engine.Range) (io.ReadCloser, error) {
	f, info, err := openRegular(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", at, err)
	}
	if tag := etag(info); tag != pin.ETag {
		f.Close()
		return nil, fmt.Errorf("open %s: %w: %s became %s", at, engine.ErrSourceChanged, pin.ETag, tag)
	}
	if r.Start < 0 || r.End < r.Start || r.End > info.Size() {
		f.Close()
		return nil, fmt.Errorf("open %s: %w: %s of %d bytes", at, engine.ErrRefused, r, info.Size())
	}
	return newReading(ctx, f, pin.ETag, r), nil
}

// tick is longer than the step in which kernels count the times of files.
const tick = 20 * time.Millisecond

// openRegular opens a file for reading. A pipe is not opened, for that would wait
// for a writer, nor a device, for that may do something.
//
// A file written to within the last tick could be written to again without a
// change of its times; its version has no name of its own until the tick is over.
func openRegular(ctx context.Context, at string) (*os.File, fs.FileInfo, error) {
	path, err := localPath(at)
	if err != nil {
		return nil, nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, forReading(err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%w: it is %s", engine.ErrRefused, kind(info.Mode()))
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, forReading(err)
	}
	for seen := ""; ; {
		info, err = f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("%w: it is %s", engine.ErrRefused, kind(info.Mode()))
		}
		if err != nil {
			f.Close()
			return nil, nil, forReading(err)
		}
		tag := etag(info)
		if age := time.Since(changedAt(info)); age >= tick || tag == seen {
			return f, info, nil
		}
		seen = tag
		select {
		case <-time.After(tick):
		case <-ctx.Done():
			f.Close()
			return nil, nil, ctx.Err()
		}
	}
}

// forReading translates an error of opening or reading a source.
func forReading(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%w: %w", engine.ErrNotFound, err)
	}
	return translate(err)
}
