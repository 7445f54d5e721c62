package s3sim

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Kind is what a Fault does.
type Kind string

// Faults that answer in place of the operation. With Fault.Act the operation is
// done first and its own reply thrown away.
const (
	Fail       Kind = "Fail"       // Fault.Status and Fault.Code; an S3 error document unless NoHeader
	Empty200   Kind = "Empty200"   // 200 and no body
	Blank200   Kind = "Blank200"   // 200 and white space
	HTML200    Kind = "HTML200"    // 200 and a web page, as of a captive portal
	Error200   Kind = "Error200"   // 200 and an <Error> document with Fault.Code
	HugeError  Kind = "HugeError"  // Fault.Status and an error document of Fault.Bytes bytes
	Redirect   Kind = "Redirect"   // Fault.Status (301) to Fault.Location
	LostReply  Kind = "LostReply"  // act, then close without a reply; Act is implied
	DropBefore Kind = "DropBefore" // close before acting
)

// Faults of the body on the wire.
const (
	CutBody    Kind = "CutBody"    // close after Fault.Bytes bytes of the reply; with a reset if Reset
	ShortBody  Kind = "ShortBody"  // no Content-Length, and a clean end after Fault.Bytes bytes
	LongBody   Kind = "LongBody"   // Fault.Bytes bytes more than the operation sends, Content-Length included
	FlipBit    Kind = "FlipBit"    // one bit of the byte at offset Fault.Bytes of the reply
	Stall      Kind = "Stall"      // silence after Fault.Bytes bytes of the reply, for Fault.Delay; zero is for ever
	StallStart Kind = "StallStart" // silence before the reply, for Fault.Delay; zero is for ever
	StallRead  Kind = "StallRead"  // the request body is not read beyond Fault.Bytes bytes for Fault.Delay
	CloseAfter Kind = "CloseAfter" // close behind a complete reply that did not announce it, as of idle connections
	SlowDrip   Kind = "SlowDrip"   // the reply's body one byte each Fault.Delay (a second), after Fault.Bytes bytes
)

// Faults of what the server says of objects.
const (
	IgnoreRange       Kind = "IgnoreRange"       // 200 and the whole object
	WrongRange        Kind = "WrongRange"        // 206 of a range one byte off, honestly labelled
	IgnoreIfMatch     Kind = "IgnoreIfMatch"     // conditions of reads, copies and writes are not looked at
	NoETag            Kind = "NoETag"            // replies without ETag
	WrongChecksumEcho Kind = "WrongChecksumEcho" // replies with checksums of other bytes
	HideChecksums     Kind = "HideChecksums"     // replies without checksums
	ListRepeatToken   Kind = "ListRepeatToken"   // a page's marker does not advance (from the second page on)
	ListNoToken       Kind = "ListNoToken"       // IsTruncated without a marker
	ListUnordered     Kind = "ListUnordered"     // two keys swapped
	ListDuplicate     Kind = "ListDuplicate"     // the last key twice
)

// Faults that change the store before the operation is done as ever.
const (
	ChangeObject Kind = "ChangeObject" // other bytes and another ETag at the key; made if missing
	RemoveObject Kind = "RemoveObject" // the object is gone
	AbortUpload  Kind = "AbortUpload"  // the upload of the request, or all of the key, as a lifecycle rule would
	ExpireKey    Kind = "ExpireKey"    // the key the request was signed with; this request is still served
)

// A Fault is an instruction to misbehave. The zero matchers match everything;
// only admitted requests (signed well, by keys alive) are looked at.
type Fault struct {
	Kind   Kind   `json:"kind"`
	Op     Op     `json:"op,omitempty"`
	Bucket string `json:"bucket,omitempty"`
	Key    string `json:"key,omitempty"`   // a trailing * matches any rest
	Part   int    `json:"part,omitempty"`  // part number
	Range  bool   `json:"range,omitempty"` // only requests with a Range header
	After  int    `json:"after,omitempty"` // let that many matching requests pass first
	Every  int    `json:"every,omitempty"` // of those that follow, hit the last of each Every; zero hits each
	Times  int    `json:"times,omitempty"` // how often; zero is once, -1 always

	Status   int           `json:"status,omitempty"`
	Code     string        `json:"code,omitempty"`
	Header   [2]string     `json:"header,omitzero"`    // one more reply header of an answer in place of the operation
	NoHeader bool          `json:"no_header,omitzero"` // Fail without x-amz headers and document, as a proxy would
	Act      bool          `json:"act,omitempty"`
	Early    bool          `json:"early,omitempty"` // answer without reading the request body
	Bytes    int64         `json:"bytes,omitempty"`
	Delay    time.Duration `json:"delay,omitempty"` // nanoseconds in JSON
	Reset    bool          `json:"reset,omitempty"` // RST instead of FIN
	Location string        `json:"location,omitempty"`
	Data     []byte        `json:"data,omitempty"`  // new content for ChangeObject; without it the old is varied, same size
	Target   [2]string     `json:"target,omitzero"` // bucket and key to change, if not the request's own
}

