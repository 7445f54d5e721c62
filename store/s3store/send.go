package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"xfer/engine"
)

// What x-amz-content-sha256 may say in place of a digest (S3 API reference,
// "Authenticating requests: using the authorization header").
const (
	emptySHA256     = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	unsignedPayload = "UNSIGNED-PAYLOAD"
	unsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

// maxRoutes is how often one call is sent at most: as asked, to the right
// region, and by the right clock.
const maxRoutes = 3

// A request is one call before it has a host and a signature.
type request struct {
	verb        string // what it does, for errors: "get object"
	method      string
	bucket, key string // key is raw; "" addresses the bucket
	query       string // encoded, without the question mark
	header      http.Header
	hash        string // of the body, or what stands for it; of no body if ""
	text        []byte // a body that can be sent again
	stream      io.Reader
	length      int64           // bytes of stream
	coded       bool            // the header names the coding of stream's frame
	keys        aws.Credentials // it was last signed with; set by send
}

// send brings r over the wire and gives a reply with a good status, whose body
// the caller reads and closes. A reply with any other status is a *failure. If r
// has a stream, the transport has let go of it on return. A request sent to the
// wrong region or by the wrong clock is sent again if its stream is untouched;
// otherwise its error is passing and the next one will be right.
func (s *Store) send(ctx context.Context, r *request) (*http.Response, error) {
	for n := 1; ; n++ {
		to, err := s.route(ctx, r.bucket)
		if err != nil {
			return nil, err
		}
		resp, untouched, err := s.attempt(ctx, r, to)
		f, failed := errors.AsType[*failure](err)
		if !failed {
			return resp, err
		}
		if corrected := s.reroute(ctx, r.bucket, to, f) || s.setClock(f); !corrected {
			return nil, err
		}
		if !untouched || n == maxRoutes {
			f.cause = nil
			return nil, err
		}
	}
}

// attempt is one HTTP exchange. untouched says that r could be sent again.
func (s *Store) attempt(ctx context.Context, r *request, to *route) (resp *http.Response, untouched bool, err error) {
	req, err := s.signed(ctx, r, to)
	if err != nil {
		return nil, true, err
	}
	var body *outgoing
	switch {
	case r.stream != nil && r.length > 0:
		body = &outgoing{from: r.stream, gone: make(chan struct{})}
		req.Body = body
	case len(r.text) > 0:
		req.Body = io.NopCloser(bytes.NewReader(r.text))
	}
	resp, err = s.transport.RoundTrip(req)
	if err != nil {
		body.wait()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, !body.read(), fmt.Errorf("%s %s: %w", r.verb, r.place(), bare(err))
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		body.wait()
		if body != nil && !body.ended {
			resp.Body.Close()
			return nil, false, r.unbelievable("it came before the end of the request")
		}
		return resp, false, nil
	}
	f := s.failed(r, resp) // reads and closes the reply, which makes the transport give up the body
	body.wait()
	return nil, !body.read(), f
}

// signed builds the HTTP request for r.
func (s *Store) signed(ctx context.Context, r *request, to *route) (*http.Request, error) {
	header := r.header.Clone()
	if header == nil {
		header = make(http.Header, 8)
	}
	if s.config.RequesterPays {
		header.Set("X-Amz-Request-Payer", "requester")
	}
	u := &url.URL{Scheme: to.scheme, Host: to.host, Path: to.path, RawPath: to.rawPath, RawQuery: r.query}
	if r.key != "" || u.Path == "" {
		u.Path += "/" + r.key
		u.RawPath += "/" + httpbinding.EscapePath(r.key, false)
	}
	req := (&http.Request{Method: r.method, URL: u, Header: header, ContentLength: r.length}).WithContext(ctx)
	if r.stream == nil {
		req.ContentLength = int64(len(r.text))
	}
	r.keys = aws.Credentials{}
	if !s.config.Anonymous {
		var err error
		if r.keys, err = s.config.Credentials.Retrieve(ctx); err != nil {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("%s %s: %w", r.verb, r.place(), ctx.Err())
			}
			return nil, fmt.Errorf("%s %s: %w: %w", r.verb, r.place(), engine.ErrNoKeys, err)
		}
	}
	hash := r.hash
	if hash == "" {
		hash = emptySHA256
	}
	header.Set("X-Amz-Content-Sha256", hash)
	if !s.config.Anonymous {
		if err := s.signer.SignHTTP(ctx, r.keys, req, hash, to.signName, to.signRegion, s.now()); err != nil {
			return nil, fmt.Errorf("%s %s: sign: %w", r.verb, r.place(), err)
		}
	}
	header.Set("User-Agent", s.config.UserAgent) // these two are not signed: proxies may change them
	header.Set("Accept-Encoding", "identity")
	return req, nil
}

// place is what r is about, for errors.
func (r *request) place() string {
	return fmt.Sprintf("%q", scheme+r.bucket+"/"+r.key)
}

// An outgoing is the body of one HTTP exchange. The transport may read it from a
// goroutine that outlives the exchange, and says by Close that it will not any
// more.
type outgoing struct {
	from    io.Reader
	gone    chan struct{}
	once    sync.Once
	touched bool // these two are written by the transport before Close, read after wait
	ended   bool
}

func (o *outgoing) Read(p []byte) (int, error) {
	o.touched = true
	n, err := o.from.Read(p)
	o.ended = o.ended || err == io.EOF
	return n, err
}

func (o *outgoing) Close() error {
	o.once.Do(func() { close(o.gone) })
	return nil
}

// wait returns once the transport has let go of o.
func (o *outgoing) wait() {
	if o != nil {
		<-o.gone
	}
}

// read reports whether any of o may be lost to another exchange. Only after wait.
func (o *outgoing) read() bool { return o != nil && o.touched }
