package creds

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// KeeperOptions are what a Keeper may be told. The zero value works.
type KeeperOptions struct {
	// Name appears in events and errors, for example "source".
	Name string
	// Timeout is how long one fetch may take. Default 20 s, or what the Provider
	// says it needs.
	Timeout time.Duration
	// Observe is told what happens, one Event at a time and in order. It must not
	// call the Keeper and should return soon: renewals wait for it.
	Observe func(Event)
}

// A Keeper keeps one identity's keys alive for as long as a job runs. It is an
// aws.CredentialsProvider that needs no cache around it. It is safe for
// concurrent use; all workers of one side share one.
type Keeper struct {
	provider Provider
	opt      KeeperOptions
	cancel   context.CancelFunc
	done     chan struct{} // closed when the renewing goroutine has ended
	wake     chan struct{} // tells the renewing goroutine to look at the state again

	mu        sync.Mutex
	wanted    bool          // somebody has asked for keys
	held      *held         // the newest keys that were valid on arrival
	paused    time.Time     // when the pause began; zero if there is none
	stopped   bool          // StopWaiting or Close was called
	final     error         // no keys will ever be had again
	last      error         // why the last fetch brought nothing; nil if it did
	failures  int           // failed fetches running
	strikes   int           // fresh keys rejected running
	retryAt   time.Time     // no fetch before this time
	notBefore time.Time     // no fetch before this time: the vendor said so
	changed   chan struct{} // closed and replaced when a waiter should look again
	outbox    []Event       // told to the observer by the renewing goroutine
	counts    Counts
}

// held are the keys in hand with everything derived from them.
type held struct {
	keys       Keys
	creds      aws.Credentials
	pace       pace
	generation int
	since      time.Time // when they began to be handed out
	renewAt    time.Time // zero: never
	stopAt     time.Time // no longer handed out from here; zero: until rejected
	deadAt     time.Time // zero: not known
	code       string    // the service rejected them with this code; empty: it did not
	warned     bool      // the observer knows that they cannot be renewed
}

// serves reports whether requests may be signed with the keys at the time now.
func (h *held) serves(now time.Time) bool {
	return h != nil && h.code == "" && (h.stopAt.IsZero() || now.Before(h.stopAt))
}

