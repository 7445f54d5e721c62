package s3store

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Config says who talks to which endpoint. Only Credentials or Anonymous is
// required; the zero value of everything else is a sensible default.
type Config struct {
	// Credentials gives the keys for each request; it is asked every time and
	// must therefore answer from memory. Any error of its that is not the end of
	// the context becomes engine.ErrNoKeys.
	Credentials aws.CredentialsProvider
	// Anonymous sends requests unsigned.
	Anonymous bool
	// Rejected, if set, is told of each request whose keys were refused as
	// expired or unknown, by their access key ID and S3's code, before the error
	// is returned. It may be called from many goroutines at once.
	Rejected func(accessKeyID, code string)

	// Endpoint is the base URL of another S3 than Amazon's, addressed by path.
	Endpoint string
	// Region to ask and sign for until a bucket says otherwise; "us-east-1" if empty.
	Region string
	// RequesterPays offers to pay for requests and transfer.
	RequesterPays bool

	// AllowHTTP permits signed requests over plain http to another machine.
	// Loopback is always permitted.
	AllowHTTP bool
	// RootCAs replaces the system's certificate authorities.
	RootCAs *x509.CertPool
	// MaxConns bounds the connections to one host; 0 is no bound.
	MaxConns int
	// Stall is how long nothing may move on a connection somebody waits for, and
	// how long a reply may take to begin; 30 s if 0.
	Stall time.Duration

	// MinPartSize in bytes replaces S3's 5 MiB, for servers that ask for less.
	MinPartSize int64
	// UserAgent names the program in requests; "xfer" if empty.
	UserAgent string
	// Logger hears of corrections (another region, a feature the server lacks) at
	// debug level; nil is silent.
	Logger *slog.Logger
}

const (
	defaultRegion  = "us-east-1"
	defaultStall   = 30 * time.Second
	defaultMinPart = 5 << 20 // S3 user guide, "multipart upload limits"
	maxPart        = 5 << 30 // likewise; also the limit of a single PUT
)

// complete fills in defaults and refuses what cannot be meant.
func (c *Config) complete() error {
	if c.Credentials == nil && !c.Anonymous {
		return errors.New("open store: neither credentials nor anonymous access asked for")
	}
	if c.Region == "" {
		c.Region = defaultRegion
	}
	if c.Stall <= 0 {
		c.Stall = defaultStall
	}
	if c.MinPartSize <= 0 {
		c.MinPartSize = defaultMinPart
	}
	if c.UserAgent == "" {
		c.UserAgent = "xfer"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return errors.New("open store: endpoint is not an http or https URL") // its text may hold a password
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("open store: endpoint may hold only scheme, host, port and path")
	}
	if u.Scheme == "http" && !c.Anonymous && !c.AllowHTTP && !loopback(u.Hostname()) {
		return fmt.Errorf("open store: signed requests over plain http to %s are refused", u.Host)
	}
	return nil
}

// loopback reports whether host can only be this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
