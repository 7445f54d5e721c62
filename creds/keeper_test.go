package creds

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
)

func TestKeysAreRenewedAheadForTwelveHours(t *testing.T) {
	for _, skew := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute} {
		v := &vendor{life: time.Hour, skew: skew, latency: time.Second}
		bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
			rejected, longest := work(t, k, v, 12*time.Hour, 3*time.Second)
			if rejected != 0 {
				t.Errorf("skew %s: %d requests were rejected", skew, rejected)
			}
			if longest > v.latency {
				t.Errorf("skew %s: a worker waited %s", skew, longest)
			}
			if n := v.count(); n < 15 || n > 17 {
				t.Errorf("skew %s: %d fetches in 12 h, want one per 45 to 48 min", skew, n)
			}
			if got := k.Counts().Renewals; got != int64(v.count()-1) {
				t.Errorf("Renewals = %d after %d fetches", got, v.count())
			}
			if n := l.count(Warning) + l.count(Paused); n != 0 {
				t.Errorf("%d warnings and pauses: %v", n, l.kinds())
			}
		})
	}
}

func TestRenewalTimeIsSpread(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 20 {
		v := &vendor{life: time.Hour}
		bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
			mustRetrieve(t, k)
			synctest.Wait()
			e := l.first(t, Renewed)
			if e.Next < 45*time.Minute || e.Next > 48*time.Minute {
				t.Errorf("next renewal after %s", e.Next)
			}
			seen[e.Next] = true
		})
	}
	if len(seen) < 10 {
		t.Errorf("only %d different renewal times in 20 runs", len(seen))
	}
}

func TestShortKeysCostNothing(t *testing.T) {
	for _, life := range []time.Duration{2 * time.Second, 5 * time.Second} {
		v := &vendor{life: life, latency: 20 * time.Millisecond}
		bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
			rejected, longest := work(t, k, v, 3*time.Minute, 10*time.Millisecond)
			if rejected != 0 || longest > v.latency {
				t.Errorf("life %s: %d rejected, longest wait %s", life, rejected, longest)
			}
			want := int(3 * time.Minute / life)
			if n := v.count(); n < want || n > want*3/2 {
				t.Errorf("life %s: %d fetches, want %d to %d", life, n, want, want*3/2)
			}
		})
	}
}

func TestOutageWithinLifeIsOnlyAWarning(t *testing.T) {
	for _, life := range []time.Duration{time.Hour, 2 * time.Second} {
		v := &vendor{life: life}
		bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
			mustRetrieve(t, k)
			down, up := time.Now().Add(life/2), time.Now().Add(life*9/10)
			v.mu.Lock()
			v.fail = func(now time.Time) error {
				if now.After(down) && now.Before(up) {
					return errors.New("connection refused")
				}
				return nil
			}
			v.mu.Unlock()
			rejected, longest := work(t, k, v, 2*life, life/1000)
			if rejected != 0 || longest != 0 {
				t.Errorf("life %s: %d rejected, longest wait %s", life, rejected, longest)
			}
			if l.count(Warning) == 0 {
				t.Errorf("life %s: the outage was never told: %v", life, l.kinds())
			}
			if l.count(Warning) > 15 {
				t.Errorf("life %s: %d tries during the outage", life, l.count(Warning))
			}
			if l.count(Paused) != 0 {
				t.Errorf("life %s: paused with keys in hand", life)
			}
		})
	}
}

func TestFortyMinuteOutagePausesAndResumes(t *testing.T) {
	v := &vendor{life: time.Hour}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		mustRetrieve(t, k)
		start := time.Now()
		down, up := start.Add(40*time.Minute), start.Add(80*time.Minute)
		v.mu.Lock()
		v.fail = func(now time.Time) error {
			if now.After(down) && now.Before(up) {
				return &Fault{Text: "reach vendor.test: 503"}
			}
			return nil
		}
		v.mu.Unlock()
		rejected, longest := work(t, k, v, 3*time.Hour, time.Second)
		if rejected != 0 {
			t.Errorf("%d requests were rejected", rejected)
		}
		if longest < 20*time.Minute || longest > 22*time.Minute+time.Minute {
			t.Errorf("longest wait %s, want from minute 59 to minute 80 and one poll", longest)
		}
		if l.count(Paused) != 1 || l.count(Resumed) != 1 {
			t.Errorf("want one pause: %v", l.kinds())
		}
		if at := l.when(t, Paused).Sub(start); at != 59*time.Minute {
			t.Errorf("paused at %s, want the moment the keys stop", at)
		}
		if p := l.first(t, Paused); p.Why != "reach vendor.test: 503" {
			t.Errorf("paused because of %q", p.Why)
		}
		if r := l.first(t, Resumed); r.After < 20*time.Minute || r.After > 23*time.Minute {
			t.Errorf("resumed after %s", r.After)
		}
	})
}

