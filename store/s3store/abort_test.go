package s3store_test

import (
	"context"
	"testing"
	"time"

	"xfer/engine"
	"xfer/internal/s3sim"
)

func TestAbortEndsWhatIsThere(t *testing.T) {
	sim := start(t, s3sim.Config{})
	s := open(t, sim)
	ctx := context.Background()
	a := arrive(t, s, "s3://b/to")
	if err := s.Abort(ctx, a.u); err != nil {
		t.Error(err)
	}
	if err := s.Abort(ctx, a.u); err != nil {
		t.Errorf("again: %v", err)
	}
	blind := arrive(t, s, "s3://b/to")
	sim.Deny(s3sim.ListParts)
	if err := s.Abort(ctx, blind.u); err != nil {
		t.Errorf("without ListParts: %v", err)
	}
	if open := sim.OpenUploads("b"); len(open) > 0 {
		t.Errorf("open: %+v", open)
	}
	kept := arrive(t, s, "s3://b/to")
	sim.Deny(s3sim.AbortMultipartUpload)
	wantMeaning(t, s.Abort(ctx, kept.u), engine.ErrDenied)
}

func TestSweepEndsOnlyUploadsOfThePlace(t *testing.T) {
	t.Parallel()
	sim := start(t, s3sim.Config{})
	s := open(t, sim)
	ctx := context.Background()
	begin := func(at string) {
		if _, err := s.Begin(ctx, at, engine.Pin{}); err != nil {
			t.Fatal(err)
		}
	}
	const n = 1010 // more than a page
	for range n {
		begin("s3://b/a b+c")
	}
	begin("s3://b/a b+cd")
	begin("s3://b/other")
	now := time.Now()
	if ended, err := s.Sweep(ctx, "s3://b/a b+c", now.Add(time.Hour)); err != nil || ended != 0 {
		t.Errorf("of the future: %d, %v", ended, err)
	}
	if ended, err := s.Sweep(ctx, "s3://b/a b+c", now.Add(10*time.Minute)); err != nil || ended != n {
		t.Errorf("%d of %d, %v", ended, n, err)
	}
	if left := sim.OpenUploads("b"); len(left) != 2 {
		t.Errorf("left: %d", len(left))
	}
	for _, fault := range []s3sim.Fault{{Kind: s3sim.Blank200}, {Kind: s3sim.HTML200}} {
		fault.Op = s3sim.ListMultipartUploads
		sim.Inject(fault)
		_, err := s.Sweep(ctx, "s3://b/other", now)
		wantMeaning(t, err, nil)
	}
	sim.Deny(s3sim.ListMultipartUploads)
	_, err := s.Sweep(ctx, "s3://b/other", now)
	wantMeaning(t, err, engine.ErrDenied)
}
