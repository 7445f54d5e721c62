package creds

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDataHubIsAskedAsItsPageDoes(t *testing.T) {
	d := newDouble(t, "hub", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+canaryBearer {
			http.Error(w, "invalid bearer jwt token", http.StatusUnauthorized)
			return
		}
		writeKeys(w, time.Hour)
	}, canaryBearer)
	for _, path := range []string{"/api/workspaces/w", "/api/workspaces/w/", "/api/workspaces/w/me/s3-tokens"} {
		mustFetch(t, mustOpen(t, "eodh:"+d.URL+path, Options{Getenv: env("EODH_API_KEY", canaryBearer)}))
	}
	want := []string{"POST /api/workspaces/w/me/s3-tokens"}
	if diff := cmp.Diff(append(append(want, want...), want...), d.requests()); diff != "" {
		t.Error(diff)
	}
	p := mustOpen(t, "eodh:my-workspace", Options{}).(*eodh)
	if got := p.url.String(); got != "https://eodatahub.org.uk/api/workspaces/my-workspace/me/s3-tokens" {
		t.Errorf("workspace is asked for at %s", got)
	}
}

func TestDataHubTroubleIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		key    string
		status int
		body   string
		kind   error
		text   string
		asked  int
	}{
		"no key":         {"", 0, "", ErrLogin, "no EODH_API_KEY", 0},
		"old key":        {jwtFor(canaryBearer, time.Now().Add(-time.Minute)), 0, "", ErrLogin, "expired", 0},
		"refused":        {canaryBearer, 401, "invalid bearer jwt token", ErrLogin, "invalid bearer", 1},
		"expired at sts": {canaryBearer, 500, "operation error STS: ExpiredToken: token is expired", ErrLogin, "login has expired", 1},
		"down":           {canaryBearer, 502, "", nil, "502", 1},
		"to a page":      {canaryBearer, 302, "", ErrLogin, "log in", 1},
	} {
		d := newDouble(t, "hub", func(w http.ResponseWriter, r *http.Request) { http.Error(w, c.body, c.status) }, canaryBearer)
		_, err := fetch(t, mustOpen(t, "eodh:"+d.URL+"/api/workspaces/w", Options{Getenv: env("EODH_API_KEY", c.key)}))
		if err == nil || !strings.Contains(err.Error(), c.text) || terminal(err) != (c.kind != nil) || (c.kind != nil && !errors.Is(err, c.kind)) {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(d.requests()); n != c.asked {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}
