package s3sim

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Login plays the OAuth authorize endpoint of Earthdata Login: the one host that
// may see the password. A Vendor with VendorConfig.Login redirects to it.
type Login struct {
	user, password string

	mu       sync.Mutex
	codes    map[string]bool
	requests []Request
	http     *http.Server
	url      string
}

// NewLogin knows one user.
func NewLogin(user, password string) *Login {
	return &Login{user: user, password: password, codes: map[string]bool{}}
}

// Start listens on a free port of 127.0.0.1 and serves until Close.
func (l *Login) Start() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start login: %w", err)
	}
	return l.Serve(listener)
}

// Serve serves on listener, in the background, until Close closes it.
func (l *Login) Serve(listener net.Listener) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.http != nil {
		return errors.New("serve: the login is serving already")
	}
	l.url = "http://" + listener.Addr().String()
	l.http = newHTTPServer(l, nil)
	go l.http.Serve(listener) // ends, always with an error, when Close closes it
	return nil
}

// URL is scheme, host and port. Valid after Start or Serve.
func (l *Login) URL() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.url
}

// Close drops all connections.
func (l *Login) Close() error {
	l.mu.Lock()
	srv := l.http
	l.mu.Unlock()
	if srv == nil {
		return nil
	}
	return srv.Close()
}

// Requests is every request so far with its headers, the password included.
func (l *Login) Requests() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.requests)
}

// ServeHTTP answers /oauth/authorize: 401 without the right password, else a
// redirect to redirect_uri with a code. A browser gets a page instead of 401.
func (l *Login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	q := r.URL.Query()
	back, err := url.Parse(q.Get("redirect_uri"))
	status := http.StatusFound
	switch {
	case r.URL.Path != "/oauth/authorize":
		status = http.StatusNotFound
	case err != nil || back.Host == "":
		status = http.StatusBadRequest
	case user == l.user && password == l.password:
		code := randomHex(16)
		l.mu.Lock()
		l.codes[code] = true
		l.mu.Unlock()
		back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}}.Encode()
		w.Header().Set("Location", back.String())
	case strings.HasPrefix(r.UserAgent(), "Mozilla"):
		status = http.StatusOK
		w.Header().Set("Content-Type", "text/html")
	default:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Basic realm="Please enter your Earthdata Login credentials."`)
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(map[int]string{401: "HTTP Basic: Access denied.\n", 200: "<html><form>Earthdata Login</form></html>"}[status]))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, Request{
		Time: time.Now(), Method: r.Method, Host: r.Host, URI: r.RequestURI, Header: r.Header.Clone(), Status: status,
	})
}

// redeem takes a code, once.
func (l *Login) redeem(code string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ok := l.codes[code]
	delete(l.codes, code)
	return ok
}
