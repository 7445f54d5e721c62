package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xfer/internal/s3sim"
)

// answering is a spec whose vendor gives this answer, always.
func answering(kind, path string, a s3sim.Answer) func(*house) (string, []string) {
	return func(h *house) (string, []string) {
		v := h.keysOf(s3sim.VendorConfig{Flavour: s3sim.TEA})
		a.Times = -1
		v.Answer(a)
		return kind + ":" + h.serve("vendor", v).URL + path, []string{"EARTHDATA_TOKEN=" + canaryLogin, "EODH_API_KEY=" + canaryAPIKey, "XFER_CREDS_TOKEN=" + canaryWeb}
	}
}

func pastedText(mode os.FileMode, text string) func(*house) (string, []string) {
	return func(h *house) (string, []string) {
		path := filepath.Join(h.dir, "keys")
		h.write(path, text)
		if err := os.Chmod(path, mode); err != nil {
			h.t.Fatal(err)
		}
		return "file:" + path, nil
	}
}

func printing(text string) func(*house) (string, []string) {
	return func(h *house) (string, []string) {
		path := filepath.Join(h.dir, "printed")
		h.write(path, text)
		return "process:/bin/cat " + path, nil
	}
}

func netrcAt(mode os.FileMode, text string) func(*house) (string, []string) {
	return func(h *house) (string, []string) {
		v := h.keysOf(s3sim.VendorConfig{Flavour: s3sim.TEA, Token: canaryIssued})
		path := filepath.Join(h.dir, "netrc")
		h.write(path, text)
		if err := os.Chmod(path, mode); err != nil {
			h.t.Fatal(err)
		}
		return "earthdata:" + h.serve("vendor", v).URL + "/s3credentials", []string{"NETRC=" + path, "EARTHDATA_HOST=http://127.0.0.1:1"}
	}
}

func jwt(end time.Time, secret string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256"}`)) + "." + enc(fmt.Appendf(nil, `{"exp":%d}`, end.Unix())) + "." + secret
}

