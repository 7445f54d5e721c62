package creds

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEnvironmentIsRead(t *testing.T) {
	p := mustOpen(t, "env:SRC", Options{Getenv: env("SRC_ACCESS_KEY_ID", "ASIA1", "SRC_SECRET_ACCESS_KEY", "canary", "SRC_SESSION_TOKEN", "canary", "SRC_EXPIRATION", "2026-01-02T12:00:00Z")})
	k, err := fetch(t, p)
	if err != nil || k.AccessKeyID != "ASIA1" || k.SecretAccessKey.Reveal() != "canary" || !k.Expires.Equal(noon) || k.Renewable {
		t.Errorf("%+v, %v", k, err)
	}
	if !strings.Contains(k.replaceHint(), "same command again") {
		t.Errorf("hint %q", k.replaceHint())
	}
	for want, getenv := range map[string]func(string) string{
		"no keys":        env(),
		"no secret":      env("SRC_ACCESS_KEY_ID", "ASIA1"),
		"no time zone":   env("SRC_ACCESS_KEY_ID", "ASIA1", "SRC_SECRET_ACCESS_KEY", "canary", "SRC_EXPIRATION", "2026-01-02 12:00:00"),
		"has characters": env("SRC_ACCESS_KEY_ID", "ASIA1", "SRC_SECRET_ACCESS_KEY", "canary canary"),
	} {
		_, err := fetch(t, mustOpen(t, "env:SRC", Options{Getenv: getenv}))
		if !errors.Is(err, ErrSetup) || !strings.Contains(strings.ReplaceAll(err.Error(), "its secret access key has", "has"), want) || !strings.Contains(HintOf(err), "SRC_") {
			t.Errorf("%s: %v (%s)", want, err, HintOf(err))
		}
	}
}

func TestFileIsReadAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.env")
	p := mustOpen(t, "file:"+path, Options{})
	write := func(text string, mode os.FileMode) {
		t.Helper()
		_ = os.Remove(path) // it may not be there
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := fetch(t, p); !errors.Is(err, ErrSetup) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("missing: %v", err)
	}
	for want, c := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"others on this machine may read it": {"ACCESS_KEY_ID=A\nSECRET_ACCESS_KEY=canary", 0o640},
		"no keys":                            {"hello canary", 0o600},
		"too big":                            {strings.Repeat("canary\n", 1<<18), 0o600},
	} {
		write(c.text, c.mode)
		if _, err := fetch(t, p); !errors.Is(err, ErrSetup) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for i := range 2 {
		write(fmt.Sprintf("ACCESS_KEY_ID=ASIA%d\nSECRET_ACCESS_KEY=canary\nSESSION_TOKEN=canary\n", i), 0o600)
		if k, err := fetch(t, p); err != nil || k.AccessKeyID != fmt.Sprintf("ASIA%d", i) || k.Renewable || !k.Expires.IsZero() {
			t.Errorf("%+v, %v", k, err)
		}
	}
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := fetch(t, p); !errors.Is(err, ErrSetup) || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("directory: %v", err)
	}
}

func TestZonelessExpiryOfAFileLastsAnHourFromItsWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "popup.txt")
	text := "Access Key ID: ASIA1\nSecret Access Key: canary\nSession Token: canary\nExpiration: 2099-01-01 16:17:54\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	written := time.Now().Add(-40 * time.Minute)
	if err := os.Chtimes(path, written, written); err != nil {
		t.Fatal(err)
	}
	k, err := fetch(t, mustOpen(t, "file:"+path, Options{}))
	if life := k.life(time.Now()); err != nil || life < 19*time.Minute || life > 20*time.Minute {
		t.Errorf("life %s, %v", life, err)
	}
}

// TestMain lets the test binary stand in for a credential_process.
func TestMain(m *testing.M) {
	switch mode := os.Getenv("KEYS_MODE"); mode {
	case "":
		os.Exit(m.Run())
	case "good":
		if os.Getenv("HOME") == "" || len(os.Args) != 3 || os.Args[1] != "--for" || os.Args[2] != "a b" {
			os.Exit(3)
		}
		for _, entry := range os.Environ() {
			if strings.Contains(entry, "canary") {
				os.Exit(4)
			}
		}
		if n, _ := os.Stdin.Read(make([]byte, 1)); n != 0 {
			os.Exit(5)
		}
		fmt.Fprint(os.Stderr, "canary")
		fmt.Print(`{"Version":1,"AccessKeyId":"ASIA1","SecretAccessKey":"canary","SessionToken":"canary","Expiration":"2099-01-02T03:04:05Z"}`)
	case "broken":
		fmt.Print(`{"Version":1,"AccessKeyId":"canary","SecretAccessKey":`)
	case "version":
		fmt.Print(`{"AccessKeyId":"canary","SecretAccessKey":"canary"}`)
	case "fails":
		fmt.Print("canary")
		fmt.Fprint(os.Stderr, "canary")
		os.Exit(7)
	case "floods":
		for {
			if _, err := fmt.Print(strings.Repeat("canary", 1000)); err != nil {
				os.Exit(1)
			}
		}
	case "hangs":
		<-time.After(time.Hour) // longer than anybody waits
	}
}

