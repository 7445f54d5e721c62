package creds

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const eodhHub = "https://eodatahub.org.uk/api/workspaces/"

// eodh asks the EO DataHub for S3 keys of a workspace, as the page "S3 Token" of
// its website does. Each request mints a session of one hour.
type eodh struct {
	url    *url.URL // ends in /me/s3-tokens
	call   caller
	getenv func(string) string
}

func openEODH(s Spec, opt Options, call caller) (Provider, error) {
	address := s.arg
	if !strings.Contains(address, "/") {
		address = eodhHub + url.PathEscape(address)
	}
	u, err := vendorURL(address)
	if err != nil {
		return nil, fmt.Errorf("open credentials %s: it %w", s, err)
	}
	if !strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/me/s3-tokens") {
		u = u.JoinPath("me", "s3-tokens")
	}
	return &eodh{url: u, call: call, getenv: opt.Getenv}, nil
}

const eodhHint = "make an API key in your workspace under Credentials (it lives at most 30 days), " +
	"put it into EODH_API_KEY and run the same command again"

func (e *eodh) Fetch(ctx context.Context) (Keys, error) {
	key := NewSecret(strings.TrimSpace(e.getenv("EODH_API_KEY")))
	if key.Empty() {
		return Keys{}, &Fault{Kind: ErrLogin, Text: "there is no EODH_API_KEY", Hint: eodhHint}
	}
	if end := jwtEnd(key); !end.IsZero() && time.Now().After(end) {
		return Keys{}, &Fault{Kind: ErrLogin, Text: "the token in EODH_API_KEY expired at " + end.UTC().Format(time.DateTime) + " UTC", Hint: eodhHint}
	}
	header := http.Header{
		"Accept":        {"application/json"},
		"Content-Type":  {"application/json"},
		"Authorization": {"Bearer " + key.Reveal()},
	}
	a, err := e.call.do(ctx, http.MethodPost, e.url, header)
	if err != nil {
		return Keys{}, err
	}
	if a.status != http.StatusOK && a.status != http.StatusCreated {
		return Keys{}, a.fault(eodhHint, key)
	}
	k, err := a.keys()
	k.From += " (EODH_API_KEY)"
	return k, err
}

func (e *eodh) identity() []string {
	return []string{"eodh", e.url.String(), strings.TrimSpace(e.getenv("EODH_API_KEY"))}
}
