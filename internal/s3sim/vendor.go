package s3sim

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Flavour is whose credential endpoint a Vendor plays.
type Flavour string

const (
	// TEA is the Thin Egress App's GET /s3credentials with a bearer token, or the
	// cookie that its login gives. Expiration in the form of Python's datetime.
	TEA Flavour = "tea"
	// Cumulus is NASA Cumulus's endpoint of the same path: it redirects with 307
	// where TEA refuses, and its cookie is another.
	Cumulus Flavour = "cumulus"
	// EODH is POST /api/workspaces/{workspace}/me/s3-tokens. Expiration in RFC
	// 3339, errors in plain text.
	EODH Flavour = "eodh"
	// Web is a plain GET of any path. Expiration in RFC 3339.
	Web Flavour = "web"
)

// A VendorConfig says what a Vendor vends, and to whom.
type VendorConfig struct {
	Name     string  // for the control API; empty means the flavour
	Flavour  Flavour // empty is Web
	Addr     string  // where Start listens; empty means a free port of 127.0.0.1
	Token    string  // the bearer token to require; empty with Web requires none
	Lifetime time.Duration
	// Expirations are told in whole seconds, so keys live for Lifetime rounded up
	// to the next full second of the clock.

	ContentType string   // of the reply; empty is application/json
	Workspace   string   // EODH only; empty accepts any
	SecretName  string   // JSON key of the secret; empty is secretAccessKey
	Buckets     []string // what vended keys may use; empty is everything
	Login       *Login   // where TEA and Cumulus send callers without a token; nil refuses them
}

// A Vendor hands out temporary keys over HTTP and makes its Servers accept them.
// It is an http.Handler; Start and Serve put it behind a listener of its own, so
// that a test can see which host received what.
type Vendor struct {
	cfg     VendorConfig
	servers []*Server
	done    chan struct{}

	mu        sync.Mutex
	lifetime  time.Duration
	skew      time.Duration
	down      bool
	downUntil time.Time
	hang      bool
	same      bool
	last      *Key
	vended    []string // ids of all keys
	refused   int
	answers   []Answer
	requests  []Request
	sessions  map[string]bool // cookies given out
	http      *http.Server
	url       string
	closed    bool
}

// NewVendor returns a Vendor whose keys the given servers accept. Lifetime zero
// is an hour.
func NewVendor(cfg VendorConfig, servers ...*Server) *Vendor {
	if cfg.Flavour == "" {
		cfg.Flavour = Web
	}
	if cfg.Name == "" {
		cfg.Name = string(cfg.Flavour)
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = time.Hour
	}
	if cfg.ContentType == "" {
		cfg.ContentType = "application/json"
	}
	if cfg.SecretName == "" {
		cfg.SecretName = "secretAccessKey"
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	v := &Vendor{cfg: cfg, servers: servers, lifetime: cfg.Lifetime, done: make(chan struct{}), sessions: map[string]bool{}}
	for _, s := range servers {
		s.mu.Lock()
		s.vendors = append(s.vendors, v)
		s.mu.Unlock()
	}
	return v
}

// Start listens on VendorConfig.Addr and serves until Close.
func (v *Vendor) Start() error {
	l, err := net.Listen("tcp", v.cfg.Addr)
	if err != nil {
		return fmt.Errorf("start vendor: %w", err)
	}
	return v.Serve(l)
}

// Serve serves on l, in the background, until Close closes it.
func (v *Vendor) Serve(l net.Listener) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed || v.http != nil {
		return errors.New("serve: the vendor is closed or serving already")
	}
	v.url = "http://" + l.Addr().String()
	v.http = newHTTPServer(v, nil)
	go v.http.Serve(l) // ends, always with an error, when Close closes l
	return nil
}

// URL is scheme, host and port, without a path. Valid after Start or Serve.
func (v *Vendor) URL() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.url
}

// Endpoint is the URL that vends: what a user would configure.
func (v *Vendor) Endpoint() string {
	switch v.cfg.Flavour {
	case EODH:
		workspace := v.cfg.Workspace
		if workspace == "" {
			workspace = "workspace"
		}
		return v.URL() + "/api/workspaces/" + workspace
	case Web:
		return v.URL() + "/credentials"
	}
	return v.URL() + "/s3credentials"
}

// Close drops all connections and ends what hangs.
func (v *Vendor) Close() error {
	v.mu.Lock()
	if v.closed {
		v.mu.Unlock()
		return nil
	}
	v.closed = true
	srv := v.http
	v.mu.Unlock()
	close(v.done)
	if srv == nil {
		return nil
	}
	return srv.Close()
}

// Vend mints a key without a request, as for a user who pastes it.
func (v *Vendor) Vend() Key {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.vend()
}

func (v *Vendor) vend() Key {
	if v.same && v.last != nil {
		return *v.last
	}
	expires := time.Now().Add(v.lifetime)
	if whole := expires.Truncate(time.Second); !whole.Equal(expires) {
		expires = whole.Add(time.Second)
	}
	k := Key{
		ID: fmt.Sprintf("ASIA%016d", len(v.vended)+1), Secret: randomHex(20), Token: "tok." + randomHex(64),
		Expires: expires, Buckets: v.cfg.Buckets,
	}
	k.ID = k.ID[:12] + randomHex(4)
	for _, s := range v.servers {
		s.AddKey(k)
	}
	v.last = &k
	v.vended = append(v.vended, k.ID)
	return k
}
