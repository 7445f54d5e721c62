package creds

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Options are what Open may be told. The zero value works.
type Options struct {
	// Bucket is the bucket the keys are for; "earthdata" chooses its endpoint by it.
	Bucket string
	// Version is xfer's own, for the user agent. Default "dev".
	Version string
	// Transport carries every request of a vendor except those the AWS SDK makes.
	// Default: one that honours proxies and verifies TLS.
	Transport http.RoundTripper
	// Getenv reads the environment. Default os.Getenv.
	Getenv func(string) string
}

func (o Options) withDefaults() Options {
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	return o
}

// Open makes the Provider that s stands for. It asks no vendor yet. Where the
// environment or files hold a login, it is looked up at each Fetch.
func Open(ctx context.Context, s Spec, opt Options) (Provider, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open credentials %s: %w", s, err)
	}
	opt = opt.withDefaults()
	call := newCaller(opt.Transport, opt.Version)
	switch s.Kind {
	case "aws":
		return &awsChain{profile: s.arg}, nil
	case "env":
		return &envKeys{prefix: s.arg, getenv: opt.Getenv}, nil
	case "file":
		return &keyFile{path: expandHome(s.arg, opt.Getenv)}, nil
	case "anonymous":
		return anonymous{}, nil
	case "web":
		u, err := vendorURL(s.arg)
		if err != nil {
			return nil, fmt.Errorf("open credentials %s: it %w", s, err)
		}
		return &web{url: u, call: call, getenv: opt.Getenv}, nil
	case "process":
		argv, err := splitCommand(s.arg)
		if err != nil || len(argv) == 0 {
			return nil, fmt.Errorf("open credentials %s: it names no command", s)
		}
		return &process{argv: argv, environ: os.Environ}, nil
	case "earthdata":
		return openEarthdata(s, opt, call)
	case "eodh":
		return openEODH(s, opt, call)
	}
	return nil, fmt.Errorf("open credentials %s: not a known kind (accepted forms: %s)", s, Forms)
}

// expandHome resolves a leading ~/, which a shell leaves alone after a colon.
func expandHome(path string, getenv func(string) string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home := getenv("HOME"); home != "" {
			return strings.TrimSuffix(home, "/") + "/" + rest
		}
	}
	return path
}

// withPath returns u with path instead of its own if that is empty.
func withPath(u *url.URL, path string) *url.URL {
	if u.Path != "" && u.Path != "/" {
		return u
	}
	at := *u
	at.Path = path
	return &at
}
