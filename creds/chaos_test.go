package creds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestNoRequestFailsWhileKeysCanBeHad runs jobs with random keys, outages and
// revocations and holds them to the promise of the package: a request is
// rejected only if its keys were revoked, and waits only while the vendor is down.
func TestNoRequestFailsWhileKeysCanBeHad(t *testing.T) {
	outages, revocations := 0, 0
	for seed := range uint64(25) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		life := time.Duration(float64(2*time.Second) * float64(uint(1)<<rnd.IntN(12)) * (1 + rnd.Float64()))
		v := &vendor{life: life, skew: time.Duration(rnd.Int64N(int64(20*time.Minute))) - 10*time.Minute,
			latency: time.Duration(rnd.Int64N(int64(min(life/20, time.Second))))}
		outage := time.Duration(rnd.Int64N(int64(2 * life)))
		downAt := time.Duration(rnd.Int64N(int64(2 * life)))
		revokeAt := time.Duration(rnd.Int64N(int64(4 * life)))
		bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
			start := time.Now()
			v.fail = func(now time.Time) error {
				if at := now.Sub(start); at >= downAt && at < downAt+outage {
					return errors.New("connection refused")
				}
				return nil
			}
			var wg sync.WaitGroup
			var mu sync.Mutex
			rejected, longest := 0, time.Duration(0)
			for w := range 8 {
				wg.Go(func() {
					time.Sleep(time.Duration(w) * life / 1600) //nolint:forbidigo // the bubble's time
					r, waited := work(t, k, v, 5*life, life/200)
					mu.Lock()
					rejected, longest = rejected+r, max(longest, waited)
					mu.Unlock()
				})
			}
			time.Sleep(revokeAt) //nolint:forbidigo // the bubble's time
			v.mu.Lock()
			for id := range v.minted {
				v.minted[id] = time.Now()
			}
			v.mu.Unlock()
			wg.Wait()
			synctest.Wait()

			counts := k.Counts()
			if rejected > 8*int(counts.Rejected) || counts.Rejected > 1 {
				t.Errorf("seed %d: %d requests and %d sets of keys rejected after one revocation", seed, rejected, counts.Rejected)
			}
			_, slowest := pace{life}.backoff()
			if allowed := outage + slowest + 2*v.latency + time.Second; longest > allowed {
				t.Errorf("seed %d: a request waited %s, outage %s, life %s", seed, longest, outage, life)
			}
			if v.overlap.Load() {
				t.Errorf("seed %d: two fetches at once", seed)
			}
			if n := v.count(); n > 200 {
				t.Errorf("seed %d: %d fetches in 5 lives", seed, n)
			}
			if l.count(Paused) != l.count(Resumed) {
				t.Errorf("seed %d: %v", seed, l.kinds())
			}
			outages += l.count(Warning) + l.count(Paused)
			revocations += int(counts.Rejected)
		})
	}
	if outages == 0 || revocations == 0 {
		t.Errorf("the faults never fired: %d, %d", outages, revocations)
	}
}

// roundTrip is a vendor without sockets.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTwoSecondKeysOverHTTP has the seconds of the Date header between the
// vendor's clock and ours.
func TestTwoSecondKeysOverHTTP(t *testing.T) {
	for _, skew := range []time.Duration{0, 10*time.Minute + 300*time.Millisecond, -10 * time.Minute} {
		v := &vendor{life: 2 * time.Second, skew: skew, latency: 30 * time.Millisecond}
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			k, err := v.Fetch(r.Context())
			if err != nil {
				return nil, err
			}
			body := fmt.Sprintf(`{"accessKeyId":%q,"secretAccessKey":%q,"sessionToken":"t","expiration":%q}`,
				k.AccessKeyID, k.SecretAccessKey.Reveal(), k.Expires.Format("2006-01-02 15:04:05.000000Z07:00"))
			header := http.Header{"Date": {time.Now().Add(skew).UTC().Format(http.TimeFormat)}}
			return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(bytes.NewReader([]byte(body)))}, nil
		})
		s, err := Parse("web:https://vendor.test/")
		if err != nil {
			t.Fatal(err)
		}
		p, err := Open(t.Context(), s, Options{Transport: transport, Getenv: env()})
		if err != nil {
			t.Fatal(err)
		}
		bubble(t, p, func(t *testing.T, k *Keeper, l *log) {
			rejected, longest := work(t, k, v, 5*time.Minute, 7*time.Millisecond)
			if rejected != 0 || longest > v.latency {
				t.Errorf("skew %s: %d rejected, longest wait %s", skew, rejected, longest)
			}
			for _, kind := range l.kinds() {
				if kind != Renewed {
					t.Fatalf("skew %s: %v", skew, kind)
				}
			}
			if e := l.first(t, Renewed); !strings.HasPrefix(e.From, "vendor.test") || e.Life > 2*time.Second || (skew == 0 && e.Life < 2*time.Second) {
				t.Errorf("skew %s: %+v", skew, e)
			}
		})
	}
}
