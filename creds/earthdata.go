package creds

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// earthdata gets keys from the /s3credentials endpoint of a NASA archive. Two
// programs serve it, the Thin Egress App and Cumulus; both take a bearer token
// of Earthdata Login, their own session cookie, or send us through a login.
type earthdata struct {
	url      *url.URL // of /s3credentials
	login    *url.URL // of Earthdata Login
	call     caller
	getenv   func(string) string
	tokens   *tokens
	jar      jar
	noBearer bool // this endpoint took a session where it refused a good token
}

// openEarthdata chooses the endpoint, by bucket if the spec names none.
func openEarthdata(s Spec, opt Options, call caller) (Provider, error) {
	address := s.arg
	if address == "" {
		if opt.Bucket == "" {
			return nil, errors.New("open credentials earthdata: no bucket to choose the endpoint by; write earthdata:URL")
		}
		place, ok := EarthdataEndpoint(opt.Bucket)
		if !ok {
			return nil, fmt.Errorf("open credentials earthdata: the endpoint of bucket %q is not known; "+
				"look for S3CredentialsAPIEndpoint on the page of its collection and write earthdata:URL", opt.Bucket)
		}
		address = place.URL
	}
	u, err := vendorURL(address)
	if err != nil {
		return nil, fmt.Errorf("open credentials %s: it %w", s, err)
	}
	login, err := loginURL(opt.Getenv("EARTHDATA_HOST"), u.Hostname())
	if err != nil {
		return nil, err
	}
	return &earthdata{
		url:    withPath(u, "/s3credentials"),
		login:  login,
		call:   call,
		getenv: opt.Getenv,
		tokens: &tokens{login: login, call: call},
		jar:    jar{},
	}, nil
}

// loginURL is where Earthdata Login is: what EARTHDATA_HOST says, a host or a
// whole URL, or else the one that belongs to the archive.
func loginURL(host, archive string) (*url.URL, error) {
	host = strings.TrimSpace(host)
	if host == "" {
		host = "urs.earthdata.nasa.gov"
		if strings.Contains(archive, ".uat.") {
			host = "uat.urs.earthdata.nasa.gov"
		}
	}
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	u, err := vendorURL(host)
	if err != nil {
		return nil, fmt.Errorf("read EARTHDATA_HOST: it %w; write a host, such as urs.earthdata.nasa.gov", err)
	}
	return u, nil
}

// A way is one login that was found, and how to get keys with it.
type way struct {
	name string
	try  func(context.Context) (Keys, error)
}

// Fetch tries the logins there are, best first, and goes on to the next one only
// if a login was not accepted. Files are read anew, so that a mended login is
// found by a job that waits for it.
func (e *earthdata) Fetch(ctx context.Context) (Keys, error) {
	ways, broken := e.ways()
	var refused error
	for _, w := range ways {
		k, err := w.try(ctx)
		if err == nil {
			k.From = fmt.Sprintf("%s (%s)", e.url.Host, w.name)
			return k, nil
		}
		if !errors.Is(err, ErrLogin) {
			return Keys{}, err
		}
		if refused == nil {
			refused = err
		}
	}
	if err := cmp.Or(refused, broken); err != nil {
		return Keys{}, err
	}
	return Keys{}, &Fault{Kind: ErrLogin, Text: "there is no Earthdata login", Hint: e.loginHint()}
}

// ways lists the logins in order of precedence. broken is why a netrc file could
// not be used.
func (e *earthdata) ways() (ways []way, broken error) {
	env := func(name string) Secret { return NewSecret(strings.TrimSpace(e.getenv(name))) }
	if token := env("EARTHDATA_TOKEN"); !token.Empty() {
		ways = append(ways, way{"EARTHDATA_TOKEN", func(ctx context.Context) (Keys, error) { return e.withToken(ctx, token) }})
	}
	if cookie := env("EARTHDATA_COOKIE"); !cookie.Empty() {
		ways = append(ways, way{"EARTHDATA_COOKIE", func(ctx context.Context) (Keys, error) { return e.withCookie(ctx, cookie) }})
	}
	if user, pass := e.getenv("EARTHDATA_USERNAME"), NewSecret(e.getenv("EARTHDATA_PASSWORD")); user != "" && !pass.Empty() {
		l := login{user: user, password: pass}
		ways = append(ways, way{"EARTHDATA_USERNAME", func(ctx context.Context) (Keys, error) { return e.withPassword(ctx, l) }})
	}
	l, path, err := netrcLogin(e.getenv, e.login)
	if err == nil && !l.password.Empty() {
		ways = append(ways, way{path, func(ctx context.Context) (Keys, error) { return e.withPassword(ctx, l) }})
	}
	return ways, err
}

