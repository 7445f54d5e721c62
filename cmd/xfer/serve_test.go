package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"xfer/internal/s3sim"
)

// Keys that live two seconds are kept alive for another program, which asks for
// them as in a container; nobody else gets any.
func TestServedKeys(t *testing.T) {
	w := newWorld(t, 2*time.Second)
	w.src.PutSyntheticMany("in", "a/", 60, 64<<10, 1)
	w.listAll()
	server := w.start("creds", "serve", "earthdata:"+w.vendor.Endpoint())
	w.until("the endpoint", func() bool { return strings.Count(server.stdout.String(), "\n") == 2 })
	match := regexp.MustCompile(`^export AWS_CONTAINER_CREDENTIALS_FULL_URI='(.*)'\nexport AWS_CONTAINER_AUTHORIZATION_TOKEN='(.*)'\n$`).
		FindStringSubmatch(server.stdout.String())
	if match == nil {
		t.Fatalf("it printed:\n%s", server.stdout.String())
	}
	address, token := match[1], match[2]

	for name, c := range map[string]struct {
		method, token, host, path string
		want                      int
	}{
		"as asked":      {"GET", token, "", "", 200},
		"no token":      {"GET", "", "", "", 401},
		"another token": {"GET", token[1:], "", "", 401},
		"another name":  {"GET", token, "rebound.example", "", 404},
		"another path":  {"GET", token, "", "keys", 404},
		"to write":      {"POST", token, "", "", 404},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, address+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		req.Header.Set("Authorization", c.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.want || strings.Contains(string(body), "SecretAccessKey") != (c.want == 200) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}

	// The SDK's own chain finds them, for longer than one set lives.
	w.env = append(w.env, "XFER_SOURCE_CREDS=aws", "AWS_CONTAINER_CREDENTIALS_FULL_URI="+address, "AWS_CONTAINER_AUTHORIZATION_TOKEN="+token,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true")
	w.run(exitOK, w.copyArgs("--limit-rate", "600KiB", "--workers", "2")...)
	w.arrived()
	if vended := w.vendor.Stats().Vended; vended < 2 {
		t.Errorf("%d sets of keys vended: the copy did not outlast one", vended)
	}
	server.interrupt()
	if code := server.code(); code != exitOK {
		t.Errorf("exit %d:\n%s", code, server.stderr.String())
	}
}

// What cannot be served is told at once, by the exit code of credentials.
func TestServeWantsALogin(t *testing.T) {
	w := newWorld(t, time.Hour)
	v := s3sim.NewVendor(s3sim.VendorConfig{Flavour: s3sim.TEA, Token: "another"}, w.src)
	if err := v.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	p := w.run(exitCredentials, "creds", "serve", "earthdata:"+v.Endpoint())
	if !strings.Contains(p.stderr.String(), "EARTHDATA_TOKEN") || p.stdout.String() != "" {
		t.Errorf("it said:\n%s%s", p.stdout.String(), p.stderr.String())
	}
}
