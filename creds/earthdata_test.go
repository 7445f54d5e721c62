package creds

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// archive is Earthdata Login and one archive behind it, on two ports.
type archive struct {
	login, tea *double
	status     int    // of the archive's redirects: 302 for the TEA, 307 for Cumulus
	callback   string // path of the archive that takes the code
	cookie     string // name of the session cookie

	noBearer  bool         // bearer tokens are ignored, as old Cumulus does it
	consent   bool         // the user has not accepted the licence
	noTokens  bool         // Earthdata Login has no token API
	full      bool         // the account has two tokens
	issued    string       // what find_or_create_token gives
	ends      string       // its expiration_date
	lostCodes atomic.Int32 // so many codes are refused
	sessions  atomic.Int32 // sessions made
	bearer    atomic.Value // the token that is good, a string
}

func newArchive(t *testing.T) *archive {
	a := &archive{status: 302, callback: "/login", cookie: "asf-urs", issued: jwtFor(canaryIssued, time.Now().Add(60*24*time.Hour))}
	a.bearer.Store(a.issued)
	basic := canaries[len(canaries)-1]
	a.login = newDouble(t, "login", a.serveLogin, basic)
	a.tea = newDouble(t, "tea", a.serveArchive, canarySession, canaryBearer, canaryCookie, canaryIssued)
	return a
}

