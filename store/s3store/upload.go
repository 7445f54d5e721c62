package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"xfer/engine"
)

// sumAlgorithm is the header that names the checksum of an upload, so that the
// server computes it and tells it in its reply.
const sumAlgorithm = "X-Amz-Sdk-Checksum-Algorithm"

// upload sends body with r and gives the headers of a reply that is to be
// believed, and the checksum the server says it has of the bytes, which is then
// body's; zero if it says none.
func (s *Store) upload(ctx context.Context, r *request, body *engine.Body) (http.Header, engine.Checksum, error) {
	framing, err := s.dress(r, body)
	if err != nil {
		return nil, engine.Checksum{}, err
	}
	resp, err := s.send(ctx, r)
	if body.Err() != nil { // the source failed; what the destination made of it follows from that
		if err == nil {
			resp.Body.Close()
		}
		return nil, engine.Checksum{}, body.Err()
	}
	if err != nil {
		writing(err)
		return nil, engine.Checksum{}, s.sumless(r.header.Get(sumAlgorithm) != "", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxErrorBody)) // lets the connection be used again
	resp.Body.Close()

	sum := engine.NewCRC64NVME(body.CRC())
	echo := resp.Header.Get(sumHeader)
	switch {
	case resp.Header.Get("Etag") == "":
		return nil, engine.Checksum{}, r.unbelievable("no ETag")
	case echo != "" && engine.ParseChecksum(engine.CRC64NVME, echo) != sum:
		return nil, engine.Checksum{}, fmt.Errorf("%s %s: %w: sent %s, server has %q", r.verb, r.place(), engine.ErrCorrupt, sum.Base64(), printable(echo))
	case echo == "":
		sum = engine.Checksum{}
	}
	if framing {
		if err := s.understood(ctx, r, body.Size(), echo != ""); err != nil {
			return nil, engine.Checksum{}, err
		}
	}
	if framing || echo != "" {
		s.sums.Store(sumsWork)
	}
	return resp.Header, sum, nil
}

// dress gives r the body, and the checksum in the way that fits: in a header if
// it is known ahead, else behind the bytes; not at all to a server that refuses
// both. It reports whether the body is framed.
func (s *Store) dress(r *request, body *engine.Body) (framing bool, err error) {
	r.stream, r.length, r.hash = body, body.Size(), unsignedPayload
	known := body.Expect()
	if body.Size() == 0 { // the transport does not read what is empty
		if _, err := body.Read(make([]byte, 1)); err != io.EOF {
			return false, err
		}
		known = engine.NewCRC64NVME(body.CRC())
	}
	if s.sums.Load() == sumsRefused {
		return false, nil
	}
	r.header.Set(sumAlgorithm, "CRC64NVME") // asks for the echo
	if known.Algorithm == engine.CRC64NVME {
		r.header.Set(sumHeader, known.Base64())
		return false, nil
	}
	f := newFramed(body, body.Size(), func() engine.Checksum { return engine.NewCRC64NVME(body.CRC()) })
	r.stream, r.length, r.hash = f, f.length, unsignedTrailer
	r.header.Set("X-Amz-Trailer", trailerName)
	r.header.Set("X-Amz-Decoded-Content-Length", strconv.FormatInt(body.Size(), 10))
	if s.coding.Load() != codingKept {
		encoding := chunked // named first and taken off by the server; what follows is the object's own
		if own := r.header.Get("Content-Encoding"); own != "" {
			encoding += "," + own
		}
		r.header.Set("Content-Encoding", encoding)
		r.coded = true
	}
	return true, nil
}

// sumless looks whether err refuses the checksum that was sent, and not the
// bytes. If so none is sent any more, and the error is passing: the next try
// goes without.
func (s *Store) sumless(sent bool, err error) error {
	f, ok := errors.AsType[*failure](err)
	if !ok || !sent || !f.refusesSums() {
		return err
	}
	if s.sums.CompareAndSwap(sumsUnknown, sumsRefused) {
		s.config.Logger.Debug("server takes no checksums; none is sent from here on", "code", f.code, "status", f.status)
	}
	if s.sums.Load() == sumsRefused {
		f.cause = nil
	}
	return err
}

// refusesSums reports whether f is how a server says that it does not know
// checksums or their framing: not implemented, an argument it names, or a digest
// of the body where it took the words in x-amz-content-sha256 for one.
func (f *failure) refusesSums() bool {
	if f.status == http.StatusNotImplemented || f.code == "NotImplemented" || f.code == "XNotImplemented" {
		return true
	}
	if f.status != http.StatusBadRequest {
		return false
	}
	switch f.code {
	case "XAmzContentSHA256Mismatch":
		return true
	case "InvalidArgument", "InvalidRequest", "InvalidDigest", "UnsupportedArgument", "":
		words := strings.ToLower(f.message)
		return strings.Contains(words, "checksum") || strings.Contains(words, "trailer") || strings.Contains(words, "content-sha256")
	}
	return false
}