// NewKeeper makes a Keeper over p. Nothing is fetched until the first Retrieve.
// It ends with ctx, which should therefore outlive the last request in flight, or
// with Close; its owner calls Close in either case.
func NewKeeper(ctx context.Context, p Provider, opt KeeperOptions) *Keeper {
	if opt.Name == "" {
		opt.Name = "credentials"
	}
	if opt.Timeout <= 0 {
		opt.Timeout = fetchLimit(p)
	}
	if opt.Observe == nil {
		opt.Observe = func(Event) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	k := &Keeper{
		provider: p,
		opt:      opt,
		cancel:   cancel,
		done:     make(chan struct{}),
		wake:     make(chan struct{}, 1),
		changed:  make(chan struct{}),
	}
	go k.run(ctx)
	return k
}

// Retrieve returns keys that are good to sign with. It does not block while
// valid keys are in hand. Otherwise it waits until there are some, however long
// that takes, and fails only
//
//   - when ctx is done;
//   - with the vendor's *Fault, if no keys were ever had and trying again cannot
//     help until something is mended;
//   - with ErrDenied, if fresh keys were rejected three times running;
//   - with ErrUnavailable, after StopWaiting or Close.
//
// For the spec "anonymous" the credentials are empty and the error is nil.
func (k *Keeper) Retrieve(ctx context.Context) (aws.Credentials, error) {
	for {
		creds, changed, err := k.look()
		if changed == nil {
			return creds, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return aws.Credentials{}, fmt.Errorf("wait for %s keys: %w", k.opt.Name, context.Cause(ctx))
		}
	}
}

// look returns keys or an error, or else a channel that closes when it is worth
// looking again.
func (k *Keeper) look() (aws.Credentials, <-chan struct{}, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held.serves(time.Now()) {
		return k.held.creds, nil, nil
	}
	if k.final != nil {
		return aws.Credentials{}, nil, k.final
	}
	if k.stopped {
		return aws.Credentials{}, nil, k.unavailable()
	}
	k.wanted = true
	k.nudge()
	return aws.Credentials{}, k.changed, nil
}

func (k *Keeper) unavailable() error {
	if k.last == nil {
		return fmt.Errorf("get %s keys: %w", k.opt.Name, ErrUnavailable)
	}
	return fmt.Errorf("get %s keys: %w: %w", k.opt.Name, ErrUnavailable, k.last)
}

// strikesOut is how many sets of fresh keys may be rejected running. A role that
// was revoked would otherwise have every worker spin between vendor and service.
const strikesOut = 3

// Rejected reports that the service refused a request signed with the keys of
// accessKeyID, with its error code, such as "ExpiredToken". Reports about keys
// that are no longer the ones in hand change nothing, so that all workers may
// report the same keys and cause one fetch. The next Retrieve waits for it.
func (k *Keeper) Rejected(accessKeyID, code string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, now := k.held, time.Now()
	if h == nil || h.code != "" || h.keys.Anonymous || h.keys.AccessKeyID != accessKeyID {
		return
	}
	code = cmp.Or(printable(code), "unknown")
	h.code = code
	k.counts.Rejected++
	k.tell(Event{Kind: Rejected, Code: code})
	fresh := h.pace.fresh()
	if h.pace.life == 0 && expired(code) {
		fresh = time.Second // how long such keys live is only learnt like this
	}
	if now.Sub(h.since) < fresh {
		k.strikes++
	} else {
		k.strikes = 0
	}
	k.retryAt = now
	switch {
	case k.strikes >= strikesOut:
		k.deny(h)
	case k.strikes > 1:
		// New keys may take a few seconds to be known everywhere.
		first, _ := h.pace.backoff()
		k.retryAt = now.Add(5 * first)
	}
	k.nudge()
}

func (k *Keeper) deny(h *held) {
	k.end(&Fault{
		Kind: ErrDenied,
		Text: fmt.Sprintf("fresh keys from %s were rejected %d times running (%s)", h.keys.From, strikesOut, h.code),
		Hint: "check that this login may use the bucket and that the keys belong to its endpoint and region",
	})
}

// StopWaiting makes every blocked and every later Retrieve fail with
// ErrUnavailable unless valid keys are in hand. Renewals go on.
func (k *Keeper) StopWaiting() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	k.announce()
}

// Close stops renewing, cancels a fetch under way and waits for its end. Keys in
// hand are still handed out until they die.
func (k *Keeper) Close() {
	k.cancel()
	<-k.done
}

// Counts returns the totals so far.
func (k *Keeper) Counts() Counts {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.counts
}

// IsCredentialsProvider lets the SDK see through a Keeper of no keys: it then
// leaves requests unsigned, as it does for aws.AnonymousCredentials.
func (k *Keeper) IsCredentialsProvider(target aws.CredentialsProvider) bool {
	switch target.(type) {
	case aws.AnonymousCredentials, *aws.AnonymousCredentials:
		_, unsigned := k.provider.(anonymous)
		return unsigned
	case *Keeper:
		return true
	}
	return false
}

// The rest is called with mu held.

// end makes err the answer to every Retrieve from here on.
func (k *Keeper) end(err error) {
	k.final = fmt.Errorf("get %s keys: %w", k.opt.Name, err)
	k.announce()
}

// announce has everybody who waits look again.
func (k *Keeper) announce() {
	close(k.changed)
	k.changed = make(chan struct{})
}

// nudge has the renewing goroutine look again.
func (k *Keeper) nudge() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// tell queues an event about the keys in hand.
func (k *Keeper) tell(e Event) {
	e.Keeper = k.opt.Name
	if k.held != nil {
		e.KeyID = suffix(k.held.keys.AccessKeyID)
		e.Generation = k.held.generation
		if e.From == "" {
			e.From = k.held.keys.From
		}
	}
	k.outbox = append(k.outbox, e)
}

// expired reports whether a rejection code speaks of time and not of identity.
// The codes are those of the S3 API reference, "List of error codes", and of STS.
func expired(code string) bool {
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired":
		return true
	}
	return false
}

// cause is the error under the Keeper's own words.
func cause(err error) string {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Text
	}
	return err.Error()
}