func TestSharedShrinkingKeysAreNotFetchedPerRequest(t *testing.T) {
	// The vendor mints once an hour and hands the same set to everybody until 30 s
	// before its end; we come 56 minutes late.
	v := &vendor{life: time.Hour, shared: time.Hour - 30*time.Second}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		if _, err := v.Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(56 * time.Minute) //nolint:forbidigo // the bubble's time
		before := v.count()
		rejected, longest := work(t, k, v, 4*time.Minute, 10*time.Millisecond)
		if rejected != 0 {
			t.Errorf("%d requests were rejected", rejected)
		}
		if n := v.count() - before; n > 20 {
			t.Errorf("%d fetches in 4 minutes", n)
		}
		if longest > time.Minute {
			t.Errorf("a worker waited %s", longest)
		}
	})
}

func TestHangingVendorDoesNotBlockWorkers(t *testing.T) {
	v := &vendor{life: time.Hour}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		mustRetrieve(t, k)
		v.mu.Lock()
		v.latency = 24 * time.Hour
		v.mu.Unlock()
		time.Sleep(50 * time.Minute) //nolint:forbidigo // the bubble's time
		asked := time.Now()
		mustRetrieve(t, k)
		if waited := time.Since(asked); waited != 0 {
			t.Errorf("a worker waited %s with keys in hand", waited)
		}
		if e := l.first(t, Warning); !strings.Contains(e.Why, "no keys within 20s") {
			t.Errorf("warning says %q", e.Why)
		}
	})
}

func TestCloseCancelsAHangingFetch(t *testing.T) {
	v := &vendor{life: time.Hour, latency: 24 * time.Hour}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		failed := make(chan error, 1)
		go func() { _, err := k.Retrieve(t.Context()); failed <- err }()
		synctest.Wait()
		begun := time.Now()
		k.Close()
		if err := <-failed; !errors.Is(err, ErrUnavailable) {
			t.Errorf("Retrieve after Close: %v", err)
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("Close took %s", took)
		}
	})
}

func TestKeeperEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		k := NewKeeper(ctx, &vendor{life: time.Hour, latency: 24 * time.Hour}, KeeperOptions{})
		defer k.Close()
		failed := make(chan error, 1)
		go func() { _, err := k.Retrieve(t.Context()); failed <- err }()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, ErrUnavailable) {
			t.Errorf("Retrieve after the end: %v", err)
		}
	})
}

func TestManyRejectionsCauseOneFetch(t *testing.T) {
	v := &vendor{life: time.Hour, latency: time.Second}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		old := mustRetrieve(t, k)
		time.Sleep(10 * time.Minute) //nolint:forbidigo // the bubble's time
		var wg sync.WaitGroup
		for i := range 256 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond) //nolint:forbidigo // the bubble's time; some report after the renewal
				k.Rejected(old.AccessKeyID, "ExpiredToken")
				if got := mustRetrieve(t, k); got.AccessKeyID == old.AccessKeyID {
					t.Error("rejected keys were handed out again")
				}
			})
		}
		wg.Wait()
		if n := v.count(); n != 2 {
			t.Errorf("%d fetches, want the first and one renewal", n)
		}
		want := Counts{Renewals: 1, Rejected: 1}
		if diff := cmp.Diff(want, k.Counts()); diff != "" {
			t.Error(diff)
		}
		if v.overlap.Load() {
			t.Error("two fetches at once")
		}
	})
}

func TestFreshKeysRejectedThriceAreDenied(t *testing.T) {
	v := &vendor{life: time.Hour}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		var err error
		var c aws.Credentials
		tries := 0
		for ; tries < 100; tries++ {
			if c, err = k.Retrieve(t.Context()); err != nil {
				break
			}
			k.Rejected(c.AccessKeyID, "InvalidAccessKeyId")
		}
		if !errors.Is(err, ErrDenied) || tries != 3 {
			t.Fatalf("after %d rejections: %v", tries, err)
		}
		if n := v.count(); n != 3 {
			t.Errorf("%d fetches", n)
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("secret in %q", err)
		}
	})
}

func TestRejectionsFarApartNeverDeny(t *testing.T) {
	v := &vendor{life: time.Hour}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		for range 10 {
			c := mustRetrieve(t, k)
			time.Sleep(5 * time.Minute) //nolint:forbidigo // the bubble's time
			k.Rejected(c.AccessKeyID, "ExpiredToken")
		}
		mustRetrieve(t, k)
	})
}

