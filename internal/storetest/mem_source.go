package storetest

import (
	"context"
	"fmt"
	"io"

	"xfer/engine"
)

var _ engine.Source = (*Mem)(nil)

// Stat implements engine.Opener.
func (m *Mem) Stat(ctx context.Context, at string) (engine.Pin, error) {
	if err := ctx.Err(); err != nil {
		return engine.Pin{}, err
	}
	f := m.call(OpStat, at, 0)
	if f.Err != nil {
		return engine.Pin{}, f.Err
	}
	o, err := m.find(at)
	return o.pin, err
}

// Open implements engine.Opener.
func (m *Mem) Open(ctx context.Context, at string) (engine.Pin, io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return engine.Pin{}, nil, err
	}
	f := m.call(OpOpen, at, 0)
	if err := f.early(); err != nil {
		return engine.Pin{}, nil, err
	}
	o, err := m.find(at)
	if err != nil {
		return engine.Pin{}, nil, err
	}
	if err := f.late(); err != nil {
		return engine.Pin{}, nil, err
	}
	return o.pin, &reading{ctx: ctx, from: f.bytes(o.data)}, nil
}

// OpenRange implements engine.Reader.
func (m *Mem) OpenRange(ctx context.Context, at string, pin engine.Pin, r engine.Range) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f := m.call(OpOpenRange, at, 0)
	if err := f.early(); err != nil {
		return nil, err
	}
	o, err := m.find(at)
	if err != nil {
		return nil, err
	}
	if pin.ETag == "" || pin.ETag != o.pin.ETag {
		return nil, fmt.Errorf("open %s: %w: etag %s became %s", at, engine.ErrSourceChanged, pin.ETag, o.pin.ETag)
	}
	if r.Start < 0 || r.End < r.Start || r.End > o.pin.Size {
		return nil, fmt.Errorf("open %s: %w: %s of %d bytes", at, engine.ErrRefused, r, o.pin.Size)
	}
	if err := f.late(); err != nil {
		return nil, err
	}
	return &reading{ctx: ctx, from: f.bytes(o.data[r.Start:r.End])}, nil
}

func (m *Mem) find(at string) (object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[at]
	if !ok {
		return object{}, fmt.Errorf("open %s: %w", at, engine.ErrNotFound)
	}
	return o, nil
}

// reading is the body of a reply. It ends with the request's context, as one from
// a network does.
type reading struct {
	ctx    context.Context
	from   io.Reader
	closed bool
}

func (r *reading) Read(p []byte) (int, error) {
	if r.closed {
		return 0, io.ErrClosedPipe
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

func (r *reading) Close() error {
	r.closed = true
	return nil
}