// Armed is a Fault in place.
type Armed struct {
	fault Fault
	mu    sync.Mutex
	seen  int
	taken int
	fired atomic.Int64
	off   atomic.Bool
}

// Fault is what was injected.
func (a *Armed) Fault() Fault { return a.fault }

// Fired is how often the fault took effect: a bit flipped in a body too short
// for it does not count.
func (a *Armed) Fired() int { return int(a.fired.Load()) }

// Remove disarms the fault; what it has begun goes on.
func (a *Armed) Remove() { a.off.Store(true) }

// take says whether the fault applies to this matching request.
func (a *Armed) take() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen++
	if late := a.seen - a.fault.After; late <= 0 || a.fault.Every > 1 && late%a.fault.Every != 0 {
		return false
	}
	if a.fault.Times >= 0 && a.taken >= max(1, a.fault.Times) {
		return false
	}
	a.taken++
	return true
}

func (f *Fault) matches(c *call) bool {
	switch {
	case f.Op != "" && f.Op != c.op,
		f.Bucket != "" && f.Bucket != c.bucket,
		f.Part != 0 && f.Part != c.part,
		f.Range && c.r.Header.Get("Range") == "":
		return false
	}
	if prefix, ok := strings.CutSuffix(f.Key, "*"); ok {
		return strings.HasPrefix(c.key, prefix)
	}
	return f.Key == "" || f.Key == c.key
}

type faultList struct {
	n     atomic.Int32 // len(armed), so that a Server without faults takes no lock
	mu    sync.RWMutex
	armed []*Armed
}

// Inject arms a fault. Several may hit the same request; of those that answer in
// place of the operation the first injected wins.
func (s *Server) Inject(f Fault) *Armed {
	a := &Armed{fault: f}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.armed = append(s.faults.armed, a)
	s.faults.n.Store(int32(len(s.faults.armed)))
	return a
}

// UnfiredFaults are the faults that have not taken effect as often as declared,
// or at all if declared to do so always. A fault test that leaves any has not
// tested what it says.
func (s *Server) UnfiredFaults() []Fault {
	s.faults.mu.RLock()
	defer s.faults.mu.RUnlock()
	var unfired []Fault
	for _, a := range s.faults.armed {
		if !a.off.Load() && a.Fired() < max(1, a.fault.Times) {
			unfired = append(unfired, a.fault)
		}
	}
	return unfired
}

// Faults are all that were injected, in order.
func (s *Server) Faults() []*Armed {
	s.faults.mu.RLock()
	defer s.faults.mu.RUnlock()
	return append([]*Armed(nil), s.faults.armed...)
}

// hits are the faults that apply to one request.
type hits []*Armed

func (s *Server) hitsOf(c *call) hits {
	if s.faults.n.Load() == 0 {
		return nil
	}
	s.faults.mu.RLock()
	defer s.faults.mu.RUnlock()
	var h hits
	for _, a := range s.faults.armed {
		if !a.off.Load() && a.fault.matches(c) && a.take() {
			h = append(h, a)
		}
	}
	return h
}

// find returns the first hit of one of the kinds.
func (h hits) find(kinds ...Kind) *Armed {
	for _, a := range h {
		for _, k := range kinds {
			if a.fault.Kind == k {
				return a
			}
		}
	}
	return nil
}

// flag says whether a fault of this kind applies, and counts it: ask only where
// the answer takes effect.
func (c *call) flag(k Kind) bool {
	a := c.faults.find(k)
	if a != nil {
		a.fired.Add(1)
	}
	return a != nil
}
