package engine

import (
	"sync/atomic"
	"time"
)

// Counters is what a run has done so far, for anyone to read at any time. A run
// never reports more than its journal holds: only Moved, Resent and InFlight run
// ahead of it.
type Counters struct {
	Copied, Skipped, Failed atomic.Int64 // objects settled
	Restarted               atomic.Int64 // objects that began again
	Opened                  atomic.Int64 // objects whose size is known
	OpenedBytes             atomic.Int64 // what these have together
	Bytes                   atomic.Int64 // of the objects copied
	Recorded                atomic.Int64 // bytes the destination holds and the journal knows, parts of unfinished objects included
	Resumed                 atomic.Int64 // bytes that an earlier run had brought over and this one took up
	Moved                   atomic.Int64 // bytes read from sources
	Resent                  atomic.Int64 // bytes of attempts that failed
	InFlight                atomic.Int64 // parts on their way

	EndToEnd, Destination, Unproven atomic.Int64 // objects copied, by Proof
}

// Objects is the number of objects settled.
func (c *Counters) Objects() int64 {
	return c.Copied.Load() + c.Skipped.Load() + c.Failed.Load()
}

// A Notice is something a person may want to know while the run goes on.
type Notice struct {
	Text string
	Err  error // what it is about, may be nil
}

// An Observer is told what happens in a run. Both functions may be nil.
type Observer struct {
	// Settled is called for each object in the order of the journal, from one
	// goroutine, after the journal holds the result.
	Settled func(Result)

	// Notice may be called from any goroutine.
	Notice func(Notice)
}

// noticeEvery is how often the same notice is repeated at most.
const noticeEvery = 30 * time.Second

// notice tells the observer, but not the same text again and again.
func (r *run) notice(text string, err error) {
	if r.opt.Observer.Notice == nil {
		return
	}
	r.noticed.mu.Lock()
	defer r.noticed.mu.Unlock()
	if last, ok := r.noticed.last[text]; ok && time.Since(last) < noticeEvery {
		return
	}
	r.noticed.last[text] = time.Now()
	r.opt.Observer.Notice(Notice{Text: text, Err: err})
}
