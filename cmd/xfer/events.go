package main

import (
	"encoding/json"
	"io"
	"sync"

	"xfer/creds"
	"xfer/engine"
)

// events writes --json: one object a line on standard output. A nil *events
// writes nothing.
type events struct {
	mu  sync.Mutex
	enc *json.Encoder
	err error // the first failed write
}

func newEvents(w io.Writer) *events {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &events{enc: enc}
}

func (e *events) write(v any) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.enc.Encode(v); err != nil && e.err == nil {
		e.err = err
	}
}

// An objectEvent is one object settled.
type objectEvent struct {
	Event       string `json:"event"` // "object"
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Status      string `json:"status"` // copied, skipped, failed
	Bytes       int64  `json:"bytes"`
	ETag        string `json:"etag,omitempty"`
	Checksum    string `json:"checksum,omitempty"` // of the bytes sent
	Verified    bool   `json:"verified"`           // the source's own checksum agrees with the destination's
	Proof       string `json:"proof,omitempty"`    // how far the bytes were compared
	Error       string `json:"error,omitempty"`
}

func (e *events) object(r engine.Result) {
	if e == nil {
		return
	}
	event := objectEvent{
		Event: "object", Source: r.Source, Destination: r.Destination, Status: r.Status.String(),
		Bytes: r.Pin.Size, ETag: r.Stored.ETag, Checksum: r.Sum.String(),
	}
	switch {
	case r.Status == engine.Copied:
		event.Proof, event.Verified = r.Proof.String(), r.Proof == engine.ProofEndToEnd
	case r.Err != nil:
		event.Error = r.Err.Error()
	}
	e.write(event)
}

// A credentialsEvent is one thing that happened to the keys of a side.
type credentialsEvent struct {
	Event   string  `json:"event"` // "credentials"
	Kind    string  `json:"kind"`  // renewed, warning, rejected, paused, resumed
	Side    string  `json:"side"`  // source, destination
	From    string  `json:"from,omitempty"`
	KeyID   string  `json:"key_id,omitempty"` // its last four characters
	Life    float64 `json:"life_seconds,omitempty"`
	Latency float64 `json:"latency_seconds,omitempty"`
	Why     string  `json:"why,omitempty"`
	Hint    string  `json:"hint,omitempty"`
}

func (e *events) credentials(ev creds.Event) {
	e.write(credentialsEvent{
		Event: "credentials", Kind: string(ev.Kind), Side: ev.Keeper, From: ev.From, KeyID: ev.KeyID,
		Life: ev.Life.Seconds(), Latency: ev.Latency.Seconds(), Why: ev.Why, Hint: ev.Hint,
	})
}
