package s3store

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"context"

	"xfer/engine"
)

// A Store reads and writes the objects of one endpoint as one identity. Safe for
// concurrent use.
type Store struct {
	config    Config
	transport http.RoundTripper
	sdk       *s3.Client // documents only, and through send
	signer    *v4.Signer
	rules     s3.EndpointResolverV2

	routes sync.Map     // of *route by bucket
	skew   atomic.Int64 // the server's clock less ours, in nanoseconds

	// What the server has shown of itself.
	sums    atomic.Int32 // sumsUnknown, sumsWork or sumsRefused
	coding  atomic.Int32 // codingUnknown, codingTaken or codingKept
	noClass atomic.Bool  // it refused a storage class
	noHead  atomic.Bool  // it keeps no CRC64NVME, so asking for one is vain
}

// Whether a server takes checksums with an upload.
const (
	sumsUnknown = iota
	sumsWork    // it has echoed one, or is known to understand our framing
	sumsRefused // it has refused one: nothing but bytes and their length is sent
)

// What a server makes of the coding that says that a body is framed.
const (
	codingUnknown = iota
	codingTaken   // it takes it off, as S3 does
	codingKept    // it keeps it with the object's own, so it is not sent: the digest's place says enough
)

var (
	_ engine.Source      = (*Store)(nil)
	_ engine.Destination = (*Store)(nil)
)

// Open makes a Store. It sends nothing; whether keys, endpoint and bucket are
// right shows with the first request.
func Open(_ context.Context, c Config) (*Store, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	s := &Store{
		config:    c,
		transport: newTransport(c),
		rules:     s3.NewDefaultEndpointResolverV2(),
		signer:    v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }), // keys are escaped once, as S3 asks
	}
	s.sdk = newSDK(s)
	return s, nil
}

// Close drops the connections that rest. A call under way is not disturbed.
func (s *Store) Close() error {
	if t, ok := s.transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
	return nil
}

// now is the time by the server's clock, as far as it is known to differ.
func (s *Store) now() time.Time {
	return time.Now().Add(time.Duration(s.skew.Load()))
}

// setClock takes the server's time from a reply that refused a request for its
// own. It reports whether a request signed by signed is worth sending again.
func (s *Store) setClock(f *failure) bool {
	if f.code != "RequestTimeTooSkewed" || f.date.IsZero() {
		return false
	}
	skew := time.Until(f.date)
	if (skew - time.Duration(s.skew.Load())).Abs() < time.Minute {
		return false
	}
	s.skew.Store(int64(skew))
	s.config.Logger.Debug("server keeps another time", "ahead", skew)
	return true
}
