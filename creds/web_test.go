package creds

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWebSendsItsBearer(t *testing.T) {
	d := newDouble(t, "vendor", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+canaryBearer {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		writeKeys(w, time.Hour)
	}, canaryBearer, canaryQuery)
	p := mustOpen(t, "web:"+d.URL+"/keys?code="+canaryQuery, Options{Getenv: env("XFER_CREDS_TOKEN", canaryBearer+"\n")})
	k := mustFetch(t, p)
	if life := k.life(time.Now()); life < 59*time.Minute || life > time.Hour {
		t.Errorf("life %s", life)
	}
	if _, err := fetch(t, mustOpen(t, "web:"+d.URL+"/keys", Options{})); !errors.Is(err, ErrLogin) {
		t.Errorf("without a token: %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		other := newDouble(t, "other", func(w http.ResponseWriter, r *http.Request) { writeKeys(w, time.Hour) })
		d := newDouble(t, "vendor", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/?next="+canaryQuery, status)
		}, canaryBearer)
		_, err := fetch(t, mustOpen(t, "web:"+d.URL+"/", Options{Getenv: env("XFER_CREDS_TOKEN", canaryBearer)}))
		if !errors.Is(err, ErrLogin) || len(other.requests()) != 0 || len(d.requests()) != 1 {
			t.Errorf("%d: %v, other saw %v", status, err, other.requests())
		}
	}
}

func TestBadAnswersAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		kind   error
		text   string
	}{
		"web page":    {200, "<!DOCTYPE html><html><body>log in", ErrSetup, "web page"},
		"no keys":     {200, `{"ok":true}`, ErrSetup, "no keys"},
		"zoneless":    {200, `{"accessKeyId":"A","secretAccessKey":"s","expiration":"2026-01-02 12:00:00"}`, ErrSetup, "time zone"},
		"too big":     {200, strings.Repeat(" ", longestAnswer+1), ErrSetup, "more than"},
		"not there":   {404, "not found", ErrSetup, "404: not found"},
		"echo":        {401, `{"error":"bad ` + canaryBearer + `"}`, ErrLogin, "[redacted]"},
		"escapes":     {400, "a\x1b[2J\u202eb", ErrSetup, "400: a[2Jb"},
		"licence":     {403, `{"error_description":"EULA Acceptance Failure","resolution_url":"https://h.test/approve_app?client_id=1"}`, ErrConsent, "approved"},
		"down":        {503, "", nil, "503"},
		"disabled":    {503, `{"message":"S3 Credentials Endpoint has been disabled"}`, ErrSetup, "disabled"},
		"dependency":  {424, `{"message":"Unable to retrieve credentials from Server"}`, nil, "Unable"},
		"throttled":   {429, "", nil, "429"},
		"not allowed": {403, "<html>You do not have permission", ErrLogin, "403"},
	} {
		d := newDouble(t, "vendor", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "90")
			w.WriteHeader(c.status)
			w.Write([]byte(c.body))
		}, canaryBearer)
		_, err := fetch(t, mustOpen(t, "web:"+d.URL+"/", Options{Getenv: env("XFER_CREDS_TOKEN", canaryBearer)}))
		if err == nil || !strings.Contains(err.Error(), c.text) || terminal(err) != (c.kind != nil) || (c.kind != nil && !errors.Is(err, c.kind)) {
			t.Errorf("%s: got %v", name, err)
		}
		if c.kind == nil && retryAfterOf(err) != 90*time.Second {
			t.Errorf("%s: retry after %s", name, retryAfterOf(err))
		}
		if name == "licence" && !strings.Contains(HintOf(err), "https://h.test/approve_app") {
			t.Errorf("hint %q", HintOf(err))
		}
	}
}

func TestUnreachableVendorNamesOnlyItsHost(t *testing.T) {
	d := httptest.NewServer(nil)
	d.Close()
	_, err := fetch(t, mustOpen(t, "web:"+d.URL+"/?t="+canaryQuery, Options{}))
	if err == nil || terminal(err) || !strings.Contains(err.Error(), strings.TrimPrefix(d.URL, "http://")) {
		t.Errorf("got %v", err)
	}
}

func TestVendorClockDecides(t *testing.T) {
	for _, skew := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute} {
		d := newDouble(t, "vendor", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
			writeKeys(w, time.Hour+skew)
		})
		k := mustFetch(t, mustOpen(t, "web:"+d.URL+"/", Options{}))
		if life := k.life(time.Now()); life > time.Hour || life < time.Hour-3*time.Second {
			t.Errorf("skew %s: life %s", skew, life)
		}
	}
}

func TestRetryAfterIsRead(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "-5": 0, "soon": 0, "120": 2 * time.Minute,
		"Fri, 02 Jan 2026 12:01:00 GMT": time.Minute, "Fri, 02 Jan 2026 11:00:00 GMT": 0,
	} {
		a := answer{header: http.Header{"Retry-After": {text}}, date: now}
		if diff := cmp.Diff(want, a.retryAfter()); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}
