package main

import (
	"context"
	"io"
	"strings"
	"time"

	"xfer/engine"
	"xfer/store/filestore"
)

// source is the engine's view of all places that are read.
type source struct{ *stores }

func (s source) at(ctx context.Context, at string) (engine.Source, error) {
	if strings.HasPrefix(at, "file://") {
		return filestore.Source{}, nil
	}
	store, r, err := s.s3store(ctx, sourceSide, at)
	if err != nil {
		return nil, err
	}
	if r.connections > 0 {
		return sparing{store}, nil
	}
	return store, nil
}

func (s source) Stat(ctx context.Context, at string) (engine.Pin, error) {
	store, err := s.at(ctx, at)
	if err != nil {
		return engine.Pin{}, err
	}
	return store.Stat(ctx, at)
}

func (s source) Open(ctx context.Context, at string) (engine.Pin, io.ReadCloser, error) {
	store, err := s.at(ctx, at)
	if err != nil {
		return engine.Pin{}, nil, err
	}
	return store.Open(ctx, at)
}

func (s source) OpenRange(ctx context.Context, at string, pin engine.Pin, r engine.Range) (io.ReadCloser, error) {
	store, err := s.at(ctx, at)
	if err != nil {
		return nil, err
	}
	return store.OpenRange(ctx, at, pin, r)
}

// destination is the engine's view of all places that are written.
type destination struct{ *stores }

func (d destination) at(ctx context.Context, at string) (engine.Destination, error) {
	if strings.HasPrefix(at, "file://") {
		return d.root(at)
	}
	store, _, err := d.s3store(ctx, destinationSide, at)
	return store, err
}

// PartSize asks the store at hand; where that cannot be opened, any answer will
// do, for the next call tells why.
func (d destination) PartSize(at string, size, want int64) int64 {
	store, err := d.at(context.Background(), at)
	if err != nil {
		return 0
	}
	return store.PartSize(at, size, want)
}

func (d destination) Begin(ctx context.Context, at string, pin engine.Pin) (string, error) {
	store, err := d.at(ctx, at)
	if err != nil {
		return "", err
	}
	return store.Begin(ctx, at, pin)
}

func (d destination) Sweep(ctx context.Context, at string, since time.Time) (int, error) {
	store, err := d.at(ctx, at)
	if err != nil {
		return 0, err
	}
	return store.Sweep(ctx, at, since)
}

func (d destination) Put(ctx context.Context, at string, pin engine.Pin, body *engine.Body) (engine.Stored, error) {
	store, err := d.at(ctx, at)
	if err != nil {
		return engine.Stored{}, err
	}
	if err := d.readable(body); err != nil {
		return engine.Stored{}, err
	}
	return store.Put(ctx, at, pin, body)
}

func (d destination) PutPart(ctx context.Context, u engine.Upload, pin engine.Pin, number int32, r engine.Range, body *engine.Body) (string, error) {
	store, err := d.at(ctx, u.Destination)
	if err != nil {
		return "", err
	}
	if err := d.readable(body); err != nil {
		return "", err
	}
	return store.PutPart(ctx, u, pin, number, r, body)
}

func (d destination) Complete(ctx context.Context, u engine.Upload, pin engine.Pin, parts []engine.Receipt, sum engine.Checksum) (engine.Stored, error) {
	store, err := d.at(ctx, u.Destination)
	if err != nil {
		return engine.Stored{}, err
	}
	return store.Complete(ctx, u, pin, parts, sum)
}

func (d destination) Resolve(ctx context.Context, u engine.Upload, pin engine.Pin, parts []engine.Receipt, sum engine.Checksum) (engine.Resolution, engine.Stored, error) {
	store, err := d.at(ctx, u.Destination)
	if err != nil {
		return engine.Gone, engine.Stored{}, err
	}
	return store.Resolve(ctx, u, pin, parts, sum)
}

func (d destination) Abort(ctx context.Context, u engine.Upload) error {
	store, err := d.at(ctx, u.Destination)
	if err != nil {
		return err
	}
	return store.Abort(ctx, u)
}
