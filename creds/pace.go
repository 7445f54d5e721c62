package creds

import "time"

// A pace is every interval of a Keeper, derived from one thing: how long the
// keys had left on arrival. Zero life means it is not known.
type pace struct {
	life time.Duration
}

// renewAfter is the age at which keys are renewed: three quarters to four fifths
// of their life. spread in [0,1) keeps processes started together apart.
func (p pace) renewAfter(spread float64) time.Duration {
	return time.Duration(float64(p.life) * (0.75 + 0.05*spread))
}

// margin is how long before their end keys are no longer handed out. Keys that
// somebody has to replace by hand stop earlier, so that the requests they signed
// are through before they die.
func (p pace) margin(renewable bool) time.Duration {
	if renewable {
		return min(time.Minute, p.life/20)
	}
	return min(2*time.Minute, p.life/10)
}

// backoff is the first and the longest wait after failed fetches: 5 s and 60 s
// for keys of five minutes and more, less for keys that live shorter.
func (p pace) backoff() (first, longest time.Duration) {
	if p.life == 0 {
		return time.Second, time.Minute
	}
	first = clamp(p.life/60, 50*time.Millisecond, 5*time.Second)
	return first, 12 * first
}

// afterFailure is the wait after the n-th failure running, n from 1, with left
// until the keys in hand stop serving; left is not positive if none are in hand.
// With keys in hand it never spends more than a quarter of what is left.
func (p pace) afterFailure(n int, left time.Duration, spread float64) time.Duration {
	first, longest := p.backoff()
	wait := min(first<<min(n-1, 10), longest)
	wait = time.Duration(float64(wait) * (0.9 + 0.1*spread))
	if left > 0 {
		wait = min(wait, left/4)
	}
	return max(wait, p.shortest())
}

// afterSame is the wait after a fetch that brought the keys already in hand. It
// follows what is left, but a vendor is asked at most once a minute.
func (p pace) afterSame(left time.Duration) time.Duration {
	return max(left/4, clamp(p.life/60, 50*time.Millisecond, time.Minute))
}

// fresh is the age below which a rejection says something about the vendor or
// the role, not about time.
func (p pace) fresh() time.Duration {
	if p.life == 0 {
		return time.Minute
	}
	return min(time.Minute, p.life/2)
}

// timeout is how long one fetch may take, at most limit. With keys in hand it
// leaves time for another try before they stop.
func (p pace) timeout(limit, left time.Duration) time.Duration {
	if left <= 0 {
		return limit
	}
	return min(limit, max(left/2, time.Second))
}

// shortest keeps waits that shrink with what is left from becoming a spin.
func (p pace) shortest() time.Duration {
	return clamp(p.life/1000, 20*time.Millisecond, time.Second)
}

func clamp(d, low, high time.Duration) time.Duration { return max(low, min(d, high)) }
