package creds

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	processTime = 60 * time.Second
	longestOut  = 64 << 10 // bytes a command may print
)

// process runs a command that prints keys as the credential_process contract of
// AWS has it: one JSON object with "Version": 1 on standard output, exit 0.
//
// The command runs without a shell, without standard input and with its standard
// error thrown away, since it may hold anything. Its environment is ours without
// the secrets in it.
type process struct {
	argv    []string
	environ func() []string
}

func (p *process) fetchTimeout() time.Duration { return processTime }

func (p *process) Fetch(ctx context.Context) (Keys, error) {
	ctx, cancel := context.WithTimeout(ctx, processTime)
	defer cancel()
	name := p.argv[0]
	out := &capped{left: longestOut}
	cmd := exec.CommandContext(ctx, name, p.argv[1:]...)
	cmd.Env = withoutSecrets(p.environ())
	cmd.Stdout = out
	cmd.WaitDelay = time.Second
	ownGroup(cmd)
	err := cmd.Run()
	fault := func(kind error, text, hint string) error {
		return &Fault{Kind: kind, Text: fmt.Sprintf("get keys from command %s: %s", name, text), Hint: hint}
	}
	switch {
	case out.full:
		return Keys{}, fault(ErrSetup, fmt.Sprintf("it prints more than %d bytes", longestOut), "it must print one JSON object")
	case ctx.Err() != nil:
		return Keys{}, fault(nil, "it did not end in time", "")
	case err != nil:
		return Keys{}, fault(ErrSetup, exitText(err), "run the command by hand to see what it says")
	}
	k, err := parseProcess(out.data)
	if err != nil {
		return Keys{}, fault(ErrSetup, err.Error(), `it must print {"Version":1,"AccessKeyId":…,"SecretAccessKey":…,"SessionToken":…,"Expiration":…}`)
	}
	k.Renewable, k.From = true, "command "+name
	return k, nil
}

// identity is the command and the AWS settings it can see.
func (p *process) identity() []string {
	id := append([]string{"process"}, p.argv...)
	for _, entry := range withoutSecrets(p.environ()) {
		if strings.HasPrefix(entry, "AWS_") {
			id = append(id, entry)
		}
	}
	return id
}

// parseProcess reads what a credential_process printed.
func parseProcess(data []byte) (Keys, error) {
	f, err := parseJSON(data)
	if err != nil {
		return Keys{}, errors.New("it does not print one JSON object")
	}
	if v := f.text(fieldVersion); v != "1" {
		return Keys{}, errors.New(`it prints no "Version": 1`)
	}
	return f.keys()
}

// exitText says how a command failed without anything it printed.
func exitText(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "it ended with " + exit.ProcessState.String()
	}
	if errors.Is(err, os.ErrNotExist) {
		return "there is no such program"
	}
	if errors.Is(err, os.ErrPermission) {
		return "it may not be executed"
	}
	return "it could not be run"
}

// capped keeps what is written to it up to a limit, then fails, which ends the
// command that writes.
type capped struct {
	data []byte
	left int
	full bool
}

func (c *capped) Write(b []byte) (int, error) {
	if len(b) > c.left {
		c.full = true
		return 0, errors.New("too much output")
	}
	c.left -= len(b)
	c.data = append(c.data, b...)
	return len(b), nil
}

// awsSettings are the AWS_ variables a command gets: where its configuration is,
// and no keys.
var awsSettings = map[string]bool{
	"AWS_CONFIG_FILE": true, "AWS_SHARED_CREDENTIALS_FILE": true, "AWS_PROFILE": true, "AWS_DEFAULT_PROFILE": true,
	"AWS_REGION": true, "AWS_DEFAULT_REGION": true, "AWS_CA_BUNDLE": true, "AWS_SDK_LOAD_CONFIG": true,
	"AWS_WEB_IDENTITY_TOKEN_FILE": true, "AWS_ROLE_ARN": true, "AWS_ROLE_SESSION_NAME": true,
	"AWS_USE_FIPS_ENDPOINT": true, "AWS_STS_REGIONAL_ENDPOINTS": true,
}

// withoutSecrets drops variables that are logins of ours or look like a secret.
func withoutSecrets(environ []string) []string {
	kept := []string{} // not nil: exec takes nil for the whole environment
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !secretName(strings.ToUpper(name)) {
			kept = append(kept, entry)
		}
	}
	return kept
}

func secretName(name string) bool {
	if strings.HasPrefix(name, "AWS_") {
		return !awsSettings[name]
	}
	for _, ours := range []string{"EARTHDATA_", "EODH_", "XFER_"} {
		if strings.HasPrefix(name, ours) {
			return true
		}
	}
	if strings.HasSuffix(name, "_FILE") {
		return false // a path
	}
	for _, word := range []string{"SECRET", "PASSW", "TOKEN", "COOKIE", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
