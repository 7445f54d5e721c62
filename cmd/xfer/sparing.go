package main

import (
	"context"
	"io"
	"slices"

	"xfer/engine"
)

// sparing is a source that allows few connections. Where another source opens an
// object and lets its body wait for a worker, on a connection, this one only asks
// for its head, and connects when a worker reads. So a connection is held only by
// who is reading, and the workers that wait for one always get it.
type sparing struct{ engine.Source }

func (s sparing) Open(ctx context.Context, at string) (engine.Pin, io.ReadCloser, error) {
	pin, err := s.Stat(ctx, at)
	if err != nil {
		return engine.Pin{}, nil, err
	}
	return pin, &lateBody{open: func() (io.ReadCloser, error) {
		if pin.Size == 0 {
			return io.NopCloser(emptyReader{}), nil
		}
		return s.OpenRange(ctx, at, pin, engine.Range{End: pin.Size})
	}}, nil
}

// A lateBody is opened by its first Read.
type lateBody struct {
	open func() (io.ReadCloser, error)
	body io.ReadCloser
	err  error
}

func (l *lateBody) Read(p []byte) (int, error) {
	if l.body == nil && l.err == nil {
		l.body, l.err = l.open()
	}
	if l.err != nil {
		return 0, l.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	return l.body.Read(p)
}

func (l *lateBody) Close() error {
	if l.body == nil {
		return nil
	}
	return l.body.Close()
}

// readable opens a late body before a destination connects, which would
// otherwise sit there with an idle request. It reads nothing.
func (d destination) readable(body *engine.Body) error {
	limited := slices.ContainsFunc(d.opt.places, func(b binding) bool { return b.Connections > 0 })
	if !limited || body.Size() == 0 {
		return nil
	}
	_, err := body.Read(nil)
	return err
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, io.EOF }
