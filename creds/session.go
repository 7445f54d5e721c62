package creds

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A login is a user and a password of Earthdata Login.
type login struct {
	user     string
	password Secret
}

// basic is the Authorization header of RFC 7617.
func (l login) basic() string {
	var r http.Request
	r.Header = http.Header{}
	r.SetBasicAuth(l.user, l.password.Reveal())
	return r.Header.Get("Authorization")
}

// mostHops is twice what a login through Earthdata takes.
const mostHops = 10

// session gets keys the way a browser would: the archive sends us to Earthdata
// Login, that sends us back with a code, and the archive gives a cookie for it.
// With a cookie from last time the first answer is already the keys. The
// password goes to Earthdata Login alone, cookies go back to where they came
// from, and no other host gets anything.
func (e *earthdata) session(ctx context.Context, l login) (Keys, error) {
	k, again, err := e.walk(ctx, l)
	if again {
		k, _, err = e.walk(ctx, l) // the code was used up or got lost
	}
	return k, err
}

func (e *earthdata) walk(ctx context.Context, l login) (k Keys, again bool, err error) {
	at := e.url
	for range mostHops {
		a, err := e.call.do(ctx, http.MethodGet, at, e.hopHeader(at, l))
		if err != nil {
			return Keys{}, false, err
		}
		e.jar.take(at, a.header)
		archive, loginHost := origin(at) == origin(e.url), origin(at) == origin(e.login)
		switch {
		case a.redirects():
			if at, err = nextHop(at, a.header.Get("Location")); err != nil {
				return Keys{}, false, err
			}
		case loginHost && !archive:
			return Keys{}, false, e.loginFault(a, l)
		case archive && at.Path == e.url.Path && a.status == http.StatusOK:
			k, err := a.keys()
			return k, false, err
		case archive && at.Path != e.url.Path && a.status == http.StatusBadRequest:
			return Keys{}, true, a.fault(e.loginHint(), l.password)
		case !archive && a.status == http.StatusUnauthorized:
			return Keys{}, false, &Fault{Kind: ErrLogin, Text: fmt.Sprintf("%s wants the login at %s, not at %s", e.url.Host, at.Host, e.login.Host),
				Hint: "if that host is right, set EARTHDATA_HOST to it"}
		default:
			return Keys{}, false, a.fault(e.loginHint(), l.password)
		}
	}
	return Keys{}, false, &Fault{Kind: ErrLogin, Text: fmt.Sprintf("%s keeps sending us around without a login", e.url.Host), Hint: e.loginHint()}
}

// hopHeader is what one request of the walk carries.
func (e *earthdata) hopHeader(at *url.URL, l login) http.Header {
	header := http.Header{"Accept": {"*/*"}}
	if origin(at) == origin(e.url) {
		header = e.header()
	}
	if origin(at) == origin(e.login) {
		header.Set("Authorization", l.basic())
	}
	if cookies := e.jar.header(at); cookies != "" {
		header.Set("Cookie", cookies)
	}
	return header
}

// loginFault says why Earthdata Login did not send us on.
func (e *earthdata) loginFault(a answer, l login) error {
	switch {
	case a.status == http.StatusUnauthorized:
		return &Fault{Kind: ErrLogin, Text: a.host + " does not accept the user or the password", Hint: e.loginHint()}
	case a.status == http.StatusOK:
		return &Fault{Kind: ErrConsent, Text: fmt.Sprintf("%s shows a page instead of sending us back to %s", a.host, e.url.Host),
			Hint: "log in there with a browser, accept the licence and approve the application"}
	}
	return a.fault(e.loginHint(), l.password)
}

// nextHop is where a redirect leads. It must not leave https, nor go from
// elsewhere to this machine.
func nextHop(at *url.URL, location string) (*url.URL, error) {
	bad := func(why string) (*url.URL, error) {
		return nil, &Fault{Kind: ErrSetup, Text: fmt.Sprintf("%s redirects %s", at.Host, why), Hint: "check that the URL is the one that hands out keys"}
	}
	next, err := at.Parse(location)
	if err != nil || location == "" {
		return bad("to no valid place")
	}
	next.Fragment = ""
	if _, err := vendorURL(next.String()); err != nil {
		return bad("to a place that is not safe")
	}
	if loopback(next.Hostname()) && !loopback(at.Hostname()) {
		return bad("to this machine")
	}
	return next, nil
}

// A jar holds cookies by origin and name. Unlike that of net/http it ignores
// Domain: a cookie goes back to the host and port that set it and nowhere else.
type jar map[string]map[string]Secret

// take keeps the cookies an answer from at set.
func (j jar) take(at *url.URL, header http.Header) {
	for _, c := range (&http.Response{Header: header}).Cookies() {
		if c.MaxAge < 0 || c.Value == "" || (!c.Expires.IsZero() && c.Expires.Before(time.Now())) {
			delete(j[origin(at)], c.Name)
			continue
		}
		if j[origin(at)] == nil {
			j[origin(at)] = map[string]Secret{}
		}
		j[origin(at)][c.Name] = NewSecret(c.Value)
	}
}

// header is the Cookie header for a request to at.
func (j jar) header(at *url.URL) string {
	var pairs []string
	for name, value := range j[origin(at)] {
		pairs = append(pairs, name+"="+value.Reveal())
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "; ")
}
