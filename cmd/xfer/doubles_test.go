package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"xfer/internal/s3sim"
)

// The login material of all vendors. Where each may be seen is in house.may.
const (
	canaryCookie    = "canary-cookie-2b1d"
	canaryUser      = "ada"
	canaryPassword  = "canary-password-c07e"
	canaryIssued    = "canary-issued-token-11f0"
	canaryAPIKey    = "canary-api-key-8d22"
	canaryWeb       = "canary-web-token-3fa9"
	canaryContainer = "canary-container-token-64b5"
	canaryIdentity  = "canary-identity-token-e9c3"
)

var canaryBasic = base64.StdEncoding.EncodeToString([]byte(canaryUser + ":" + canaryPassword))

// A house is a source, a destination and whatever vendor a test puts beside
// them, all of which write down what they are sent.
type house struct {
	world
	hosts  map[string]*host
	logins []*s3sim.Login

	mu  sync.Mutex
	may map[string][]string // the hosts that may see each secret, by name; guarded by mu
}

// A host is a server that remembers what it got and what it said.
type host struct {
	*httptest.Server
	mu    sync.Mutex
	heard []string // requests: method, URI, headers, body
	said  []string // headers and bodies of replies
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{world: world{t: t, dir: t.TempDir()}, hosts: map[string]*host{}, may: map[string][]string{
		canarySecret: {}, canaryToken: {"dst"},
		canaryLogin: {"vendor"}, canaryCookie: {"vendor"}, canaryIssued: {"vendor"}, canaryAPIKey: {"vendor"}, canaryWeb: {"vendor"},
		canaryContainer: {"container"}, canaryIdentity: {"sts"}, canaryPassword: {}, canaryBasic: {"login"},
	}}
	h.list = filepath.Join(h.dir, "list.txt")
	h.src = s3sim.New(s3sim.Config{RecordRequests: true})
	h.dst = s3sim.New(s3sim.Config{RecordRequests: true})
	for _, server := range []*s3sim.Server{h.src, h.dst} {
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Close() })
	}
	h.dst.CreateBucket("out")
	h.dst.AddKey(s3sim.Key{ID: "DSTKEY", Secret: canarySecret, Token: canaryToken})
	h.src.PutSyntheticMany("in", "o/", 48, 64<<10, 1)
	h.listAll()
	h.env = []string{
		"HOME=" + h.dir, "XDG_CONFIG_HOME=", "XFER_SOURCE_ENDPOINT=" + h.src.URL(), "XFER_DEST_ENDPOINT=" + h.dst.URL(), "XFER_DEST_CREDS=env:DST",
		"DST_ACCESS_KEY_ID=DSTKEY", "DST_SECRET_ACCESS_KEY=" + canarySecret, "DST_SESSION_TOKEN=" + canaryToken,
		"AWS_CONFIG_FILE=" + filepath.Join(h.dir, "aws-config"), "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(h.dir, "aws-credentials"),
		"AWS_EC2_METADATA_DISABLED=true",
	}
	return h
}

// vendor makes a vendor of the source's keys, of two seconds each.
func (h *house) keysOf(c s3sim.VendorConfig) *s3sim.Vendor {
	c.Lifetime = 2 * time.Second
	return s3sim.NewVendor(c, h.src)
}

// serve puts a handler behind a host of its own.
func (h *house) serve(name string, handler http.Handler) *host {
	h.t.Helper()
	d := &host{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		d.mu.Lock()
		d.heard = append(d.heard, fmt.Sprintf("%s %s %v %s", r.Method, r.RequestURI, r.Header, body))
		d.said = append(d.said, fmt.Sprintf("%v %s", answer.Header(), answer.Body))
		d.mu.Unlock()
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	h.t.Cleanup(d.Close)
	h.hosts[name] = d
	return d
}

// login plays Earthdata Login.
func (h *house) login() (*s3sim.Login, string) {
	l := s3sim.NewLogin(canaryUser, canaryPassword)
	if err := l.Start(); err != nil { // for the URL that the vendor redirects to
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = l.Close() })
	return l, l.URL()
}

