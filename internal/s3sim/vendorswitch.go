package s3sim

import (
	"slices"
	"time"
)

// An Answer is given by a Vendor in place of its own, for instance the 403 of a
// licence that was not accepted.
type Answer struct {
	Status      int    `json:"status"`
	ContentType string `json:"contentType,omitempty"`
	Body        string `json:"body,omitempty"`
	Location    string `json:"location,omitempty"`
	Times       int    `json:"times,omitempty"` // zero is once, -1 always
}

// VendorStats are a Vendor's counters.
type VendorStats struct {
	Vended   int  `json:"vended"`   // keys minted
	Refused  int  `json:"refused"`  // requests answered with anything but keys
	Requests int  `json:"requests"` // all requests
	Down     bool `json:"down"`
}

// Stats are the counters at this moment.
func (v *Vendor) Stats() VendorStats {
	v.mu.Lock()
	defer v.mu.Unlock()
	return VendorStats{Vended: len(v.vended), Refused: v.refused, Requests: len(v.requests), Down: v.isDown()}
}

// Requests is every request so far with its headers, secrets included.
func (v *Vendor) Requests() []Request {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.requests)
}

// SetLifetime changes how long keys live that are vended from now on.
func (v *Vendor) SetLifetime(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lifetime = d
}

// SetSkew sets the Vendor's clock d ahead: its Date header and the expirations it tells.
func (v *Vendor) SetSkew(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.skew = d
}

// SetDown makes the Vendor answer 503, or work again.
func (v *Vendor) SetDown(down bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.down, v.downUntil = down, time.Time{}
}

// Down makes the Vendor answer 503 for d from now.
func (v *Vendor) Down(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.downUntil = time.Now().Add(d)
}

func (v *Vendor) isDown() bool { return v.down || time.Now().Before(v.downUntil) }

// SetHang makes the Vendor take requests and never answer, or work again.
// Requests that hang already go on hanging until the caller or the Vendor ends.
func (v *Vendor) SetHang(hang bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hang = hang
}

// SetSame makes the Vendor return the last key again and again, expired or not.
func (v *Vendor) SetSame(same bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.same = same
}

// Answer queues an answer in place of the Vendor's own.
func (v *Vendor) Answer(a Answer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answers = append(v.answers, a)
}

// RevokeAll makes every key vended so far unknown to the servers.
func (v *Vendor) RevokeAll() { v.eachKey((*Server).RevokeKey) }

// ExpireAll makes every key vended so far expire now.
func (v *Vendor) ExpireAll() { v.eachKey((*Server).ExpireKey) }

func (v *Vendor) eachKey(do func(*Server, string)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, id := range v.vended {
		for _, s := range v.servers {
			do(s, id)
		}
	}
}

// nextAnswer takes one from the queue; callers hold mu.
func (v *Vendor) nextAnswer() (Answer, bool) {
	if len(v.answers) == 0 {
		return Answer{}, false
	}
	a := v.answers[0]
	switch {
	case a.Times < 0:
	case a.Times > 1:
		v.answers[0].Times--
	default:
		v.answers = v.answers[1:]
	}
	return a, true
}
