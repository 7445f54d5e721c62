package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"xfer/creds"
	"xfer/engine"
	"xfer/store/filestore"
	"xfer/store/s3store"
)

// stores opens what the places of a job need: keys and an S3 client for each
// side that has S3 places, and local trees. Each is opened when the first row
// asks for it, so that a job between disks wants no credentials.
type stores struct {
	opt     *options
	dst     *place // the job's DST, may be nil
	log     *slog.Logger
	observe func(creds.Event)

	mu      sync.Mutex
	s3      map[string]*s3side                // by side; guarded by mu
	roots   map[string]*filestore.Destination // by root; guarded by mu
	keepers []*creds.Keeper                   // guarded by mu
	stopped bool                              // guarded by mu
}

// An s3side is one side's S3 client, opened once.
type s3side struct {
	once  sync.Once
	store *s3store.Store
	err   error
}

const (
	sourceSide      = "source"
	destinationSide = "destination"
)

func newStores(opt *options, dst *place, log *slog.Logger, observe func(creds.Event)) *stores {
	return &stores{
		opt: opt, dst: dst, log: log, observe: observe,
		s3:    map[string]*s3side{sourceSide: {}, destinationSide: {}},
		roots: map[string]*filestore.Destination{},
	}
}

// close ends the keepers and gives open files back.
func (s *stores) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keepers {
		k.Close()
	}
	for _, root := range s.roots {
		_ = root.Close() // nothing is written through a root itself
	}
}

// stopWaiting makes requests that wait for keys fail instead.
func (s *stores) stopWaiting() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for _, k := range s.keepers {
		k.StopWaiting()
	}
}

// keys sums up the keepers of both sides.
func (s *stores) keys() creds.Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum creds.Counts
	for _, k := range s.keepers {
		c := k.Counts()
		sum.Renewals += c.Renewals
		sum.Rejected += c.Rejected
	}
	return sum
}

// s3store gives the S3 client of a side. bucket is one it will be asked for,
// which tells some vendors which endpoint to use.
func (s *stores) s3store(ctx context.Context, name, bucket string) (*s3store.Store, error) {
	side := s.s3[name]
	side.once.Do(func() { side.store, side.err = s.openS3(ctx, name, bucket) })
	return side.store, side.err
}

func (s *stores) openS3(ctx context.Context, name, bucket string) (*s3store.Store, error) {
	o := s.opt.source
	if name == destinationSide {
		o = s.opt.dest
	}
	spec, err := creds.Parse(o.creds)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrNoStore, err)
	}
	provider, err := creds.Open(ctx, spec, creds.Options{Bucket: bucket, Version: agentVersion})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", engine.ErrNoKeys, name, err)
	}
	keeper := creds.NewKeeper(context.WithoutCancel(ctx), provider, creds.KeeperOptions{Name: name, Observe: s.observe})
	s.mu.Lock()
	s.keepers = append(s.keepers, keeper)
	stopped := s.stopped
	s.mu.Unlock()
	if stopped {
		keeper.StopWaiting()
	}
	// Asked for here, so that a login that does not work is told once and clearly.
	if _, err := keeper.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("%w: %s credentials %s: %w", engine.ErrNoKeys, name, o.creds, err)
	}
	store, err := s3store.Open(ctx, s3store.Config{
		Credentials:   keeper,
		Anonymous:     o.creds == "anonymous",
		Rejected:      keeper.Rejected,
		Endpoint:      o.endpoint,
		Region:        o.region,
		RequesterPays: s.opt.requesterPays && name == sourceSide,
		AllowHTTP:     s.opt.allowHTTP,
		UserAgent:     "xfer/" + agentVersion,
		Logger:        s.log,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", engine.ErrNoStore, name, err)
	}
	return store, nil
}

// root gives the tree that the local destination at lies in: the job's DST, or
// for a row with a destination of its own elsewhere, the topmost directory of
// its path. Nothing is written outside a root, whatever links there are in it.
func (s *stores) root(at string) (*filestore.Destination, error) {
	path := strings.TrimPrefix(at, "file://")
	root := path[:1+strings.IndexByte(path[1:]+"/", '/')]
	if strings.Count(path, "/") == 1 {
		root = "/"
	}
	if s.dst != nil && s.dst.scheme == "file" {
		if dst := strings.TrimRight(s.dst.path, "/") + "/"; strings.HasPrefix(path, dst) {
			root = dst
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.roots[root]; ok {
		return d, nil
	}
	d, err := filestore.New(root)
	if err != nil {
		return nil, err
	}
	s.roots[root] = d
	return d, nil
}

// source is the engine's view of all places that are read.
type source struct{ *stores }

func (s source) at(ctx context.Context, at string) (engine.Source, error) {
	if strings.HasPrefix(at, "file://") {
		return filestore.Source{}, nil
	}
	bucket, _, err := s3store.ParsePlace(at)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrRefused, err)
	}
	return s.s3store(ctx, sourceSide, bucket)
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
	bucket, _, err := s3store.ParsePlace(at)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrRefused, err)
	}
	return d.s3store(ctx, destinationSide, bucket)
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
	return store.Put(ctx, at, pin, body)
}

func (d destination) PutPart(ctx context.Context, u engine.Upload, pin engine.Pin, number int32, r engine.Range, body *engine.Body) (string, error) {
	store, err := d.at(ctx, u.Destination)
	if err != nil {
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
