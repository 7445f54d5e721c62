package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"xfer/creds"
	"xfer/engine"
	"xfer/store/filestore"
	"xfer/store/s3store"
)

// stores opens what the places of a job need: keys and S3 clients for each reach
// of its S3 places, and local trees. Each is opened when the first row asks for
// it, so that a job between disks wants no credentials.
type stores struct {
	opt     *options
	dst     *place // the job's DST, may be nil
	log     *slog.Logger
	observe func(creds.Event)
	ahead   foresight

	mu      sync.Mutex
	s3      map[reach]*s3client               // guarded by mu
	keepers map[identity]*keys                // guarded by mu
	roots   map[string]*filestore.Destination // by root; guarded by mu
	stopped bool                              // guarded by mu
}

// An s3client is the S3 client of one reach, opened once.
type s3client struct {
	once  sync.Once
	store *s3store.Store
	err   error
}

// keys are the keeper of one identity, opened once.
type keys struct {
	once   sync.Once
	keeper *creds.Keeper // nil until it is open
	err    error
}

const (
	sourceSide      = "source"
	destinationSide = "destination"
)

func newStores(opt *options, dst *place, log *slog.Logger, observe func(creds.Event)) *stores {
	return &stores{
		opt: opt, dst: dst, log: log, observe: observe,
		s3:      map[reach]*s3client{},
		keepers: map[identity]*keys{},
		roots:   map[string]*filestore.Destination{},
	}
}

// close ends the keepers and gives open files back.
func (s *stores) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.open() {
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
	for _, k := range s.open() {
		k.StopWaiting()
	}
}

// open gives the keepers there are. Called with mu held.
func (s *stores) open() (all []*creds.Keeper) {
	for _, k := range s.keepers {
		if k.keeper != nil {
			all = append(all, k.keeper)
		}
	}
	return all
}

// keys sums up the keepers of both sides.
func (s *stores) keys() creds.Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum creds.Counts
	for _, k := range s.open() {
		c := k.Counts()
		sum.Renewals += c.Renewals
		sum.Rejected += c.Rejected
	}
	return sum
}

// s3store gives the S3 client for a place of a side.
func (s *stores) s3store(ctx context.Context, side, at string) (*s3store.Store, reach, error) {
	bucket, key, err := s3store.ParsePlace(at)
	if err != nil {
		return nil, reach{}, fmt.Errorf("%w: %w", engine.ErrRefused, err)
	}
	r := s.opt.reach(side, bucket, key)
	s.mu.Lock()
	client, ok := s.s3[r]
	if !ok {
		client = &s3client{}
		s.s3[r] = client
	}
	s.mu.Unlock()
	client.once.Do(func() { client.store, client.err = s.openS3(ctx, r, bucket) })
	return client.store, r, client.err
}

func (s *stores) openS3(ctx context.Context, r reach, bucket string) (*s3store.Store, error) {
	keeper, err := s.keeper(ctx, r, bucket)
	if err != nil {
		return nil, err
	}
	store, err := s3store.Open(ctx, r.config(keeper, s.opt, s.log))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", engine.ErrNoStore, r.side, err)
	}
	return store, nil
}

// config is that of the S3 client for r.
func (r reach) config(keeper *creds.Keeper, opt *options, log *slog.Logger) s3store.Config {
	return s3store.Config{
		Credentials:   keeper,
		Anonymous:     r.creds == "anonymous",
		Rejected:      keeper.Rejected,
		Endpoint:      r.endpoint,
		Region:        r.region,
		RequesterPays: r.payer,
		MaxConns:      r.connections,
		AllowHTTP:     opt.allowHTTP,
		UserAgent:     "xfer/" + agentVersion,
		Logger:        log,
	}
}

// keeper gives the keeper of r's identity. bucket is one it will be asked for,
// which tells some vendors which endpoint to use.
func (s *stores) keeper(ctx context.Context, r reach, bucket string) (*creds.Keeper, error) {
	s.mu.Lock()
	k, ok := s.keepers[r.identity()]
	if !ok {
		k = &keys{}
		s.keepers[r.identity()] = k
	}
	s.mu.Unlock()
	k.once.Do(func() { k.err = s.openKeys(ctx, k, r, bucket) })
	return k.keeper, k.err
}

func (s *stores) openKeys(ctx context.Context, k *keys, r reach, bucket string) error {
	provider, err := s.opt.provider(ctx, r.creds, bucket)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", engine.ErrNoKeys, r.side, err)
	}
	keeper := creds.NewKeeper(context.WithoutCancel(ctx), provider, creds.KeeperOptions{Name: r.side, Observe: s.heard})
	s.mu.Lock()
	k.keeper = keeper
	stopped := s.stopped
	s.mu.Unlock()
	if stopped {
		keeper.StopWaiting()
	}
	// Asked for here, so that a login that does not work is told once and clearly.
	if _, err := keeper.Retrieve(ctx); err != nil {
		return fmt.Errorf("%w: %s credentials %s: %w", engine.ErrNoKeys, r.side, harmlessSpec(r.creds), err)
	}
	return nil
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

// heard passes on what keepers tell.
func (s *stores) heard(e creds.Event) {
	s.ahead.note(e, time.Now())
	s.observe(e)
}

// harmlessSpec is a spec without what may be secret in it.
func harmlessSpec(text string) string {
	spec, err := creds.Parse(text)
	if err != nil {
		return "…"
	}
	return spec.String()
}
