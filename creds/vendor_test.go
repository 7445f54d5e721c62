package creds

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// vendor is a Provider that mints keys, with faults on demand.
type vendor struct {
	mu      sync.Mutex
	life    time.Duration
	skew    time.Duration // vendor's clock minus ours
	static  bool          // keys are not Renewable
	fail    func(now time.Time) error
	latency time.Duration
	shared  time.Duration // keys are minted once per this time and handed to all
	fetches []time.Time
	minted  map[string]time.Time // id → true end by our clock
	newest  Keys
	mintAt  time.Time
	busy    atomic.Int32
	overlap atomic.Bool
}

func (v *vendor) Fetch(ctx context.Context) (Keys, error) {
	if v.busy.Add(1) > 1 {
		v.overlap.Store(true)
	}
	defer v.busy.Add(-1)
	// The lock is not held while time passes: a bubble's clock stands still while
	// anybody waits for a mutex.
	v.mu.Lock()
	v.fetches = append(v.fetches, time.Now())
	latency, fail := v.latency, v.fail
	v.mu.Unlock()
	if latency > 0 {
		select {
		case <-time.After(latency):
		case <-ctx.Done():
			return Keys{}, ctx.Err()
		}
	}
	now := time.Now()
	if fail != nil {
		if err := fail(now); err != nil {
			return Keys{}, err
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.newest.AccessKeyID == "" || now.Sub(v.mintAt) >= v.shared {
		id := fmt.Sprintf("ASIA%04d", len(v.minted)+1)
		if v.minted == nil {
			v.minted = map[string]time.Time{}
		}
		v.mintAt = now
		v.minted[id] = now.Add(v.life)
		v.newest = Keys{
			AccessKeyID:     id,
			SecretAccessKey: NewSecret("canary-secret"),
			SessionToken:    NewSecret("canary-token"),
			Renewable:       !v.static,
			From:            "vendor.test",
		}
		if v.life > 0 {
			v.newest.Expires = now.Add(v.life + v.skew)
		}
	}
	k := v.newest
	k.VendorNow = now.Add(v.skew)
	return k, nil
}

func (v *vendor) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.fetches)
}

// service is what the keys are for: it accepts them until their true end.
func (v *vendor) service(creds aws.Credentials) (code string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	end, known := v.minted[creds.AccessKeyID]
	switch {
	case !known:
		return "InvalidAccessKeyId"
	case v.life > 0 && !time.Now().Before(end):
		return "ExpiredToken"
	}
	return ""
}

// log collects events.
type log struct {
	mu     sync.Mutex
	events []Event
	times  []time.Time
}

func (l *log) observe(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
	l.times = append(l.times, time.Now())
}

func (l *log) kinds() (all []EventKind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		all = append(all, e.Kind)
	}
	return all
}

func (l *log) count(kind EventKind) (n int) {
	for _, k := range l.kinds() {
		if k == kind {
			n++
		}
	}
	return n
}

func (l *log) first(t *testing.T, kind EventKind) Event {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.Kind == kind {
			return e
		}
	}
	t.Fatalf("no event %q in %+v", kind, l.events)
	return Event{}
}

// when returns the time of the first event of a kind.
func (l *log) when(t *testing.T, kind EventKind) time.Time {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, e := range l.events {
		if e.Kind == kind {
			return l.times[i]
		}
	}
	t.Fatalf("no event %q in %+v", kind, l.events)
	return time.Time{}
}

// bubble runs f over a Keeper of v on a fake clock.
func bubble(t *testing.T, v Provider, f func(t *testing.T, k *Keeper, l *log)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		k := NewKeeper(t.Context(), v, KeeperOptions{Name: "source", Observe: l.observe})
		defer k.Close()
		f(t, k, l)
	})
}

func mustRetrieve(t *testing.T, k *Keeper) aws.Credentials {
	t.Helper()
	c, err := k.Retrieve(t.Context())
	if err != nil {
		t.Fatalf("Retrieve: %v", err)
	}
	return c
}

// work signs a request every step for the whole time and counts what went wrong.
// A rejected request is reported and sent again, as a store does it.
func work(t *testing.T, k *Keeper, v *vendor, whole, step time.Duration) (rejected int, longest time.Duration) {
	t.Helper()
	for end := time.Now().Add(whole); time.Now().Before(end); time.Sleep(step) { //nolint:forbidigo // the bubble's time
		asked := time.Now()
		creds := mustRetrieve(t, k)
		longest = max(longest, time.Since(asked))
		for code := v.service(creds); code != ""; code = v.service(creds) {
			rejected++
			k.Rejected(creds.AccessKeyID, code)
			creds = mustRetrieve(t, k)
		}
	}
	return rejected, longest
}
