package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"xfer/internal/s3sim"
)

// A way is one vendor and one login: it sets both up and gives the spec and what
// xfer finds in its environment.
type way struct {
	name    string
	open    func(h *house) (spec string, env []string)
	lasting bool // its keys cannot be renewed, and live long
}

func processJSON(k s3sim.Key) string {
	return fmt.Sprintf(`{"Version":1,"AccessKeyId":%q,"SecretAccessKey":%q,"SessionToken":%q,"Expiration":%q}`, k.ID, k.Secret, k.Token, k.Expires.UTC().Format(time.RFC3339))
}

func earthdata(flavour s3sim.Flavour, setup func(h *house, v *s3sim.Vendor) []string) func(*house) (string, []string) {
	return func(h *house) (string, []string) {
		v := h.keysOf(s3sim.VendorConfig{Flavour: flavour, Token: canaryLogin, ContentType: "text/html"})
		at := h.serve("vendor", v)
		return "earthdata:" + at.URL + "/s3credentials", append(setup(h, v), "NETRC="+filepath.Join(h.dir, "netrc"))
	}
}

// withLogin is earthdata where the vendor sends those without a token to a login.
func withLogin(flavour s3sim.Flavour, setup func(h *house, login *s3sim.Login, at string) []string) func(*house) (string, []string) {
	return func(h *house) (string, []string) {
		login, at := h.login()
		v := h.keysOf(s3sim.VendorConfig{Flavour: flavour, Token: canaryIssued, Login: login})
		vendor := h.serve("vendor", v)
		h.logins = append(h.logins, login)
		return "earthdata:" + vendor.URL + "/s3credentials", append(setup(h, login, at), "EARTHDATA_HOST="+at)
	}
}

func password(*house, *s3sim.Login, string) []string {
	return []string{"EARTHDATA_USERNAME=" + canaryUser, "EARTHDATA_PASSWORD=" + canaryPassword}
}

func pasted(name string, form func(s3sim.Key) string) way {
	return way{name: name, open: func(h *house) (string, []string) { return "file:" + h.refreshed("keys", form), nil }}
}

var ways = []way{
	{name: "TEA, token", open: earthdata(s3sim.TEA, func(*house, *s3sim.Vendor) []string {
		return []string{"EARTHDATA_TOKEN=" + canaryLogin}
	})},
	{name: "TEA, cookie", open: earthdata(s3sim.TEA, func(_ *house, v *s3sim.Vendor) []string {
		v.AddSession(canaryCookie)
		return []string{"EARTHDATA_COOKIE=asf-urs=" + canaryCookie}
	})},
	{name: "TEA, password, by redirects", open: withLogin(s3sim.TEA, password)},
	{name: "TEA, netrc, by redirects", open: withLogin(s3sim.TEA, func(h *house, _ *s3sim.Login, at string) []string {
		path := filepath.Join(h.dir, "my-netrc")
		h.write(path, fmt.Sprintf("machine elsewhere.example\n  login eve\n  password nothing\nmachine %s\n  login %s\n  password %s\ndefault login x password y\n", strings.TrimPrefix(at, "http://"), canaryUser, canaryPassword))
		return []string{"NETRC=" + path}
	})},
	{name: "TEA, password, by a token", open: withLogin(s3sim.TEA, func(h *house, login *s3sim.Login, at string) []string {
		login.IssueToken(canaryIssued)
		return password(h, login, at)
	})},
	{name: "Cumulus, token", open: earthdata(s3sim.Cumulus, func(*house, *s3sim.Vendor) []string {
		return []string{"EARTHDATA_TOKEN=" + canaryLogin}
	})},
	{name: "Cumulus, password, by redirects", open: withLogin(s3sim.Cumulus, password)},
	{name: "EODH, API key", open: func(h *house) (string, []string) {
		at := h.serve("vendor", h.keysOf(s3sim.VendorConfig{Flavour: s3sim.EODH, Token: canaryAPIKey, Workspace: "ws"}))
		return "eodh:" + at.URL + "/api/workspaces/ws", []string{"EODH_API_KEY=" + canaryAPIKey}
	}},
	{name: "web, token", open: func(h *house) (string, []string) {
		at := h.serve("vendor", h.keysOf(s3sim.VendorConfig{Flavour: s3sim.Web, Token: canaryWeb, SecretName: "secret"}))
		return "web:" + at.URL + "/keys?for=me", []string{"XFER_CREDS_TOKEN=" + canaryWeb}
	}},
	{name: "process", open: func(h *house) (string, []string) {
		return "process:/bin/cat " + h.refreshed("keys.json", processJSON), nil
	}},
	pasted("file, JSON", func(k s3sim.Key) string {
		return fmt.Sprintf(`{"accessKeyId": %q, "secretAccessKey": %q, "sessionToken": %q, "expiration": %q}`, k.ID, k.Secret, k.Token, k.Expires.UTC().Format("2006-01-02 15:04:05-07:00"))
	}),
	pasted("file, .env", func(k s3sim.Key) string {
		return fmt.Sprintf("ACCESS_KEY_ID=%s\nSECRET_ACCESS_KEY=%s\nSESSION_TOKEN=%s\n", k.ID, k.Secret, k.Token)
	}),
	pasted("file, export", func(k s3sim.Key) string {
		return fmt.Sprintf("export AWS_ACCESS_KEY_ID=\"%s\"\nexport AWS_SECRET_ACCESS_KEY='%s'\nexport AWS_SESSION_TOKEN=%s\nexport AWS_CREDENTIAL_EXPIRATION=%s\n", k.ID, k.Secret, k.Token, k.Expires.UTC().Format(time.RFC3339))
	}),
	pasted("file, as the page shows it", func(k s3sim.Key) string {
		return fmt.Sprintf("Access Key ID: %s\nSecret Access Key: %s\nSession Token: %s\nExpiration: %s\n", k.ID, k.Secret, k.Token, k.Expires.UTC().Format("2006-01-02 15:04:05 -0700 MST"))
	}),
	{name: "env", lasting: true, open: func(h *house) (string, []string) {
		k := s3sim.NewVendor(s3sim.VendorConfig{Lifetime: time.Hour}, h.src).Vend()
		h.vended(k.Secret, k.Token)
		return "env:SRC", []string{"SRC_ACCESS_KEY_ID=" + k.ID, "SRC_SECRET_ACCESS_KEY=" + k.Secret, "SRC_SESSION_TOKEN=" + k.Token, "SRC_EXPIRATION=" + k.Expires.UTC().Format(time.RFC3339)}
	}},
	{name: "AWS profile with a credential_process", open: func(h *house) (string, []string) {
		h.write(filepath.Join(h.dir, "aws-config"), "[profile p]\ncredential_process = /bin/cat "+h.refreshed("keys.json", processJSON)+"\n")
		return "aws:p", nil
	}},
	{name: "AWS shared credentials that are rewritten", open: func(h *house) (string, []string) {
		h.refreshed("aws-credentials", func(k s3sim.Key) string {
			return fmt.Sprintf("[p]\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n", k.ID, k.Secret, k.Token)
		})
		return "aws:p", nil
	}},
	{name: "AWS container", open: func(h *house) (string, []string) {
		v := h.keysOf(s3sim.VendorConfig{})
		at := h.serve("container", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != canaryContainer {
				http.Error(w, `{"code":"denied","message":"no"}`, http.StatusForbidden)
				return
			}
			k := v.Vend()
			_, _ = fmt.Fprintf(w, `{"AccessKeyId":%q,"SecretAccessKey":%q,"Token":%q,"Expiration":%q}`, k.ID, k.Secret, k.Token, k.Expires.UTC().Format(time.RFC3339))
		}))
		return "aws", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + at.URL + "/keys", "AWS_CONTAINER_AUTHORIZATION_TOKEN=" + canaryContainer}
	}},
	{name: "AWS web identity", open: func(h *house) (string, []string) {
		v := h.keysOf(s3sim.VendorConfig{})
		at := h.serve("sts", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("Action") != "AssumeRoleWithWebIdentity" || r.FormValue("WebIdentityToken") != canaryIdentity {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprint(w, "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameterValue</Code><Message>no</Message></Error></ErrorResponse>")
				return
			}
			k := v.Vend()
			_, _ = fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials>`+
				`<AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration>`+
				`</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, k.ID, k.Secret, k.Token, k.Expires.UTC().Format(time.RFC3339))
		}))
		token := filepath.Join(h.dir, "identity")
		h.write(token, canaryIdentity)
		return "aws", []string{"AWS_WEB_IDENTITY_TOKEN_FILE=" + token, "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/reader", "AWS_ROLE_SESSION_NAME=xfer", "AWS_ENDPOINT_URL_STS=" + at.URL, "AWS_REGION=us-east-1"}
	}},
	{name: "anonymous", lasting: true, open: func(h *house) (string, []string) {
		h.src.CreateBucket("in", s3sim.Public())
		h.src.PutSyntheticMany("in", "o/", 48, 64<<10, 1)
		return "anonymous", nil
	}},
}