// Whatever is wrong with keys or a login is told in one sentence, with what to
// do, at once, and without a secret.
func TestBadKeysAreTold(t *testing.T) {
	garbage := strings.Repeat("\x00garbage\xff", 1<<20/9+1)
	for _, tt := range []struct {
		name  string
		open  func(*house) (string, []string)
		exit  int
		wants []string
	}{
		{"a spec of no known kind", func(*house) (string, []string) { return canaryWeb, nil }, exitFailed, []string{"none of the known words"}},
		{"a spec without its URL", func(*house) (string, []string) { return "web:somewhere", nil }, exitFailed, []string{"holds no whole URL"}},
		{"plain http elsewhere", func(*house) (string, []string) { return "web:http://192.0.2.1/", nil }, exitFailed, []string{"plain http"}},
		{"no login", func(h *house) (string, []string) { spec, _ := netrcAt(0o600, "")(h); return spec, nil }, exitCredentials, []string{"there is no Earthdata login", "set EARTHDATA_TOKEN"}},
		{"no API key", func(*house) (string, []string) { return "eodh:ws", nil }, exitCredentials, []string{"there is no EODH_API_KEY", "make an API key"}},
		{"a netrc that is a directory", func(h *house) (string, []string) {
			spec, _ := netrcAt(0o600, "")(h)
			return spec, []string{"NETRC=" + h.dir}
		}, exitCredentials, []string{"not a regular file"}},
		{"a netrc that is not there", func(h *house) (string, []string) {
			spec, _ := netrcAt(0o600, "")(h)
			return spec, []string{"NETRC=" + h.dir + "/nothing"}
		}, exitCredentials, []string{"there is no such file"}},
		{"a netrc that others may read", netrcAt(0o644, "machine 127.0.0.1 login ada password "+canaryPassword), exitCredentials, []string{"others on this machine may read it", "chmod 600"}},
		{"a netrc of nonsense", netrcAt(0o600, "machine\x00\x01 { "+canaryPassword), exitCredentials, []string{"netrc"}},
		{"an expired token", func(h *house) (string, []string) {
			spec, _ := netrcAt(0o600, "")(h)
			return spec, []string{"EARTHDATA_TOKEN=" + jwt(time.Now().Add(-48*time.Hour), canaryLogin)}
		}, exitCredentials, []string{"the Earthdata token expired on", "Generate Token"}},
		{"a token that is refused", func(h *house) (string, []string) {
			spec, _ := netrcAt(0o600, "")(h)
			return spec, []string{"EARTHDATA_TOKEN=" + canaryLogin}
		}, exitCredentials, []string{"answered 401", "EARTHDATA_TOKEN"}},
		{"a redirect", answering("earthdata", "/s3credentials", s3sim.Answer{Status: 302, Location: "http://127.0.0.1:1/oauth/authorize?x=" + canaryWeb}), exitCredentials, []string{"the login has expired or is not valid"}},
		{"a page instead of JSON", answering("earthdata", "/s3credentials", s3sim.Answer{Status: 200, Body: "<!DOCTYPE html><html>log in</html>"}), exitCredentials, []string{"answered with a web page", "is the URL right, has the login expired?"}},
		{"JSON without keys", answering("web", "/", s3sim.Answer{Status: 200, Body: `{"status":"ok"}`}), exitCredentials, []string{"it holds no keys", "check that the URL"}},
		{"JSON that breaks off", answering("web", "/", s3sim.Answer{Status: 200, Body: `{"accessKeyId":"A","secretAcc`}), exitCredentials, []string{"cannot be used"}},
		{"1 MB of garbage", answering("web", "/", s3sim.Answer{Status: 200, Body: garbage}), exitCredentials, []string{"more than 1048576 bytes"}},
		{"a licence to accept", answering("earthdata", "/s3credentials", s3sim.Answer{Status: 403, ContentType: "application/json",
			Body: `{"status_code":403,"error":"invalid_token","error_description":"EULA Acceptance Failure","resolution_url":"https://urs.earthdata.nasa.gov/approve_app?client_id=abc"}`}),
			exitCredentials, []string{"wants its licence or application approved first", "https://urs.earthdata.nasa.gov/approve_app?client_id=abc"}},
		{"an endpoint that is not there", answering("earthdata", "/s3credentials", s3sim.Answer{Status: 404}), exitCredentials, []string{"answered 404"}},
		{"EODH with an expired login", answering("eodh", "/api/workspaces/ws", s3sim.Answer{Status: 500, Body: "operation error STS: AssumeRoleWithWebIdentity, api error ExpiredToken: Token expired"}),
			exitCredentials, []string{"says that the login has expired", "EODH_API_KEY"}},
		{"a file that is not there", func(h *house) (string, []string) { return "file:" + h.dir + "/nothing", nil }, exitCredentials, []string{"there is no such file"}},
		{"a file that others may read", pastedText(0o640, "ACCESS_KEY_ID=A\nSECRET_ACCESS_KEY="+canarySecret), exitCredentials, []string{"others on this machine may read it"}},
		{"a file of garbage", pastedText(0o600, garbage), exitCredentials, []string{"too big to be a file of keys"}},
		{"a file with half of the keys", pastedText(0o600, "SECRET_ACCESS_KEY="+canarySecret), exitCredentials, []string{"it holds no access key id"}},
		{"a file of keys that have died", pastedText(0o600, "ACCESS_KEY_ID=A\nSECRET_ACCESS_KEY="+canarySecret+"\nEXPIRATION=2020-01-01T00:00:00Z"), exitCredentials, []string{"have expired", "put new keys into"}},
		{"a command that fails", func(*house) (string, []string) { return "process:/bin/false " + canaryWeb, nil }, exitCredentials, []string{"it ended with exit status 1", "run the command by hand"}},
		{"a command that is not there", func(*house) (string, []string) { return "process:/nothing/here", nil }, exitCredentials, []string{"there is no such program"}},
		{"a command that prints half of its JSON", printing(`{"Version":1,"AccessKeyId":"A","SecretAccessKey":"` + canarySecret), exitCredentials, []string{"does not print one JSON object"}},
		{"a command of another version", printing(`{"Version":2,"AccessKeyId":"A","SecretAccessKey":"` + canarySecret + `"}`), exitCredentials, []string{`no "Version": 1`}},
		{"an AWS profile that is not there", func(*house) (string, []string) { return "aws:nobody", nil }, exitCredentials, []string{"there is no such profile"}},
		{"no AWS keys at all", func(*house) (string, []string) { return "aws", nil }, exitCredentials, []string{"none found"}},
		{"variables that are not set", func(*house) (string, []string) { return "env:NOBODY", nil }, exitCredentials, []string{"it holds no keys", "set NOBODY_ACCESS_KEY_ID"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			spec, env := tt.open(h)
			h.env = append(append(h.env, "XFER_SOURCE_CREDS="+spec), env...)
			for _, args := range [][]string{h.copyArgs(), {"creds", "check", spec}} {
				began := time.Now()
				p := h.run(tt.exit, args...)
				said := p.stderr.String()
				for _, want := range tt.wants {
					if !strings.Contains(said, want) {
						t.Errorf("%s does not say %q:\n%s", args[0], want, said)
					}
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("%s took %s to say so", args[0], took)
				}
				for _, not := range []string{"panic", "goroutine", "canary"} {
					if strings.Contains(said+p.stdout.String(), not) {
						t.Errorf("%s says %q:\n%s", args[0], not, said)
					}
				}
				if lines := strings.Count(said, "\n"); lines > 6 || len(said) > 2000 {
					t.Errorf("%s: %d lines are no clear sentence:\n%s", args[0], lines, said)
				}
			}
		})
	}
}

