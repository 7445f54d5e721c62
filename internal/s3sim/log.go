package s3sim

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// An Entry is one change of the store that a request made and that was accepted:
// every body, and every Create, Complete, Abort and Delete.
type Entry struct {
	Time       time.Time `json:"time"`
	Op         Op        `json:"op"`
	Bucket     string    `json:"bucket"`
	Key        string    `json:"key"`
	UploadID   string    `json:"uploadId,omitempty"`
	Part       int       `json:"part,omitempty"`
	Bytes      int64     `json:"bytes"`            // content bytes received with this request
	Copied     int64     `json:"copied,omitempty"` // bytes copied inside the server
	CRC        uint64    `json:"crc"`              // CRC64NVME of the body, or of the whole object at Complete
	Generation int64     `json:"generation"`       // see Server.BumpGeneration
}

// A Request is what the Server remembers of a request if Config.RecordRequests.
type Request struct {
	Time   time.Time   `json:"time"`
	Op     Op          `json:"op"`
	Method string      `json:"method"`
	Host   string      `json:"host"`
	URI    string      `json:"uri"`
	Bucket string      `json:"bucket"`
	Key    string      `json:"key"`
	Part   int         `json:"part,omitempty"`
	Header http.Header `json:"header"`
	Status int         `json:"status"` // zero if there was no reply, or none yet
	Code   string      `json:"code,omitempty"`
}

// Stats are the Server's counters since it was made.
type Stats struct {
	Ops         map[Op]int     `json:"ops"`      // requests, refused ones included
	Refused     map[string]int `json:"refused"`  // requests not admitted, by S3 error code
	Expired     int64          `json:"expired"`  // requests signed with expired keys
	Received    int64          `json:"received"` // body bytes off the wire, framing and unfinished bodies included
	Accepted    int64          `json:"accepted"` // content bytes of bodies that were stored
	Served      int64          `json:"served"`   // object bytes sent
	Connections int64          `json:"connections"`
	Generation  int64          `json:"generation"`
}

type log struct {
	conns, received, accepted, served, expired, generation atomic.Int64

	keepEntries, keepRequests bool

	mu       sync.Mutex
	ops      map[Op]int
	codes    map[string]int
	entries  []Entry
	requests []*Request
}

func newLog(entries, requests bool) *log {
	return &log{keepEntries: entries, keepRequests: requests, ops: map[Op]int{}, codes: map[string]int{}}
}

func (l *log) count(op Op) {
	l.mu.Lock()
	l.ops[op]++
	l.mu.Unlock()
}

func (l *log) refused(err error) {
	var api *apiError
	if errors.As(err, &api) {
		l.mu.Lock()
		l.codes[api.code]++
		l.mu.Unlock()
	}
}

// accept completes e from c and keeps it.
func (l *log) accept(c *call, e Entry) {
	l.accepted.Add(e.Bytes)
	if !l.keepEntries {
		return
	}
	e.Time, e.Op, e.Bucket, e.Key, e.UploadID, e.Part = time.Now(), c.op, c.bucket, c.key, c.uploadID, c.part
	e.Generation = l.generation.Load()
	l.mu.Lock()
	l.entries = append(l.entries, e)
	l.mu.Unlock()
}

// begin remembers a request before it is answered, so that a client which has
// its reply finds it here.
func (l *log) begin(c *call) {
	if !l.keepRequests {
		return
	}
	c.record = &Request{
		Time: c.started, Op: c.op, Method: c.r.Method, Host: c.r.Host, URI: c.r.RequestURI, Bucket: c.bucket, Key: c.key,
		Part: c.part, Header: c.r.Header.Clone(),
	}
	l.mu.Lock()
	l.requests = append(l.requests, c.record)
	l.mu.Unlock()
}

// status is how the call is being answered; zero if its connection was cut.
func (l *log) status(c *call) {
	if c.record == nil {
		return
	}
	l.mu.Lock()
	c.record.Status, c.record.Code = c.status, c.code
	l.mu.Unlock()
}

// Counts are the requests so far by operation, refused ones included.
func (s *Server) Counts() map[Op]int { return s.Stats().Ops }

// Stats are the counters at this moment.
func (s *Server) Stats() Stats {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{
		Ops: maps.Clone(l.ops), Refused: maps.Clone(l.codes), Expired: l.expired.Load(), Received: l.received.Load(),
		Accepted: l.accepted.Load(), Served: l.served.Load(), Connections: l.conns.Load(), Generation: l.generation.Load(),
	}
}

// Log is every accepted change so far, in the order of acceptance; empty with
// Config.NoLog.
func (s *Server) Log() []Entry {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return slices.Clone(s.log.entries)
}

// Requests is every request so far, those being served included; empty without
// Config.RecordRequests.
func (s *Server) Requests() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	requests := make([]Request, len(s.log.requests))
	for i, r := range s.log.requests {
		requests[i] = *r
	}
	return requests
}

// BumpGeneration raises the number that Log entries carry from now on, and
// returns it. A test that kills and resumes bumps it in between and so tells
// what each run sent.
func (s *Server) BumpGeneration() int64 { return s.log.generation.Add(1) }