func testCommand(t *testing.T, mode string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := mustOpen(t, "process:'"+self+`' --for "a b"`, Options{}).(*process)
	p.environ = func() []string {
		return append(os.Environ(), "KEYS_MODE="+mode, "HOME=/h", "EARTHDATA_TOKEN=canary", "AWS_SECRET_ACCESS_KEY=canary", "AWS_SESSION_TOKEN=canary", "MY_PASSWORD=canary", "GITHUB_TOKEN=canary")
	}
	return p
}

func TestCommandIsRun(t *testing.T) {
	k, err := fetch(t, testCommand(t, "good"))
	if err != nil || k.SecretAccessKey.Reveal() != "canary" || !k.Renewable || k.Expires.Year() != 2099 {
		t.Errorf("%+v, %v", k, err)
	}
	for mode, want := range map[string]string{"broken": "one JSON object", "version": `no "Version": 1`, "fails": "exit status 7", "floods": "more than"} {
		if _, err := fetch(t, testCommand(t, mode)); !errors.Is(err, ErrSetup) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", mode, err)
		}
	}
	p := mustOpen(t, "process:/nowhere/keys", Options{})
	if _, err := fetch(t, p); !errors.Is(err, ErrSetup) || !strings.Contains(err.Error(), "no such program") {
		t.Errorf("missing program: %v", err)
	}
}

func TestHangingCommandIsEnded(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := testCommand(t, "hangs").Fetch(ctx)
	if err == nil || terminal(err) || !strings.Contains(err.Error(), "did not end in time") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestAWSChainIsResolvedAnew(t *testing.T) {
	dir := t.TempDir()
	shared, conf := filepath.Join(dir, "credentials"), filepath.Join(dir, "config")
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", shared)
	t.Setenv("AWS_CONFIG_FILE", conf)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(conf, "")
	write(shared, "")
	p, night := mustOpen(t, "aws", Options{}), mustOpen(t, "aws:night", Options{})
	if _, err := fetch(t, p); !errors.Is(err, ErrSetup) {
		t.Errorf("no keys anywhere: %v", err)
	}
	if _, err := fetch(t, night); !errors.Is(err, ErrSetup) || !strings.Contains(err.Error(), "no such profile") {
		t.Errorf("no such profile: %v", err)
	}
	for i := range 2 {
		write(shared, fmt.Sprintf("[default]\naws_access_key_id=AKIA%d\naws_secret_access_key=canary\n[night]\naws_access_key_id=ASIA%d\naws_secret_access_key=canary\naws_session_token=canary\n", i, i))
		if k := must(t, p); k.AccessKeyID != fmt.Sprintf("AKIA%d", i) || !k.Expires.IsZero() {
			t.Errorf("default: %+v", k)
		}
		if k := must(t, night); k.AccessKeyID != fmt.Sprintf("ASIA%d", i) || k.SessionToken.Reveal() != "canary" {
			t.Errorf("night: %+v", k)
		}
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIA7")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "canary")
	if k := must(t, p); k.AccessKeyID != "AKIA7" || !strings.Contains(k.replaceHint(), "same command again") {
		t.Errorf("environment: %+v, %s", k, k.replaceHint())
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	write(shared, "")
	write(conf, fmt.Sprintf("[profile night]\ncredential_process = %s --for \"a b\"\n", self))
	t.Setenv("KEYS_MODE", "good")
	if k := must(t, night); k.AccessKeyID != "ASIA1" || k.Expires.Year() != 2099 {
		t.Errorf("credential_process: %+v", k)
	}
	t.Setenv("KEYS_MODE", "broken")
	if _, err := fetch(t, night); !errors.Is(err, ErrSetup) || !strings.Contains(err.Error(), "one JSON object") {
		t.Errorf("broken credential_process: %v", err)
	}
}

func must(t *testing.T, p Provider) Keys {
	t.Helper()
	k, err := fetch(t, p)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