func TestPropagatingKeysAreTriedAgain(t *testing.T) {
	// Long-term keys that the service knows only some seconds after they were made.
	v := &vendor{shared: 1000 * time.Hour}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		known := time.Now().Add(4 * time.Second)
		for range 10 {
			c := mustRetrieve(t, k)
			if time.Now().After(known) {
				return
			}
			k.Rejected(c.AccessKeyID, "InvalidAccessKeyId")
		}
		t.Error("keys were never handed out after they became known")
	})
}

func TestExpiredKeysWithoutReplacementPauseUntilReplaced(t *testing.T) {
	v := &vendor{shared: 2 * time.Hour, static: true}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		old := mustRetrieve(t, k)
		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's time
		k.Rejected(old.AccessKeyID, "ExpiredToken")
		if got := mustRetrieve(t, k); got.AccessKeyID == old.AccessKeyID {
			t.Error("rejected keys were handed out again")
		}
		if e := l.first(t, Paused); !strings.Contains(e.Hint, "put new keys into vendor.test") {
			t.Errorf("hint %q", e.Hint)
		}
		synctest.Wait()
		if l.count(Resumed) != 1 {
			t.Errorf("%v", l.kinds())
		}
	})
}

func TestExpiredKeysAtStartFail(t *testing.T) {
	v := &vendor{shared: 1000 * time.Hour, static: true}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		k.Rejected(mustRetrieve(t, k).AccessKeyID, "ExpiredToken")
		if _, err := k.Retrieve(t.Context()); !errors.Is(err, ErrExpiring) {
			t.Errorf("got %v", err)
		}
	})
}

func TestPastedKeysStopEarlyAndAreSwappedHot(t *testing.T) {
	v := &vendor{life: time.Hour, shared: 90 * time.Minute, static: true}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		start := time.Now()
		first := mustRetrieve(t, k)
		time.Sleep(57 * time.Minute) //nolint:forbidigo // the bubble's time
		if got := mustRetrieve(t, k); got.AccessKeyID != first.AccessKeyID {
			t.Fatal("keys changed")
		}
		if e := l.first(t, Warning); e.Hint == "" || !strings.Contains(e.Why, "end in") {
			t.Errorf("warning %+v", e)
		}
		time.Sleep(90 * time.Second) //nolint:forbidigo // the bubble's time
		got := mustRetrieve(t, k)    // blocks from minute 58 until the vendor mints
		if got.AccessKeyID == first.AccessKeyID {
			t.Error("dying keys were handed out")
		}
		if at := time.Since(start); at < 90*time.Minute || at > 91*time.Minute+time.Second {
			t.Errorf("resumed at %s", at)
		}
	})
}

func TestTerminalErrorAtStartReturnsAtOnce(t *testing.T) {
	for _, kind := range []error{ErrLogin, ErrConsent, ErrSetup} {
		v := &vendor{life: time.Hour, fail: func(time.Time) error { return &Fault{Kind: kind, Text: "no", Hint: "mend it"} }}
		bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
			begun := time.Now()
			_, err := k.Retrieve(t.Context())
			if !errors.Is(err, kind) || HintOf(err) != "mend it" || time.Since(begun) != 0 {
				t.Errorf("%v after %s", err, time.Since(begun))
			}
			if l.count(Paused) != 0 {
				t.Error("paused")
			}
		})
	}
}

func TestTransientErrorAtStartWaits(t *testing.T) {
	v := &vendor{life: time.Hour}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		up := time.Now().Add(8 * time.Minute)
		v.fail = func(now time.Time) error {
			if now.Before(up) {
				return errors.New("connection refused")
			}
			return nil
		}
		begun := time.Now()
		mustRetrieve(t, k)
		if took := time.Since(begun); took < 8*time.Minute || took > 9*time.Minute {
			t.Errorf("keys after %s", took)
		}
		synctest.Wait()
		if e := l.first(t, Paused); e.Why != "connection refused" || e.Hint == "" {
			t.Errorf("pause %+v", e)
		}
		if diff := cmp.Diff([]EventKind{Paused, Renewed, Resumed}, l.kinds()); diff != "" {
			t.Error(diff)
		}
		if n := v.count(); n > 16 {
			t.Errorf("%d tries in 8 minutes", n)
		}
	})
}

func TestBadLoginInMidRunPausesUntilRepaired(t *testing.T) {
	v := &vendor{life: time.Hour}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		mustRetrieve(t, k)
		repaired := time.Now().Add(5 * time.Hour)
		v.mu.Lock()
		v.fail = func(now time.Time) error {
			if now.Before(repaired) {
				return &Fault{Kind: ErrLogin, Text: "login not accepted", Hint: "renew the token"}
			}
			return nil
		}
		v.mu.Unlock()
		if rejected, longest := work(t, k, v, 6*time.Hour, time.Minute); rejected != 0 || longest < 4*time.Hour {
			t.Errorf("%d rejected, longest wait %s", rejected, longest)
		}
		if e := l.first(t, Paused); e.Hint != "renew the token" {
			t.Errorf("hint %q", e.Hint)
		}
	})
}

