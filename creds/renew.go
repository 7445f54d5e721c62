package creds

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// never is longer than any run.
const never = 1 << 62 * time.Nanosecond

// waitHint is for a pause that may end by itself.
const waitHint = "xfer keeps asking and goes on by itself; nothing is lost"

// longestRetryAfter bounds what a vendor's Retry-After may ask for.
const longestRetryAfter = 10 * time.Minute

// run renews until ctx is done. It is the only caller of the provider and of the
// observer.
func (k *Keeper) run(ctx context.Context) {
	defer close(k.done)
	defer k.StopWaiting() // nobody is left who could bring keys
	timer := time.NewTimer(never)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait := k.schedule()
		k.deliver()
		if wait <= 0 {
			k.renew(ctx)
			continue
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
		case <-k.wake:
		case <-timer.C:
		}
	}
	k.deliver()
}

// schedule returns how long to wait for the next fetch; not positive: it is due.
// A pause begins here, when the first worker finds that the keys no longer serve.
func (k *Keeper) schedule() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.wanted || k.final != nil {
		return never
	}
	now := time.Now()
	serves := k.held.serves(now)
	if !serves && k.last != nil && k.paused.IsZero() {
		k.paused = now
		k.tell(Event{Kind: Paused, Why: cause(k.last), Hint: cmp.Or(HintOf(k.last), waitHint), Next: max(0, k.retryAt.Sub(now))})
	}
	at := later(k.retryAt, k.notBefore)
	if serves {
		if k.held.renewAt.IsZero() {
			return never
		}
		at = later(at, k.held.renewAt)
	}
	return at.Sub(now)
}

// deliver tells the observer what is queued.
func (k *Keeper) deliver() {
	k.mu.Lock()
	events := k.outbox
	k.outbox = nil
	k.mu.Unlock()
	for _, e := range events {
		k.opt.Observe(e)
	}
}

// renew fetches once and takes in what came.
func (k *Keeper) renew(ctx context.Context) {
	begun := time.Now()
	limit := k.limit(begun)
	fetching, cancel := context.WithTimeout(ctx, limit)
	keys, err := k.provider.Fetch(fetching)
	timedOut := fetching.Err() != nil
	cancel()
	if ctx.Err() != nil {
		return
	}
	arrived := time.Now()
	switch {
	case err == nil:
		err = keys.check(arrived)
	case timedOut && !terminal(err):
		err = fmt.Errorf("no keys within %s: %w", limit.Round(time.Millisecond), err)
	}

	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err != nil:
		k.failed(arrived, err)
	case k.held != nil && k.held.keys.AccessKeyID == keys.AccessKeyID:
		k.same(arrived, keys)
	case k.held.serves(arrived) && k.held.outlasts(arrived, keys):
		k.sameServing(arrived)
	default:
		k.adopt(arrived, keys, arrived.Sub(begun))
	}
}

// outlasts reports whether the keys in hand live at least as long as other.
func (h *held) outlasts(arrived time.Time, other Keys) bool {
	life := other.life(arrived)
	return life > 0 && !h.deadAt.IsZero() && !arrived.Add(life).After(h.deadAt)
}

func (k *Keeper) limit(now time.Time) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.held.serves(now) || k.held.stopAt.IsZero() {
		return k.opt.Timeout
	}
	return k.held.pace.timeout(k.opt.Timeout, k.held.stopAt.Sub(now))
}

// The rest is called with mu held.

// adopt puts keys in hand.
func (k *Keeper) adopt(now time.Time, keys Keys, latency time.Duration) {
	generation := 1
	if k.held != nil {
		generation = k.held.generation + 1
		k.counts.Renewals++
		if k.held.code == "" {
			k.strikes = 0 // those before served their time
		}
	}
	h := &held{keys: keys, generation: generation, since: now, pace: pace{keys.life(now)}}
	h.spread(now)
	k.held = h
	e := Event{Kind: Renewed, Life: h.pace.life, Latency: latency}
	if !keys.Renewable && !keys.Anonymous {
		e.Fixed, e.Hint = true, keys.replaceHint()
	}
	if !h.renewAt.IsZero() {
		e.Next = h.renewAt.Sub(now)
	}
	k.tell(e)
	k.serve(now)
}

