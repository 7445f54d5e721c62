package creds

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestEveryIntervalFollowsLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		life := time.Duration(rapid.Int64Range(int64(time.Second), int64(longestLife)).Draw(t, "life"))
		spread := rapid.Float64Range(0, 0.999).Draw(t, "spread")
		p := pace{life}
		for _, renewable := range []bool{true, false} {
			if at := p.renewAfter(spread); at+p.margin(renewable) >= life {
				t.Fatalf("renewal at %s leaves no time before the margin %s", at, p.margin(renewable))
			}
		}
		left := time.Duration(rapid.Int64Range(1, int64(life)).Draw(t, "left"))
		n := rapid.IntRange(1, 1000).Draw(t, "failures")
		if wait := p.afterFailure(n, left, spread); wait > max(left/4, p.shortest()) || wait > time.Minute || wait <= 0 {
			t.Fatalf("wait %s with %s left", wait, left)
		}
		if wait := p.afterFailure(n, 0, spread); wait > min(time.Minute, life) || wait < p.shortest() {
			t.Fatalf("wait %s without keys", wait)
		}
		if wait := p.timeout(20*time.Second, left); wait > 20*time.Second || wait > max(left/2, time.Second) {
			t.Fatalf("timeout %s with %s left", wait, left)
		}
		if p.fresh() > life/2 || p.afterSame(left) < 50*time.Millisecond {
			t.Fatalf("fresh %s, after same %s", p.fresh(), p.afterSame(left))
		}
	})
}

func TestHourKeysKeepTheUsualIntervals(t *testing.T) {
	p := pace{time.Hour}
	if first, longest := p.backoff(); first != 5*time.Second || longest != time.Minute {
		t.Errorf("backoff %s to %s", first, longest)
	}
	if p.margin(true) != time.Minute || p.margin(false) != 2*time.Minute {
		t.Errorf("margins %s, %s", p.margin(true), p.margin(false))
	}
	if p.renewAfter(0) != 45*time.Minute || p.renewAfter(1) != 48*time.Minute {
		t.Errorf("renewal from %s to %s", p.renewAfter(0), p.renewAfter(1))
	}
}