func TestStopWaitingFreesEverybody(t *testing.T) {
	v := &vendor{life: time.Hour, fail: func(time.Time) error { return errors.New("connection refused") }}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		const workers = 8
		failed := make(chan error, workers)
		for range workers {
			go func() { _, err := k.Retrieve(t.Context()); failed <- err }()
		}
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's time
		k.StopWaiting()
		for range workers {
			if err := <-failed; !errors.Is(err, ErrUnavailable) {
				t.Errorf("got %v", err)
			}
		}
		if _, err := k.Retrieve(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("later: %v", err)
		}
	})
}

func TestStopWaitingKeepsServingValidKeys(t *testing.T) {
	bubble(t, &vendor{life: time.Hour}, func(t *testing.T, k *Keeper, l *log) {
		mustRetrieve(t, k)
		k.StopWaiting()
		mustRetrieve(t, k)
	})
}

func TestRetrieveEndsWithItsContext(t *testing.T) {
	v := &vendor{fail: func(time.Time) error { return errors.New("connection refused") }}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := k.Retrieve(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	v := &vendor{life: time.Hour}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		asked := false
		v.fail = func(time.Time) error {
			if asked {
				return nil
			}
			asked = true
			return &Fault{Text: "429", RetryAfter: 5 * time.Minute}
		}
		begun := time.Now()
		mustRetrieve(t, k)
		if took := time.Since(begun); took != 5*time.Minute {
			t.Errorf("asked again after %s", took)
		}
	})
}

func TestWorseKeysAreNotAdopted(t *testing.T) {
	v := &vendor{life: time.Hour}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		mustRetrieve(t, k)
		v.mu.Lock()
		v.life = time.Millisecond
		v.mu.Unlock()
		time.Sleep(50 * time.Minute) //nolint:forbidigo // the bubble's time
		if c := mustRetrieve(t, k); c.AccessKeyID != "ASIA0001" {
			t.Errorf("worse keys replaced good ones: %s", c.AccessKeyID)
		}
	})
}

func TestAnonymousIsSeenThrough(t *testing.T) {
	bubble(t, anonymous{}, func(t *testing.T, k *Keeper, l *log) {
		if c := mustRetrieve(t, k); c.HasKeys() {
			t.Error("keys for nobody")
		}
		if !aws.IsCredentialsProvider(k, (*aws.AnonymousCredentials)(nil)) {
			t.Error("the SDK would sign")
		}
		k.Rejected("", "AccessDenied")
		mustRetrieve(t, k)
	})
	bubble(t, &vendor{life: time.Hour}, func(t *testing.T, k *Keeper, l *log) {
		if aws.IsCredentialsProvider(k, (*aws.AnonymousCredentials)(nil)) {
			t.Error("the SDK would not sign")
		}
	})
}

func TestEventsHoldNoSecret(t *testing.T) {
	v := &vendor{life: time.Hour}
	bubble(t, v, func(t *testing.T, k *Keeper, l *log) {
		c := mustRetrieve(t, k)
		k.Rejected(c.AccessKeyID, "ExpiredToken")
		mustRetrieve(t, k)
		synctest.Wait()
		text := fmt.Sprintf("%+v %#v %+v %#v", l.events, l.events, v.newest, held{keys: v.newest})
		if strings.Contains(text, "canary") || strings.Contains(fmt.Sprint(l.events), c.AccessKeyID) {
			t.Errorf("secret in %s", text)
		}
	})
}

// Keys that do not say how long they live may live for seconds: that they expire
// again and again is no reason to give up, that they never work is.
func TestShortLivesThatAreNotTold(t *testing.T) {
	bubble(t, &vendor{}, func(t *testing.T, k *Keeper, _ *log) {
		for range 10 {
			creds := mustRetrieve(t, k)
			time.Sleep(2 * time.Second) //nolint:forbidigo // the bubble's time
			k.Rejected(creds.AccessKeyID, "ExpiredToken")
		}
		mustRetrieve(t, k)
	})
	for _, code := range []string{"ExpiredToken", "InvalidAccessKeyId"} {
		bubble(t, &vendor{}, func(t *testing.T, k *Keeper, _ *log) {
			for range 10 {
				creds, err := k.Retrieve(t.Context())
				if errors.Is(err, ErrDenied) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				k.Rejected(creds.AccessKeyID, code)
			}
			t.Errorf("keys that never work (%s) were asked for ten times", code)
		})
	}
}
