package creds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	longestAnswer  = 1 << 20 // bytes of a vendor's answer that are read
	longestHeaders = 64 << 10
)

// vendorURL parses a URL that secrets may be sent to: https, or http to loopback.
func vendorURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, errors.New("holds no whole URL")
	case u.User != nil:
		return nil, errors.New("has a user in its URL; logins come from the environment or from files")
	case u.Fragment != "":
		return nil, errors.New("has a fragment in its URL")
	case u.Scheme == "https":
	case u.Scheme == "http" && loopback(u.Hostname()):
	case u.Scheme == "http":
		return nil, errors.New("uses plain http, which is for loopback only")
	default:
		return nil, errors.New("has a URL that is not https")
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// origin is what a secret is bound to: scheme, host and port.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// A caller makes single requests. It never follows a redirect, sends no Referer
// and keeps no cookies: what a request carries is what was put into it.
type caller struct {
	client *http.Client
	agent  string
}

// newCaller makes a caller over rt, or over a transport of its own if rt is nil.
// The user agent must not begin with "Mozilla": Earthdata Login answers browsers
// with pages instead of status codes.
func newCaller(rt http.RoundTripper, version string) caller {
	if rt == nil {
		rt = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout:    10 * time.Second,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: longestHeaders,
			DisableKeepAlives:      true, // calls are most of an hour apart
		}
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return caller{client: &http.Client{Transport: rt, CheckRedirect: refuse}, agent: "xfer/" + version}
}

// An answer is a whole response.
type answer struct {
	status int
	header http.Header
	body   []byte
	host   string    // host and port that answered
	date   time.Time // vendor's clock on arrival; zero if it sent none
}

// do sends a request with these headers and reads the whole answer. Its errors
// name the host and never the rest of the URL.
func (c caller) do(ctx context.Context, method string, u *url.URL, header http.Header) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return answer{}, fmt.Errorf("reach %s: its URL is not valid", u.Host)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.agent)
	resp, err := c.client.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("reach %s: %w", u.Host, withoutURL(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, longestAnswer+1))
	if err != nil {
		return answer{}, fmt.Errorf("read answer of %s: %w", u.Host, err)
	}
	if len(body) > longestAnswer {
		return answer{}, &Fault{Kind: ErrSetup, Text: fmt.Sprintf("%s answered with more than %d bytes", u.Host, longestAnswer),
			Hint: "check that the URL is the one that hands out keys"}
	}
	return answer{resp.StatusCode, resp.Header, body, u.Host, vendorNow(resp.Header, time.Now())}, nil
}

// withoutURL drops the *url.Error around err: its text has the whole query.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// vendorNow is the vendor's clock from a Date header, which is cut to the second.
// If the local clock agrees with it, it is the better reading of the two; if
// not, the answer is the latest moment the header can mean, so that keys are
// never taken to live longer than they do.
func vendorNow(header http.Header, local time.Time) time.Time {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	if behind := local.Sub(date); behind >= 0 && behind < time.Second {
		return local.Round(0)
	}
	return date.Add(time.Second)
}

// retryAfter is how long a vendor wants to be left alone; zero if it does not
// say. RFC 9110, section 10.2.3.
func (a answer) retryAfter() time.Duration {
	text := a.header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now := a.date
	if now.IsZero() {
		now = time.Now()
	}
	return max(0, at.Sub(now))
}

// redirects reports whether the answer points elsewhere.
func (a answer) redirects() bool { return a.status >= 300 && a.status < 400 }

// says reports whether the body contains word, whatever the case.
func (a answer) says(word string) bool {
	return bytes.Contains(bytes.ToLower(a.body), []byte(strings.ToLower(word)))
}
