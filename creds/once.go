package creds

import (
	"context"
	"errors"
	"time"
)

// Once gets one set of keys, for a caller that has no use for a Keeper. It tries
// again while a failure is passing and ctx is not done, and then returns that
// failure. Keys with an end have it by the local clock; life is what they have
// left, 0 if their end is not known.
func Once(ctx context.Context, p Provider) (k Keys, life time.Duration, err error) {
	for n := 1; ; n++ {
		fetching, cancel := context.WithTimeout(ctx, fetchLimit(p))
		k, err = p.Fetch(fetching)
		cancel()
		arrived := time.Now()
		if err == nil {
			err = k.check(arrived)
		}
		if err == nil {
			return k.local(arrived), k.life(arrived), nil
		}
		wait := max(pace{}.afterFailure(n, 0, 1), min(retryAfterOf(err), longestRetryAfter))
		if end, ok := ctx.Deadline(); terminal(err) || ok && time.Until(end) < wait {
			return Keys{}, 0, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return Keys{}, 0, errors.Join(err, context.Cause(ctx))
		}
	}
}

// fetchLimit is how long one fetch from p may take.
func fetchLimit(p Provider) time.Duration {
	if slow, ok := p.(interface{ fetchTimeout() time.Duration }); ok {
		return slow.fetchTimeout()
	}
	return 20 * time.Second
}

// local returns k with its end by the local clock.
func (k Keys) local(arrived time.Time) Keys {
	if !k.Expires.IsZero() {
		k.Expires, k.VendorNow = arrived.Add(k.life(arrived)).Round(0), time.Time{}
	}
	return k
}
