package s3sim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Server is one S3 endpoint. It is an http.Handler; Start and Serve put it
// behind a listener. All methods may be called from any goroutine at any time.
type Server struct {
	cfg  Config
	keys *keyRing
	log  *log

	faults    faultList
	firstByte atomic.Int64 // time.Duration
	skew      atomic.Int64 // time.Duration
	serial    atomic.Uint64
	done      chan struct{} // closed by Close; ends every stall

	mu      sync.RWMutex
	buckets map[string]*bucket
	denied  map[Op]bool
	vendors []*Vendor
	http    *http.Server
	url     string
	cert    *certificate // nil unless Config.TLS
	closed  bool
}

// New returns a Server that listens nowhere yet.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, keys: newKeyRing(), log: newLog(!cfg.NoLog, cfg.RecordRequests), done: make(chan struct{}),
		buckets: map[string]*bucket{}, denied: map[Op]bool{},
	}
	s.firstByte.Store(int64(cfg.FirstByte))
	return s
}

// Start listens on Config.Addr and serves until Close.
func (s *Server) Start() error {
	host, _, err := net.SplitHostPort(s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("start server: %s is not a loopback address", s.cfg.Addr)
	}
	l, err := net.Listen("tcp", s.cfg.Addr)
	if err != nil {
		return fmt.Errorf("start server: %w", err)
	}
	return s.Serve(l)
}

// Serve serves on l, in the background, until Close closes it. l may be made of
// pipes, as synctest needs. Call it, or Start, once.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.http != nil {
		return errors.New("serve: the server is closed or serving already")
	}
	s.url = "http://" + l.Addr().String()
	if s.cfg.ConnBytesPerSecond > 0 {
		l = &slowListener{Listener: l, bytesPerSecond: s.cfg.ConnBytesPerSecond}
	}
	if s.cfg.TLS {
		cert, err := selfSigned(s.now())
		if err != nil {
			return err
		}
		s.url = "https://" + l.Addr().String()
		s.cert = cert
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert.pair}})
	}
	s.http = newHTTPServer(s, func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.log.conns.Add(1)
		}
	})
	srv := s.http
	go func() { _ = srv.Serve(l) }() // ends, always with an error, when Close closes l
	return nil
}

// newHTTPServer speaks HTTP/1.1 only, as S3 does, and keeps the errors of
// clients that go away to itself: here they are the daily work.
func newHTTPServer(h http.Handler, state func(net.Conn, http.ConnState)) *http.Server {
	return &http.Server{
		Handler: h, ConnState: state, ErrorLog: silence(),
		TLSNextProto:   map[string]func(*http.Server, *tls.Conn, http.Handler){},
		MaxHeaderBytes: 64 << 10, ReadHeaderTimeout: time.Minute,
	}
}

// URL is the endpoint, without a slash at the end. Valid after Start or Serve.
func (s *Server) URL() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.url
}

// CertPool trusts the Server's certificate; nil unless Config.TLS.
func (s *Server) CertPool() *x509.CertPool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.cert == nil {
		return nil
	}
	return s.cert.pool
}

// CertificatePEM is the certificate for clients that read a file; empty unless
// Config.TLS.
func (s *Server) CertificatePEM() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.cert == nil {
		return ""
	}
	return s.cert.pem
}

// Close drops all connections at once and ends every stalled reply. The store
// may still be looked at.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	srv := s.http
	s.mu.Unlock()
	close(s.done)
	if srv == nil {
		return nil
	}
	return srv.Close()
}

// SetFirstByte changes how long every reply is held back.
func (s *Server) SetFirstByte(d time.Duration) { s.firstByte.Store(int64(d)) }

// SetSkew sets the Server's clock d ahead of the real one, in Date headers and
// when it judges the age of signatures.
func (s *Server) SetSkew(d time.Duration) { s.skew.Store(int64(d)) }

// Deny answers 403 AccessDenied to these operations until Allow. Without
// ListObjectsV2 a missing key is 403 too, as on S3.
func (s *Server) Deny(ops ...Op) { s.setDenied(ops, true) }

// Allow takes Deny back.
func (s *Server) Allow(ops ...Op) { s.setDenied(ops, false) }

func (s *Server) setDenied(ops []Op, denied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range ops {
		s.denied[o] = denied
	}
}

func (s *Server) denies(op Op) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.denied[op]
}

func (s *Server) now() time.Time { return time.Now().Add(time.Duration(s.skew.Load())) }

// wait waits for d, the client to go, or Close; zero d is no limit. It says
// whether the time went by in full.
func (s *Server) wait(ctx context.Context, d time.Duration) bool {
	var over <-chan time.Time
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		over = t.C
	}
	select {
	case <-over:
		return true
	case <-ctx.Done():
	case <-s.done:
	}
	return false
}

// ServeHTTP answers S3 requests in path style, and the control API under /_sim/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(pathOf(r), controlPath) {
		s.serveControl(w, r)
		return
	}
	c := newCall(s, w, r)
	if err := c.serve(); err != nil {
		c.fail(err)
	}
}
