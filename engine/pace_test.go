package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A load that brings more with each worker up to a point, as a line does.
func steered(t *testing.T, useful int, minutes int) (p *pace) {
	synctest.Test(t, func(t *testing.T) {
		p = newPace(0)
		c := new(Counters)
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(minutes)*time.Minute)
		defer cancel()
		go func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					c.Moved.Add(int64(min(p.current(), useful)) << 20)
				case <-ctx.Done():
					return
				}
			}
		}()
		p.steer(ctx, c)
	})
	return p
}

func TestPaceClimbsToTheTop(t *testing.T) {
	if got := steered(t, 1000, 1).current(); got < MaxWorkers*7/8 {
		t.Errorf("limit %d, want about %d", got, MaxWorkers)
	}
}

func TestPaceStaysWhereMoreBringsNothing(t *testing.T) {
	if got := steered(t, 12, 5).current(); got < 12 || got > 27 {
		t.Errorf("limit %d, want about 12", got)
	}
}

func TestThrottledHalvesOnceForABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(0)
		for range 50 {
			p.throttled()
		}
		if got := p.current(); got != firstWorkers/2 {
			t.Errorf("limit %d, want %d", got, firstWorkers/2)
		}
		for range 50 {
			time.Sleep(2 * time.Second) //nolint:forbidigo // the bubble's time
			p.throttled()
		}
		if got := p.current(); got != 1 {
			t.Errorf("limit %d, want 1", got)
		}
	})
}

func TestAFixedPaceStays(t *testing.T) {
	p := newPace(7)
	p.throttled()
	if got := p.current(); got != 7 {
		t.Errorf("limit %d, want 7", got)
	}
}

func TestAdmitLetsInAsTheLimitGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(0)
		in := make(chan bool, 1)
		go func() { in <- p.admit(t.Context(), firstWorkers, nil) }()
		synctest.Wait()
		select {
		case <-in:
			t.Fatal("admitted above the limit")
		default:
		}
		p.set(firstWorkers + 1)
		if !<-in {
			t.Error("not admitted below the limit")
		}
	})
}
