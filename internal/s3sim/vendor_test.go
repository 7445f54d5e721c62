package s3sim_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"xfer/internal/s3sim"
)

func vendor(t testing.TB, cfg s3sim.VendorConfig, servers ...*s3sim.Server) *s3sim.Vendor {
	t.Helper()
	v := s3sim.NewVendor(cfg, servers...)
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// parse reads a vendor's reply into a key.
func parse(t testing.TB, body []byte, layout string) s3sim.Key {
	t.Helper()
	var m map[string]string
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("parse %q: %v", body, err)
	}
	expires, err := time.Parse(layout, m["expiration"])
	if err != nil {
		t.Fatal(err)
	}
	return s3sim.Key{ID: m["accessKeyId"], Secret: m["secretAccessKey"], Token: m["sessionToken"], Expires: expires}
}

func TestFlavours(t *testing.T) {
	const python = "2006-01-02 15:04:05-07:00"
	for _, tc := range []struct {
		flavour                 s3sim.Flavour
		method, path, layout    string
		contentType             string
		refusal                 int
		refusalText, otherToken string
	}{
		{s3sim.TEA, "GET", "/s3credentials", python, "text/html", 401, "invalid_token", "Bearer wrong"},
		{s3sim.Cumulus, "GET", "/s3credentials", python, "application/json", 401, "invalid_token", "Bearer wrong"},
		{s3sim.EODH, "POST", "/api/workspaces/ws/me/s3-tokens", time.RFC3339, "application/json", 401, "invalid bearer jwt token", "Bearer wrong"},
		{s3sim.EODH, "POST", "/api/workspaces/ws/me/s3-tokens", time.RFC3339, "application/json", 401, "authorization header missing", ""},
		{s3sim.Web, "GET", "/any", time.RFC3339, "application/json", 401, "invalid_token", ""},
	} {
		t.Run(string(tc.flavour), func(t *testing.T) {
			source, dest := start(t, s3sim.Config{}), start(t, s3sim.Config{})
			v := vendor(t, s3sim.VendorConfig{Flavour: tc.flavour, Token: "good", Lifetime: time.Minute, ContentType: tc.contentType, Workspace: "ws"}, source, dest)
			refused := try(t, tc.method, v.URL()+tc.path, nil, "Authorization", tc.otherToken)
			if refused.status != tc.refusal || !strings.Contains(string(refused.body), tc.refusalText) {
				t.Errorf("refusal %d %q", refused.status, refused.body)
			}
			given := try(t, tc.method, v.URL()+tc.path, nil, "Authorization", "bearer good")
			if given.status != 200 || !strings.HasPrefix(given.header.Get("Content-Type"), tc.contentType) {
				t.Fatalf("got %d %q %q", given.status, given.header.Get("Content-Type"), given.body)
			}
			key := parse(t, given.body, tc.layout)
			if left := time.Until(key.Expires); left < 55*time.Second || left > 61*time.Second {
				t.Errorf("key lives %v", left)
			}
			for _, s := range []*s3sim.Server{source, dest} {
				if err := list(s, key); err != nil {
					t.Error(err)
				}
			}
			if stats := v.Stats(); stats.Vended != 1 || stats.Refused != 1 || stats.Requests != 2 {
				t.Errorf("stats %+v", stats)
			}
			if r := v.Requests(); r[1].Header.Get("Authorization") != "bearer good" || r[1].Status != 200 {
				t.Errorf("recorded %+v", r[1])
			}
			v.RevokeAll()
			wantCode(t, list(source, key), "InvalidAccessKeyId")
		})
	}
}

func TestVendorSwitches(t *testing.T) {
	s := start(t, s3sim.Config{})
	v := vendor(t, s3sim.VendorConfig{Flavour: s3sim.EODH, Token: "t"}, s)
	ask := func() outcome { return try(t, "POST", v.Endpoint()+"/me/s3-tokens", nil, "Authorization", "Bearer t") }

	v.SetDown(true)
	if got := ask(); got.status != 503 {
		t.Errorf("down: %d", got.status)
	}
	v.SetDown(false)
	v.Down(time.Hour)
	if got := ask(); got.status != 503 || !v.Stats().Down {
		t.Errorf("down for an hour: %d", got.status)
	}
	v.SetDown(false)

	v.Answer(s3sim.Answer{Status: 500, Body: "ExpiredToken: the web identity token has expired", Times: 2})
	for _, want := range []int{500, 500, 200} {
		if got := ask(); got.status != want {
			t.Errorf("answer %d, want %d", got.status, want)
		}
	}

	first := parse(t, ask().body, time.RFC3339)
	v.SetSame(true)
	if again := parse(t, ask().body, time.RFC3339); again.ID != first.ID {
		t.Error("another key in spite of SetSame")
	}
	v.SetSame(false)
	v.ExpireAll()
	wantCode(t, list(s, first), "ExpiredToken")

	v.SetLifetime(time.Second)
	v.SetSkew(time.Hour)
	got := ask()
	told := parse(t, got.body, time.RFC3339).Expires
	date, err := http.ParseTime(got.header.Get("Date"))
	if err != nil || told.Sub(date) > 3*time.Second || time.Until(told) < 59*time.Minute {
		t.Errorf("date %v, told %v", date, told)
	}

	v.SetHang(true)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "POST", v.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hang: %v", err)
	}
}

func TestLoginGivesACookieAndOnlyItSeesThePassword(t *testing.T) {
	for _, flavour := range []s3sim.Flavour{s3sim.TEA, s3sim.Cumulus} {
		l := s3sim.NewLogin("user", "canary")
		if err := l.Start(); err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		s := start(t, s3sim.Config{})
		v := vendor(t, s3sim.VendorConfig{Flavour: flavour, Login: l, Token: "t"}, s)
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, password := range []string{"wrong", "canary"} {
			c := &http.Client{Jar: jar, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if "http://"+r.URL.Host == l.URL() {
					r.SetBasicAuth("user", password)
				}
				return http.DefaultTransport.RoundTrip(r)
			})}
			resp, err := c.Get(v.Endpoint())
			if err != nil {
				t.Fatal(err)
			}
			body := read(t, resp.Body)
			if password == "wrong" {
				if resp.StatusCode != 401 {
					t.Errorf("wrong password: %d", resp.StatusCode)
				}
				continue
			}
			if err := list(s, parse(t, body, "2006-01-02 15:04:05-07:00")); err != nil {
				t.Error(err)
			}
		}
		for _, r := range v.Requests() {
			if r.Header.Get("Authorization") != "" {
				t.Errorf("the vendor got %v", r.Header)
			}
		}
		if n := len(l.Requests()); n != 2 {
			t.Errorf("%d login requests", n)
		}
	}
}