func (a *archive) serveLogin(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	if user != "ada" || password != canaryPassword {
		w.Header().Set("WWW-Authenticate", `Basic realm="Please enter your Earthdata Login credentials."`)
		http.Error(w, "HTTP Basic: Access denied.", http.StatusUnauthorized)
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/users/"):
		if a.noTokens {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodPost {
			http.Error(w, "", http.StatusMethodNotAllowed)
			return
		}
		token, ends := a.issued, a.ends
		if r.URL.Path == "/api/users/token" {
			if a.full {
				http.Error(w, `{"error":"max_token_limit"}`, http.StatusForbidden)
				return
			}
			token = jwtFor(canaryIssued, time.Now().Add(60*24*time.Hour)) + "x"
		}
		json.NewEncoder(w).Encode(map[string]string{"access_token": token, "token_type": "Bearer", "expiration_date": ends})
	case r.URL.Path == "/oauth/authorize":
		http.SetCookie(w, &http.Cookie{Name: "_urs-gui_session", Value: "gui"})
		back := r.URL.Query().Get("redirect_uri") + "?code=c0de&state=" + r.URL.Query().Get("state")
		http.Redirect(w, r, back, http.StatusFound)
	}
}

func (a *archive) serveArchive(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(fmt.Sprint(r.Header), "gui") {
		http.Error(w, "a cookie of the login host", http.StatusTeapot)
		return
	}
	session, _ := r.Cookie(a.cookie)
	switch {
	case r.URL.Path == a.callback && a.consent:
		http.Error(w, "<html>EULA_failure. Be sure to agree to the EULA.", http.StatusUnauthorized)
	case r.URL.Path == a.callback && a.lostCodes.Add(-1) >= 0:
		http.Error(w, "<html>problem talking to URS Login", http.StatusBadRequest)
	case r.URL.Path == a.callback:
		a.sessions.Add(1)
		http.SetCookie(w, &http.Cookie{Name: a.cookie, Value: canarySession, Path: "/", Domain: "127.0.0.1"})
		status := http.StatusMovedPermanently
		if a.status == 307 {
			status = 307
		}
		http.Redirect(w, r, "/s3credentials", status)
	case session != nil && (session.Value == canarySession || session.Value == canaryCookie):
		writeKeys(w, time.Hour)
	case !a.noBearer && r.Header.Get("Authorization") == "Bearer "+a.bearer.Load().(string):
		writeKeys(w, time.Hour)
	default:
		http.Redirect(w, r, a.login.URL+"/oauth/authorize?client_id=x&response_type=code&redirect_uri="+a.tea.URL+a.callback+"&state=%2Fs3credentials", a.status)
	}
}

func (a *archive) open(t *testing.T, pairs ...string) Provider {
	t.Helper()
	return mustOpen(t, "earthdata:"+a.tea.URL, Options{Getenv: env(append(pairs, "EARTHDATA_HOST", a.login.URL)...)})
}

func (a *archive) withPassword(t *testing.T) Provider {
	t.Helper()
	return a.open(t, "EARTHDATA_USERNAME", "ada", "EARTHDATA_PASSWORD", canaryPassword)
}

func TestTokenIsSentToTheArchiveAlone(t *testing.T) {
	a := newArchive(t)
	a.bearer.Store(canaryBearer)
	k := mustFetch(t, a.open(t, "EARTHDATA_TOKEN", canaryBearer))
	if !strings.Contains(k.From, "EARTHDATA_TOKEN") {
		t.Errorf("from %q", k.From)
	}
	if diff := cmp.Diff([]string{"GET /s3credentials"}, a.tea.requests()); diff != "" {
		t.Error(diff)
	}
	if got := a.tea.headers[0].Get("App-Name"); got != "xfer" {
		t.Errorf("app-name %q", got)
	}
}

func TestRefusedTokenIsNotCarriedToTheLogin(t *testing.T) {
	for _, status := range []int{302, 307} {
		a := newArchive(t)
		a.status = status
		_, err := fetch(t, a.open(t, "EARTHDATA_TOKEN", canaryBearer))
		if !errors.Is(err, ErrLogin) || len(a.login.requests()) != 0 {
			t.Errorf("%d: %v, login saw %v", status, err, a.login.requests())
		}
	}
}

func TestExpiredTokenIsNotSent(t *testing.T) {
	a := newArchive(t)
	_, err := fetch(t, a.open(t, "EARTHDATA_TOKEN", jwtFor(canaryBearer, time.Now().Add(-time.Hour))))
	if !errors.Is(err, ErrLogin) || !strings.Contains(err.Error(), "expired") || len(a.tea.requests()) != 0 {
		t.Errorf("%v, archive saw %v", err, a.tea.requests())
	}
}

func TestCookieIsSent(t *testing.T) {
	a := newArchive(t)
	mustFetch(t, a.open(t, "EARTHDATA_COOKIE", "asf-urs="+canaryCookie))
	_, err := fetch(t, a.open(t, "EARTHDATA_COOKIE", "asf-urs=old"))
	if !errors.Is(err, ErrLogin) || len(a.login.requests()) != 0 {
		t.Errorf("%v, login saw %v", err, a.login.requests())
	}
}

func TestPasswordBuysATokenOnce(t *testing.T) {
	a := newArchive(t)
	p := a.withPassword(t)
	for range 3 {
		mustFetch(t, p)
	}
	if diff := cmp.Diff([]string{"POST /api/users/find_or_create_token"}, a.login.requests()); diff != "" {
		t.Error(diff)
	}
	if n := len(a.tea.requests()); n != 3 {
		t.Errorf("archive saw %d requests", n)
	}
}

func TestDyingTokenIsReplaced(t *testing.T) {
	a := newArchive(t)
	a.issued = jwtFor(canaryIssued, time.Now().Add(time.Hour))
	a.bearer.Store(jwtFor(canaryIssued, time.Now().Add(60*24*time.Hour)) + "x")
	mustFetch(t, a.withPassword(t))
	want := []string{"POST /api/users/find_or_create_token", "POST /api/users/token"}
	if diff := cmp.Diff(want, a.login.requests()); diff != "" {
		t.Error(diff)
	}
}

func TestAccountWithTwoTokensUsesWhatItHas(t *testing.T) {
	a := newArchive(t)
	a.full, a.issued, a.ends = true, canaryIssued, time.Now().Format("01/02/2006") // no JWT: a day without an hour
	a.bearer.Store(canaryIssued)
	mustFetch(t, a.withPassword(t))
}

func TestLoginChainOfBothPrograms(t *testing.T) {
	for name, change := range map[string]func(*archive){
		"thin egress app without a token api": func(a *archive) { a.noTokens = true },
		"cumulus that ignores tokens":         func(a *archive) { a.noBearer, a.status, a.callback, a.cookie = true, 307, "/redirect", "accessToken" },
		"token refused, account full":         func(a *archive) { a.full = true; a.bearer.Store("another") },
		"code lost once":                      func(a *archive) { a.noTokens = true; a.lostCodes.Store(1) },
	} {
		a := newArchive(t)
		change(a)
		p := a.withPassword(t)
		mustFetch(t, p)
		asked := len(a.login.requests())
		mustFetch(t, p)
		mustFetch(t, p)
		if n := a.sessions.Load(); n != 1 {
			t.Errorf("%s: %d sessions for three fetches", name, n)
		}
		if name == "cumulus that ignores tokens" && len(a.login.requests()) != asked {
			t.Errorf("%s: the login was asked again: %v", name, a.login.requests())
		}
	}
}

func TestLoginTroubleIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*archive)
		pass   string
		kind   error
		text   string
	}{
		"wrong password":              {func(a *archive) {}, "wrong", ErrLogin, "user or the password"},
		"wrong password in the chain": {func(a *archive) { a.noTokens = true }, "wrong", ErrLogin, "user or the password"},
		"licence not accepted":        {func(a *archive) { a.noTokens, a.consent = true, true }, canaryPassword, ErrConsent, "approved"},
		"codes lost for ever":         {func(a *archive) { a.noTokens = true; a.lostCodes.Store(99) }, canaryPassword, ErrSetup, "400"},
	} {
		a := newArchive(t)
		c.change(a)
		_, err := fetch(t, a.open(t, "EARTHDATA_USERNAME", "ada", "EARTHDATA_PASSWORD", c.pass))
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) || HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPasswordGoesToNoOtherLoginHost(t *testing.T) {
	a := newArchive(t)
	a.noTokens = true
	other := newDouble(t, "other login", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	tea := newDouble(t, "tea", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/oauth/authorize", http.StatusFound)
	})
	p := mustOpen(t, "earthdata:"+tea.URL, Options{Getenv: env("EARTHDATA_HOST", a.login.URL, "EARTHDATA_USERNAME", "ada", "EARTHDATA_PASSWORD", canaryPassword)})
	_, err := fetch(t, p)
	if !errors.Is(err, ErrLogin) || !strings.Contains(err.Error(), "wants the login at") || len(other.requests()) != 1 {
		t.Errorf("%v, other saw %v", err, other.requests())
	}
}

