package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"xfer/engine"
)

// Stat pins at by a HEAD. A HEAD has no body to say why it was refused, so
// expired keys look like any other refusal; a GET asks again before that is
// believed.
func (s *Store) Stat(ctx context.Context, at string) (engine.Pin, error) {
	pin, _, err := s.head(ctx, at)
	if f, ok := errors.AsType[*failure](err); ok && f.code == "" && (f.status == http.StatusBadRequest || f.status == http.StatusForbidden) {
		pin, body, err := s.Open(ctx, at)
		if err == nil {
			body.Close()
		}
		return pin, err
	}
	return pin, err
}

// head asks for what is stored at a place, and its checksum.
func (s *Store) head(ctx context.Context, at string) (engine.Pin, http.Header, error) {
	r, err := reading("stat object", http.MethodHead, at)
	if err != nil {
		return engine.Pin{}, nil, err
	}
	r.header.Set("X-Amz-Checksum-Mode", "ENABLED")
	resp, err := s.send(ctx, r)
	if err != nil {
		return engine.Pin{}, nil, err
	}
	resp.Body.Close()
	pin, err := pinOf(r, resp)
	return pin, resp.Header, err
}

// Open gets at from its first byte. It asks for no range, because S3 tells the
// stored checksum only of a whole object (S3 user guide, "checking object
// integrity"). Closing the body before its end costs its connection.
func (s *Store) Open(ctx context.Context, at string) (engine.Pin, io.ReadCloser, error) {
	r, err := reading("get object", http.MethodGet, at)
	if err != nil {
		return engine.Pin{}, nil, err
	}
	r.header.Set("X-Amz-Checksum-Mode", "ENABLED")
	resp, err := s.send(ctx, r)
	if err != nil {
		return engine.Pin{}, nil, err
	}
	pin, err := pinOf(r, resp)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = r.unbelievable(fmt.Sprintf("status %d to a plain GET", resp.StatusCode))
	}
	if err != nil {
		resp.Body.Close()
		return engine.Pin{}, nil, err
	}
	return pin, s.download(r, resp), nil
}

// OpenRange gets the bytes span of the version pin.
func (s *Store) OpenRange(ctx context.Context, at string, pin engine.Pin, span engine.Range) (io.ReadCloser, error) {
	r, err := reading("get range", http.MethodGet, at)
	if err != nil {
		return nil, err
	}
	if span.Start < 0 || span.Len() < 0 || span.End > pin.Size {
		return nil, fmt.Errorf("get range %s: %w: %s of %d bytes", r.place(), engine.ErrRefused, span, pin.Size)
	}
	if span.Len() > 0 { // no range names an empty span
		r.header.Set("Range", fmt.Sprintf("bytes=%d-%d", span.Start, span.End-1))
	}
	// The ETag alone is the condition, although the version is known: to ask for a
	// version takes s3:GetObjectVersion, which the session policies of vendors do
	// not grant (Thin Egress App: s3:GetObject and s3:ListBucket only).
	r.header.Set("If-Match", pin.ETag)
	resp, err := s.send(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := sameRange(r, resp, pin, span); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return s.download(r, resp), nil
}

// sameRange checks that a reply holds exactly the span of pin that was asked
// for. A server may ignore both conditions, and the whole object then looks
// like a success.
func sameRange(r *request, resp *http.Response, pin engine.Pin, span engine.Range) error {
	etag := resp.Header.Get("ETag")
	whole := span.Start == 0 && span.Len() == pin.Size
	switch {
	case etag == "":
		return r.unbelievable("no ETag")
	case pin.ETag != "" && etag != pin.ETag:
		return fmt.Errorf("%s %s: %w: ETag %s instead of %s", r.verb, r.place(), engine.ErrSourceChanged, printable(etag), pin.ETag)
	case resp.StatusCode == http.StatusOK && !whole:
		return r.unbelievable("the whole object instead of " + span.String())
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusPartialContent:
		return r.unbelievable(fmt.Sprintf("status %d to a range", resp.StatusCode))
	case resp.ContentLength != span.Len():
		return r.unbelievable(fmt.Sprintf("%d bytes instead of %s", resp.ContentLength, span))
	}
	if resp.StatusCode == http.StatusPartialContent {
		want := fmt.Sprintf("bytes %d-%d/%d", span.Start, span.End-1, pin.Size)
		if got := resp.Header.Get("Content-Range"); got != want {
			return r.unbelievable(fmt.Sprintf("%q instead of %s", printable(got), want))
		}
	}
	return nil
}

// reading begins a request for the object at a place.
func reading(verb, method, at string) (*request, error) {
	bucket, key, err := object(at)
	if err != nil {
		return nil, err
	}
	return &request{verb: verb, method: method, bucket: bucket, key: key, header: make(http.Header, 8)}, nil
}