// What makes S3 say no to good-looking keys is told by what is known besides.
func TestCheckKnowsNASA(t *testing.T) {
	const bucket = "prod-lads"
	h := newHouse(t)
	h.src.CreateBucket(bucket, s3sim.InRegion("us-west-2"))
	v := h.keysOf(s3sim.VendorConfig{Flavour: s3sim.TEA, Token: canaryLogin, Buckets: []string{"another"}})
	vendor := h.serve("vendor", v)
	imds := h.serve("imds", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/api/token") {
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			_, _ = w.Write([]byte("token"))
			return
		}
		_, _ = w.Write([]byte(`{"region":"eu-west-2"}`))
	}))
	h.env = append(h.env, "EARTHDATA_TOKEN="+canaryLogin, "AWS_EC2_METADATA_DISABLED=false", "AWS_EC2_METADATA_SERVICE_ENDPOINT="+imds.URL)
	p := h.run(exitCredentials, "creds", "check", "--endpoint", h.src.URL(), "earthdata:"+vendor.URL+"/s3credentials", "s3://"+bucket+"/")
	for _, want := range []string{"the keys of bucket prod-lads come from elsewhere", "write earthdata:https://data.laadsdaac.earthdatacloud.nasa.gov/s3credentials"} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, p.stderr.String())
		}
	}
	for _, want := range []string{"(EARTHDATA_TOKEN)", "xfer renews them", "region   us-west-2"} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, p.stdout.String())
		}
	}
	p = h.run(exitCredentials, "creds", "check", "--endpoint", h.src.URL(), "earthdata:"+vendor.URL+"/s3credentials", "s3://in/")
	for _, want := range []string{"NASA's keys work only from inside", "this one is in eu-west-2"} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, p.stderr.String())
		}
	}
}

// A workspace of the EO DataHub is asked where it keeps its objects.
func TestCheckFindsTheWorkspace(t *testing.T) {
	h := newHouse(t)
	h.src.PutObject("workspaces-eodhp", "james/a.tif", []byte("tiff"))
	v := h.keysOf(s3sim.VendorConfig{Flavour: s3sim.EODH, Token: canaryLogin, Workspace: "james"})
	hub := h.serve("hub", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/api/workspaces/james" && r.Header.Get("Authorization") == "Bearer "+canaryLogin {
			_, _ = w.Write([]byte(`{"name":"james","stores":[{"object":[{"bucket":"workspaces-eodhp","prefix":"james/"}]}]}`))
			return
		}
		v.ServeHTTP(w, r)
	}))
	h.env = append(h.env, "EODH_API_KEY="+canaryLogin)
	p := h.run(exitOK, "creds", "check", "--endpoint", h.src.URL(), "eodh:"+hub.URL+"/api/workspaces/james")
	for _, want := range []string{"(EODH_API_KEY)", "place    s3://workspaces-eodhp/james/ in eu-west-2", "first is james/a.tif", "read     s3://workspaces-eodhp/james/a.tif: works"} {
		if !strings.Contains(p.stdout.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, p.stdout.String())
		}
	}
}

// The installed AWS CLI takes what creds process prints, and with --cache it
// logs in once for many calls.
func TestAWSCLI(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("there is no aws in PATH")
	}
	h := newHouse(t)
	v := s3sim.NewVendor(s3sim.VendorConfig{Flavour: s3sim.TEA, Token: canaryLogin}, h.src)
	vendor := h.serve("vendor", v)
	self := filepath.Join(h.dir, "xfer")
	h.write(self, fmt.Sprintf("#!/bin/sh\n%s=1 exec %s \"$@\"\n", beXfer, os.Args[0]))
	if err := os.Chmod(self, 0o700); err != nil {
		t.Fatal(err)
	}
	h.write(filepath.Join(h.dir, "aws-config"), fmt.Sprintf("[profile granules]\nregion = us-east-1\ncredential_process = %s creds process --cache earthdata:%s/s3credentials\n", self, vendor.URL))
	for range 2 {
		cmd := exec.Command(cli, "--profile", "granules", "--endpoint-url", h.src.URL(), "s3", "ls", "s3://in/o/")
		cmd.Env = append(append(os.Environ(), h.env...), "EARTHDATA_TOKEN="+canaryLogin, "XDG_CACHE_HOME="+filepath.Join(h.dir, "cache"), "AWS_PAGER=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			if strings.Contains(string(out), "command not found") || strings.Contains(string(out), "pyenv") {
				t.Skipf("aws in PATH does not run: %s", out)
			}
			t.Fatalf("%v\n%s", err, out)
		}
		if got := strings.Count(string(out), "\n"); got != len(h.src.Keys("in")) {
			t.Errorf("it lists %d lines:\n%s", got, out)
		}
	}
	if got := v.Stats().Vended; got != 1 {
		t.Errorf("%d logins for two calls", got)
	}
	h.inspect(t, map[string]string{})
}
