package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

func TestActions(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want action
	}{
		{io.ErrUnexpectedEOF, again},
		{errors.New("connection reset by peer"), again},
		{context.DeadlineExceeded, again},
		{ErrThrottled, slower},
		{ErrKeysRejected, rekeyed},
		{ErrCorrupt, resend},
		{ErrNoSpace, wait},
		{ErrAmbiguous, resolve},
		{ErrUploadGone, restart},
		{ErrSourceChanged, giveUp},
		{ErrNotFound, giveUp},
		{ErrDenied, giveUp},
		{ErrRefused, giveUp},
		{ErrNoKeys, halt},
		{ErrNoStore, halt},
		{fmt.Errorf("%w: gone: %w", ErrUploadGone, ErrDenied), restart},
	} {
		if got := actionFor(fmt.Errorf("put part: %w", tt.err)); got != tt.want {
			t.Errorf("%v: action %d, want %d", tt.err, got, tt.want)
		}
	}
}

// trying runs attempt under try in a bubble and gives the tries and the fake
// time they took.
func trying(t *testing.T, opt Options, attempt func(n int, r *run) error) (n int, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRun(nil, nil, nil, opt)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r.intake, r.halt = context.WithCancelCause(ctx)
		start := time.Now()
		err = r.try(ctx, func() error { n++; return attempt(n, r) })
		took = time.Since(start)
	})
	return n, took, err
}

func TestPassingTroubleIsTriedForAsLongAsTheBudgetLasts(t *testing.T) {
	n, took, err := trying(t, Options{RetryFor: time.Minute}, func(int, *run) error { return io.ErrUnexpectedEOF })
	if !errors.Is(err, io.ErrUnexpectedEOF) || took < time.Minute || took > 2*time.Minute || n < 5 {
		t.Errorf("%d tries in %v, err %v", n, took, err)
	}
}

func TestRejectedKeysAndAFullDiskCostNoBudget(t *testing.T) {
	for _, cause := range []error{ErrKeysRejected, ErrNoSpace} {
		n, took, err := trying(t, Options{RetryFor: time.Second}, func(n int, _ *run) error {
			if n <= 100 {
				return cause
			}
			return nil
		})
		if err != nil || n != 101 || took < time.Minute {
			t.Errorf("%v: %d tries in %v, err %v", cause, n, took, err)
		}
	}
}

func TestWrongBytesAreSentAgainAFewTimes(t *testing.T) {
	n, _, err := trying(t, Options{}, func(int, *run) error { return ErrCorrupt })
	if !errors.Is(err, ErrCorrupt) || n != maxResends {
		t.Errorf("%d tries, err %v", n, err)
	}
}

func TestNoKeysHaltsTheRun(t *testing.T) {
	_, _, err := trying(t, Options{}, func(_ int, r *run) error {
		context.AfterFunc(r.intake, func() {})
		return ErrNoKeys
	})
	if !errors.Is(err, errStopped) {
		t.Errorf("err %v", err)
	}
}

func TestAStoppedRunDoesNotTryAgain(t *testing.T) {
	n, took, err := trying(t, Options{}, func(_ int, r *run) error {
		r.halt(ErrStopped)
		return io.EOF
	})
	if !errors.Is(err, errStopped) || n != 1 || took != 0 {
		t.Errorf("%d tries in %v, err %v", n, took, err)
	}
}
