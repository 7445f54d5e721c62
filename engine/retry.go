package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// An action is what the engine does about an error.
type action int

const (
	again   action = iota // try again after a pause, for as long as the time budget lasts
	slower                // likewise, with less in flight
	rekeyed               // try again at no cost: the keys are being replaced
	resend                // try again a few times
	wait                  // try again however long it takes, and say so
	resolve               // look at the destination before anything else
	restart               // begin the object again with a new upload
	giveUp                // fail the object
	halt                  // end the run; the job can be resumed
)

// actions is the one table from error to action, first match wins. What matches
// nothing is passing trouble: a broken connection, a reply cut short, a 5xx.
var actions = []struct {
	err    error
	action action
}{
	{errStopped, giveUp},
	{ErrNoKeys, halt},
	{ErrNoStore, halt},
	{ErrKeysRejected, rekeyed},
	{ErrThrottled, slower},
	{ErrNoSpace, wait},
	{ErrCorrupt, resend},
	{ErrAmbiguous, resolve},
	{ErrUploadGone, restart},
	{ErrSourceChanged, giveUp},
	{ErrNotFound, giveUp},
	{ErrDenied, giveUp},
	{ErrRefused, giveUp},
}

func actionFor(err error) action {
	for _, row := range actions {
		if errors.Is(err, row.err) {
			return row.action
		}
	}
	return again
}

const (
	// maxResends is how often bytes that disagree with their checksum are sent
	// before that is taken for the truth about them.
	maxResends = 3

	// maxRestarts is how often one object begins again within a run.
	maxRestarts = 3

	// quietRetries is how long trouble may pass by itself before anyone is told.
	quietRetries = 5 * time.Second

	firstPause = 100 * time.Millisecond
	longPause  = 20 * time.Second
)

// errStopped ends an attempt because the run takes in no more work. The row
// stays pending.
var errStopped = errors.New("stopped")

// try calls attempt until it succeeds. It returns errStopped when the run stops
// meanwhile, and attempt's error when that is not for trying again or the time
// budget, counted from the first failure, is used up. A throttled attempt lets
// the pace down; a rejected key and a full disk cost no budget.
func (r *run) try(ctx context.Context, attempt func() error) error {
	var first time.Time
	resends := 0
	for n := 1; ; n++ {
		err := attempt()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return errStopped
		}
		free := false
		switch actionFor(err) {
		case again:
		case slower:
			r.pace.throttled()
		case rekeyed:
			free = true
		case wait:
			free = true
			r.notice("waiting for space at the destination", err)
		case resend:
			if resends++; resends >= maxResends {
				return err
			}
		case halt:
			r.halt(err)
			return errStopped
		default:
			return err
		}
		if !free {
			if first.IsZero() {
				first = time.Now()
			}
			spent := time.Since(first)
			if spent > r.opt.RetryFor {
				return fmt.Errorf("gave up after %d tries in %v: %w", n, spent.Round(time.Second), err)
			}
			if spent > quietRetries {
				r.notice("requests fail and are tried again", err)
			}
		}
		if !r.pause(ctx, n) {
			return errStopped
		}
	}
}

// pause waits before try n+1, longer each time and never in step with others.
// It gives false when the run stops first.
func (r *run) pause(ctx context.Context, n int) bool {
	d := longPause
	if n < 8 {
		d = min(firstPause<<(n-1), longPause)
	}
	timer := time.NewTimer(d/2 + rand.N(d/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.intake.Done():
	case <-ctx.Done():
	}
	return false
}
