package creds

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// The secrets that tests plant. A double that sees one it was not told of fails.
const (
	canaryBearer   = "canary-bearer-7f3a"
	canaryPassword = "canary-password-91c2"
	canaryCookie   = "canary-cookie-5d0e"
	canarySession  = "canary-session-e7b8"
	canaryIssued   = "canary-issued-44aa"
	canaryQuery    = "canary-query-0b6d"
)

var canaries = []string{canaryBearer, canaryPassword, canaryCookie, canarySession, canaryIssued, canaryQuery,
	base64.StdEncoding.EncodeToString([]byte("ada:" + canaryPassword))}

// A double is a vendor's server on loopback that writes down what it is sent.
type double struct {
	*httptest.Server
	name    string
	may     []string // secrets that are meant for it
	mu      sync.Mutex
	asked   []string // method and path
	headers []http.Header
}

func newDouble(t *testing.T, name string, handler http.HandlerFunc, may ...string) *double {
	t.Helper()
	d := &double{name: name, may: may}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.asked = append(d.asked, r.Method+" "+r.URL.Path)
		d.headers = append(d.headers, r.Header.Clone())
		d.mu.Unlock()
		d.inspect(t, r)
		handler(w, r)
	}))
	t.Cleanup(d.Close)
	return d
}

// inspect holds for every request of every test.
func (d *double) inspect(t *testing.T, r *http.Request) {
	text := fmt.Sprint(r.Header, r.URL)
	for _, c := range d.may {
		text = strings.ReplaceAll(text, c, "")
	}
	for _, c := range canaries {
		if strings.Contains(text, c) {
			t.Errorf("%s was sent a secret that is not for it: %s %s with %v", d.name, r.Method, r.URL.Path, r.Header)
		}
	}
	if got := r.Header.Get("User-Agent"); got != "xfer/1.2.3" {
		t.Errorf("%s saw user agent %q", d.name, got)
	}
	if got := r.Header.Get("Referer"); got != "" {
		t.Errorf("%s saw referer %q", d.name, got)
	}
}

func (d *double) requests() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.asked...)
}

// write answers with keys that live for life, in the spelling of the TEA.
func writeKeys(w http.ResponseWriter, life time.Duration) {
	w.Header().Set("Content-Type", "text/html") // as some deployments have it
	json.NewEncoder(w).Encode(map[string]string{
		"accessKeyId":     "ASIADOUBLE0001",
		"secretAccessKey": "canary-vended-secret",
		"sessionToken":    "canary-vended-token",
		"expiration":      time.Now().Add(life).UTC().Format("2006-01-02 15:04:05.999999Z07:00"),
	})
}

// jwtFor makes a token with an exp claim around a canary.
func jwtFor(canary string, end time.Time) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256"}`)) + "." + enc(fmt.Appendf(nil, `{"exp":%d}`, end.Unix())) + "." + canary
}

// env is an environment of its own for one Provider.
func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

func mustOpen(t *testing.T, spec string, opt Options) Provider {
	t.Helper()
	s, err := Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	opt.Version = "1.2.3"
	if opt.Getenv == nil {
		opt.Getenv = env()
	}
	p, err := Open(t.Context(), s, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fetch fetches and checks that no error holds a planted secret.
func fetch(t *testing.T, p Provider) (Keys, error) {
	t.Helper()
	k, err := p.Fetch(t.Context())
	if text := fmt.Sprintf("%v %+v %s", err, k, HintOf(err)); strings.Contains(text, "canary") {
		t.Errorf("secret in %s", text)
	}
	return k, err
}

func mustFetch(t *testing.T, p Provider) Keys {
	t.Helper()
	k, err := fetch(t, p)
	if err != nil {
		t.Fatalf("Fetch: %v (%s)", err, HintOf(err))
	}
	if k.AccessKeyID == "" || k.SecretAccessKey.Empty() || k.SessionToken.Empty() || !k.Renewable {
		t.Fatalf("got %+v", k)
	}
	return k
}