// spread derives the times from pace.life, counted from now.
func (h *held) spread(now time.Time) {
	h.renewAt, h.stopAt, h.deadAt = time.Time{}, time.Time{}, time.Time{}
	if life := h.pace.life; life > 0 {
		h.renewAt = now.Add(max(h.pace.renewAfter(rand.Float64()), h.pace.shortest()))
		h.deadAt = now.Add(life)
		h.stopAt = h.deadAt.Add(-h.pace.margin(h.keys.Renewable))
	}
	h.creds = h.keys.credentials(h.deadAt)
}

// serve ends whatever trouble there was and lets everybody go on.
func (k *Keeper) serve(now time.Time) {
	k.failures, k.last = 0, nil
	k.retryAt, k.notBefore = time.Time{}, time.Time{}
	if !k.paused.IsZero() {
		k.tell(Event{Kind: Resumed, After: now.Sub(k.paused)})
		k.paused = time.Time{}
	}
	k.announce()
}

// same takes in a fetch that brought the keys already in hand.
func (k *Keeper) same(now time.Time, keys Keys) {
	h := k.held
	switch {
	case h.code != "":
		k.sameRejected(now)
	case h.extendedBy(now, keys):
		h.keys, h.pace = keys, pace{keys.life(now)}
		h.spread(now)
		k.serve(now)
	case h.serves(now):
		k.sameServing(now)
	default:
		k.failed(now, h.atEnd())
	}
}

// extendedBy reports whether keys, with the id of h, live noticeably longer than
// was known: the vendor gave them more time, or they outlive longestLife.
func (h *held) extendedBy(now time.Time, keys Keys) bool {
	if h.deadAt.IsZero() {
		return false
	}
	life := keys.life(now)
	return life == 0 || now.Add(life).Sub(h.deadAt) > 2*time.Second
}

// sameServing waits for newer keys while those in hand serve. Some vendors hand
// out one set until shortly before its end, so this is no failure.
func (k *Keeper) sameServing(now time.Time) {
	h := k.held
	k.failures = 0
	k.last = h.atEnd()
	k.retryAt = now.Add(h.pace.afterSame(h.stopAt.Sub(now)))
	if !h.keys.Renewable && !h.warned {
		h.warned = true
		k.tell(Event{Kind: Warning, Why: fmt.Sprintf("keys from %s end in %s", h.keys.From, h.deadAt.Sub(now).Round(time.Second)),
			Hint: HintOf(k.last), Next: k.retryAt.Sub(now)})
	}
}

// atEnd is why keys that were not replaced in time no longer serve.
func (h *held) atEnd() error {
	if h.keys.Renewable {
		return fmt.Errorf("keys from %s are at their end and it has no newer ones", h.keys.From)
	}
	return &Fault{
		Kind: ErrExpiring,
		Text: fmt.Sprintf("keys from %s are at their end", h.keys.From),
		Hint: h.keys.replaceHint(),
	}
}

// sameRejected takes in the fetch after a rejection that brought the rejected
// keys again. If they are said to have expired, only somebody who replaces them
// can help. Any other code may mean that they are too new to be known
// everywhere, so they are tried again until they strike out.
func (k *Keeper) sameRejected(now time.Time) {
	h := k.held
	if k.strikes > 0 && !expired(h.code) {
		h.code, h.since = "", now
		k.serve(now)
		return
	}
	err := &Fault{
		Kind: ErrExpiring,
		Text: fmt.Sprintf("keys from %s were rejected (%s) and it has no others", h.keys.From, h.code),
		Hint: h.keys.replaceHint(),
	}
	if k.strikes > 0 && h.generation == 1 {
		k.end(err) // they never served at all
		return
	}
	k.failed(now, err)
}

// failed takes in a fetch that brought nothing usable.
func (k *Keeper) failed(now time.Time, err error) {
	if k.held == nil && terminal(err) {
		k.last = err
		k.end(err)
		return
	}
	k.failures++
	var left time.Duration
	var p pace
	serves := k.held.serves(now)
	if k.held != nil {
		p = k.held.pace
		left = k.held.stopAt.Sub(now)
	}
	if !serves {
		left = 0
	}
	k.retryAt = now.Add(p.afterFailure(k.failures, left, rand.Float64()))
	if ask := retryAfterOf(err); ask > 0 {
		k.notBefore = now.Add(min(ask, longestRetryAfter))
	}
	news := serves || (!k.paused.IsZero() && (k.last == nil || cause(k.last) != cause(err)))
	k.last = err
	if news {
		k.tell(Event{Kind: Warning, Why: cause(err), Hint: HintOf(err), Next: later(k.retryAt, k.notBefore).Sub(now)})
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