// TestEveryVendorAndLogin copies with each way to get keys while they live two
// seconds. Every object arrives, keys are renewed, and no secret is seen by a
// host it is not for, nor in anything that xfer says, writes or is called by.
// All of them run at once, for each takes the time that its keys need to die.
func TestEveryVendorAndLogin(t *testing.T) {
	type running struct {
		*house
		*process
		log      string
		commands <-chan string
	}
	all := make([]running, len(ways))
	for i, tt := range ways {
		h := newHouse(t)
		spec, env := tt.open(h)
		h.env = append(append(h.env, env...), "XFER_SOURCE_CREDS="+spec)
		log := filepath.Join(h.dir, "log.txt")
		p := h.start(h.copyArgs("--workers", "2", "--limit-rate", "500KiB", "--log-file", log, "--log-level", "debug")...)
		all[i] = running{h, p, log, commandLines(p.Process.Pid)}
	}
	for i, tt := range ways {
		t.Run(tt.name, func(t *testing.T) {
			tt.check(t, all[i].house, all[i].process, all[i].log, all[i].commands)
		})
	}
}

func (tt way) check(t *testing.T, h *house, p *process, log string, called <-chan string) {
	if code := p.code(); code != exitOK {
		t.Fatalf("exit %d:\n%s", code, p.stderr.String())
	}
	commands := <-called
	w := h.world
	w.t = t // the house goes on to belong to the test of all
	w.arrived()
	s := p.summary(t)
	if s.Objects.Failed != 0 || (s.Credentials.Renewals == 0) != tt.lasting {
		t.Errorf("%d failed, %d renewals", s.Objects.Failed, s.Credentials.Renewals)
	}
	places := map[string]string{"arguments": commands, "standard output": p.stdout.String(), "standard error": p.stderr.String()}
	for _, path := range []string{log, h.list + ".xfer"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		places[path] = string(text)
	}
	status := w.run(exitOK, "status", "--json", h.list)
	places["status"] = status.stdout.String() + status.stderr.String()
	if n := h.inspect(t, places); !tt.lasting && n < 15 {
		t.Errorf("only %d secrets were looked for", n)
	}
	if !strings.Contains(commands, "copy") || places["src"] == "" {
		t.Error("nothing was looked at")
	}
}