// refreshed keeps a file filled with new keys, in this form, twice a second.
func (h *house) refreshed(name string, form func(s3sim.Key) string) string {
	path := filepath.Join(h.dir, name)
	v := h.keysOf(s3sim.VendorConfig{})
	put := func() {
		k := v.Vend()
		h.vended(k.Secret, k.Token)
		h.write(path+".new", form(k))
		if err := os.Rename(path+".new", path); err != nil {
			h.t.Error(err)
		}
	}
	put()
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				put()
			case <-stop:
				return
			}
		}
	}()
	h.t.Cleanup(func() { close(stop); <-ended })
	return path
}

// vended notes a set of keys that a vendor has given out.
func (h *house) vended(secret, token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.may[secret], h.may[token] = []string{}, []string{"src"}
}

var (
	saidSecret = regexp.MustCompile(`(?i)["<]Secret(?:AccessKey)?["> :]+([^"<]+)["<]`)
	saidToken  = regexp.MustCompile(`(?i)["<](?:SessionToken|Token)["> :]+([^"<]+)["<]`)
	saidCookie = regexp.MustCompile(`Set-Cookie:\[[^=]+=([^;]+);`)
)

// collect learns the secrets that hosts have handed out. Called with mu held.
func (h *house) collect() {
	for name, d := range h.hosts {
		for _, said := range d.said {
			for _, m := range saidSecret.FindAllStringSubmatch(said, -1) {
				h.may[m[1]] = []string{}
			}
			for _, m := range saidToken.FindAllStringSubmatch(said, -1) {
				if h.may[m[1]] == nil {
					h.may[m[1]] = []string{"src"}
				}
			}
			for _, m := range saidCookie.FindAllStringSubmatch(said, -1) {
				h.may[m[1]] = []string{name}
			}
		}
	}
}

// inspect holds what each host was sent, and what else is given, against what
// each secret may be seen by. It returns how many secrets were looked for.
func (h *house) inspect(t *testing.T, places map[string]string) int {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.collect()
	for name, d := range h.hosts {
		places[name] = strings.Join(d.heard, "\n")
		if len(d.heard) == 0 {
			t.Errorf("%s was never asked", name)
		}
	}
	for _, login := range h.logins {
		places["login"] += fmt.Sprint(login.Requests())
	}
	for name, server := range map[string]*s3sim.Server{"src": h.src, "dst": h.dst} {
		var b strings.Builder
		for _, r := range server.Requests() {
			fmt.Fprintln(&b, r.Method, r.URI, r.Header)
		}
		places[name] = b.String()
	}
	for secret, hosts := range h.may {
		for place, text := range places {
			allowed := false
			for _, host := range hosts {
				allowed = allowed || host == place
			}
			if !allowed && strings.Contains(text, secret) {
				t.Errorf("%s has seen %.24s…, which is for %v", place, secret, hosts)
			}
		}
	}
	for _, name := range []string{"vendor", "login", "sts"} {
		if text := places[name]; strings.Contains(text, "Referer") || strings.Contains(text, "Mozilla") {
			t.Errorf("%s saw a referer or a browser:\n%s", name, text)
		}
	}
	return len(h.may)
}

// commandLines watches what a process and its children are called by, and gives
// that once the process has ended.
func commandLines(pid int) <-chan string {
	seen := make(chan string, 1)
	go func() {
		var b strings.Builder
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for own := fmt.Sprintf("/proc/%d/", pid); ; <-tick.C {
			line, err := os.ReadFile(own + "cmdline")
			if err != nil || len(line) == 0 { // gone, or not waited for yet
				seen <- b.String()
				return
			}
			b.Write(line)
			tasks, _ := filepath.Glob(own + "task/*/children")
			for _, task := range tasks {
				children, _ := os.ReadFile(task)
				for child := range strings.FieldsSeq(string(children)) {
					line, _ := os.ReadFile("/proc/" + child + "/cmdline")
					b.Write(line)
				}
			}
		}
	}()
	return seen
}