func TestRoundTripsOfRedirectsEnd(t *testing.T) {
	a := newArchive(t)
	a.noTokens, a.cookie = true, "never-looked-at"
	tea := newDouble(t, "tea", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/s3credentials", http.StatusFound) })
	p := mustOpen(t, "earthdata:"+tea.URL, Options{Getenv: env("EARTHDATA_HOST", a.login.URL, "EARTHDATA_USERNAME", "ada", "EARTHDATA_PASSWORD", canaryPassword)})
	if _, err := fetch(t, p); !errors.Is(err, ErrLogin) || len(tea.requests()) != mostHops {
		t.Errorf("%v after %d requests", err, len(tea.requests()))
	}
}

func TestLoginsFollowEachOther(t *testing.T) {
	a := newArchive(t)
	p := a.open(t, "EARTHDATA_TOKEN", canaryBearer, "EARTHDATA_USERNAME", "ada", "EARTHDATA_PASSWORD", canaryPassword)
	if k := mustFetch(t, p); !strings.Contains(k.From, "EARTHDATA_USERNAME") {
		t.Errorf("from %q", k.From)
	}
}

func TestNoLoginSaysWhatToSet(t *testing.T) {
	a := newArchive(t)
	_, err := fetch(t, a.open(t, "HOME", t.TempDir()))
	if !errors.Is(err, ErrLogin) || !strings.Contains(HintOf(err), "EARTHDATA_TOKEN") || len(a.tea.requests()) != 0 {
		t.Errorf("%v (%s)", err, HintOf(err))
	}
}

func TestNetrcIsReadAnew(t *testing.T) {
	a := newArchive(t)
	home := t.TempDir()
	path := filepath.Join(home, ".netrc")
	host := strings.TrimPrefix(a.login.URL, "http://")
	p := a.open(t, "HOME", home)
	write := func(text string, mode os.FileMode) {
		t.Helper()
		_ = os.Remove(path) // it may not be there
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	good := fmt.Sprintf("# mine\nmachine other.test login x password y\nmachine %s\n\tlogin ada\n\tpassword %s\n", host, canaryPassword)
	for _, c := range []struct {
		text string
		mode os.FileMode
		kind error
		want string
	}{
		{"default login ada password " + canaryPassword + "\n", 0o600, ErrLogin, "no Earthdata login"},
		{"machine urs.earthdata.nasa.gov login ada password " + canaryPassword + "\n", 0o600, ErrLogin, "no Earthdata login"},
		{"login ada password " + canaryPassword + "\n", 0o600, ErrSetup, "not a netrc file"},
		{good, 0o644, ErrSetup, "others on this machine"},
	} {
		write(c.text, c.mode)
		if _, err := fetch(t, p); !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.want, err)
		}
	}
	if n := len(a.tea.requests()) + len(a.login.requests()); n != 0 {
		t.Errorf("%d requests without a login", n)
	}
	write(good, 0o600)
	if k := mustFetch(t, p); !strings.Contains(k.From, ".netrc") {
		t.Errorf("from %q", k.From)
	}
}