// identity is the endpoint and whoever logs in there. Of a login with a password
// it is the user alone.
func (e *earthdata) identity() []string {
	id := []string{"earthdata", e.url.String(), e.login.String()}
	for _, name := range []string{"EARTHDATA_TOKEN", "EARTHDATA_COOKIE", "EARTHDATA_USERNAME"} {
		if value := strings.TrimSpace(e.getenv(name)); value != "" {
			return append(id, name, value)
		}
	}
	l, _, _ := netrcLogin(e.getenv, e.login) // a broken file is told by Fetch
	return append(id, "netrc", l.user)
}

func (e *earthdata) loginHint() string {
	return fmt.Sprintf("set EARTHDATA_TOKEN (made at %s/profile under Generate Token), or EARTHDATA_USERNAME and EARTHDATA_PASSWORD, "+
		"or add a line \"machine %s login … password …\" to ~/.netrc, which is read again while xfer waits", e.login, e.login.Host)
}

// header is what every request to the archive carries.
func (e *earthdata) header() http.Header {
	// The name becomes part of the role session that appears in the archive's logs.
	return http.Header{"Accept": {"application/json"}, "App-Name": {"xfer"}}
}

// withToken asks with a bearer token. Any redirect means that the token is not
// accepted, and is not followed.
func (e *earthdata) withToken(ctx context.Context, token Secret) (Keys, error) {
	if end := jwtEnd(token); !end.IsZero() && time.Now().After(end) {
		return Keys{}, &Fault{Kind: ErrLogin, Text: "the Earthdata token expired on " + end.Format(time.DateOnly), Hint: e.loginHint()}
	}
	header := e.header()
	header.Set("Authorization", "Bearer "+token.Reveal())
	return e.ask(ctx, header, token)
}

// withCookie asks with a session cookie taken from a browser, NAME=VALUE.
func (e *earthdata) withCookie(ctx context.Context, cookie Secret) (Keys, error) {
	if name, value, _ := strings.Cut(cookie.Reveal(), "="); name == "" || value == "" {
		return Keys{}, &Fault{Kind: ErrSetup, Text: "EARTHDATA_COOKIE is not NAME=VALUE", Hint: "copy it as asf-urs=…"}
	}
	header := e.header()
	header.Set("Cookie", cookie.Reveal())
	return e.ask(ctx, header, cookie)
}

func (e *earthdata) ask(ctx context.Context, header http.Header, secret Secret) (Keys, error) {
	a, err := e.call.do(ctx, http.MethodGet, e.url, header)
	if err != nil {
		return Keys{}, err
	}
	if a.status != http.StatusOK {
		return Keys{}, a.fault(e.loginHint(), secret)
	}
	return a.keys()
}

// withPassword asks with a token that Earthdata Login gives for the password,
// and where tokens are not taken, goes through the login itself.
func (e *earthdata) withPassword(ctx context.Context, l login) (Keys, error) {
	if e.noBearer {
		return e.session(ctx, l)
	}
	token, err := e.tokens.get(ctx, l)
	switch {
	case err == nil:
		k, err := e.withToken(ctx, token)
		if !errors.Is(err, ErrLogin) {
			return k, err
		}
		e.tokens.refuse(token)
		k, err = e.session(ctx, l)
		e.noBearer = err == nil
		return k, err
	case errors.Is(err, ErrLogin), !terminal(err):
		return Keys{}, err
	}
	return e.session(ctx, l)
}
