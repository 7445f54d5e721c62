package s3sim

import (
	"encoding/json"
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

// Login plays the OAuth authorize endpoint of Earthdata Login, and on demand its
// token API: the one host that may see the password. A Vendor with VendorConfig.Login redirects to it.
type Login struct {
	user, password string

	mu       sync.Mutex
	token    string // that find_or_create_token gives; empty: there is no such call
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
	srv := l.http
	go func() { _ = srv.Serve(listener) }() // ends, always with an error, when Close closes it
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

// IssueToken makes POST /api/users/find_or_create_token give this bearer token to
// whoever has the password; it is said to live for a month. An empty one takes
// the call away.
func (l *Login) IssueToken(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token = token
}

// giveToken answers a call of the token API; false if it is not one.
func (l *Login) giveToken(w http.ResponseWriter, r *http.Request) (status int, answered bool) {
	l.mu.Lock()
	token := l.token
	l.mu.Unlock()
	if token == "" || r.Method != http.MethodPost || r.URL.Path != "/api/users/find_or_create_token" {
		return 0, false
	}
	if user, password, _ := r.BasicAuth(); user != l.user || password != l.password {
		w.WriteHeader(http.StatusUnauthorized)
		return http.StatusUnauthorized, true
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{ // a caller that went away needs no answer
		"access_token": token, "token_type": "Bearer", "expiration_date": time.Now().AddDate(0, 1, 0).Format("01/02/2006"),
	})
	return http.StatusOK, true
}

// ServeHTTP answers /oauth/authorize: 401 without the right password, else a
// redirect to redirect_uri with a code. A browser gets a page instead of 401.
func (l *Login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if status, answered := l.giveToken(w, r); answered {
		l.record(r, status)
		return
	}
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
	l.record(r, status)
}

func (l *Login) record(r *http.Request, status int) {
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