func TestEndpointIsChosenByBucket(t *testing.T) {
	for line := range strings.Lines(bucketTable) {
		bucket, address, ok := strings.Cut(strings.TrimSpace(line), "\t")
		u, err := vendorURL(address)
		if !ok || err != nil || u.Path != "/s3credentials" || strings.Contains(bucket, "/") {
			t.Errorf("line %q: %v", line, err)
		}
	}
	p := mustOpen(t, "earthdata", Options{Bucket: "asf-ngap2w-p-s1-slc-7b420b89"}).(*earthdata)
	if p.url.String() != "https://sentinel1.asf.alaska.edu/s3credentials" || p.login.Host != "urs.earthdata.nasa.gov" {
		t.Errorf("%s, login at %s", p.url, p.login)
	}
	if p := mustOpen(t, "earthdata", Options{Bucket: "ghrcwuat-protected"}).(*earthdata); p.login.Host != "uat.urs.earthdata.nasa.gov" {
		t.Errorf("login at %s", p.login)
	}
	s, _ := Parse("earthdata")
	for bucket, want := range map[string]string{"": "no bucket", "nobody": "not known"} {
		if _, err := Open(t.Context(), s, Options{Bucket: bucket, Getenv: env()}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", bucket, err)
		}
	}
	for _, host := range []string{"http://login.test", "ftp://x", "https://u:p@x"} {
		if _, err := Open(t.Context(), s, Options{Bucket: "prod-lads", Getenv: env("EARTHDATA_HOST", host)}); err == nil {
			t.Errorf("EARTHDATA_HOST %q was accepted", host)
		}
	}
}

func TestHopsStaySafe(t *testing.T) {
	for _, c := range [][2]string{
		{"https://a.test/x", "http://a.test/y"},
		{"https://a.test/x", "http://127.0.0.1/y"},
		{"https://a.test/x", "https://127.0.0.1/y"},
		{"https://a.test/x", "https://u:p@b.test/"},
		{"https://a.test/x", "file:///etc/passwd"},
		{"https://a.test/x", ""},
		{"https://a.test/x", "http://[bad"},
	} {
		u, _ := vendorURL(c[0])
		if next, err := nextHop(u, c[1]); err == nil {
			t.Errorf("%s → %q led to %s", c[0], c[1], next)
		}
	}
	u, _ := vendorURL("https://a.test/x")
	if next, err := nextHop(u, "/login?code=1"); err != nil || next.String() != "https://a.test/login?code=1" {
		t.Errorf("%v, %v", next, err)
	}
}

func TestCookiesStayWhereTheyWereSet(t *testing.T) {
	j := jar{}
	a, _ := vendorURL("https://a.test/x")
	set := func(cookies ...string) {
		j.take(a, http.Header{"Set-Cookie": cookies})
	}
	set("s=1; Domain=test; Path=/login", "t=2; Max-Age=60", "u=3; Expires=Fri, 02 Jan 2099 12:00:00 GMT")
	if got := j.header(a); got != "s=1; t=2; u=3" {
		t.Errorf("header %q", got)
	}
	for _, other := range []string{"https://b.test/x", "https://a.test:8443/x", "https://sub.a.test/x"} {
		if u, _ := vendorURL(other); j.header(u) != "" {
			t.Errorf("%s would be sent %q", other, j.header(u))
		}
	}
	set("s=; Path=/", "t=4; Max-Age=0", "u=5; Expires=Fri, 02 Jan 2015 12:00:00 GMT")
	if got := j.header(a); got != "" {
		t.Errorf("deleted cookies are sent: %q", got)
	}
}
