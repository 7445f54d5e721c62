package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"xfer/engine"
)

// chunked is the content coding of a framed body (S3 API reference, "Signature
// calculations for the authorization header: including trailing headers").
const chunked = "aws-chunked"

// understood makes sure, until it is known, that a server took a frame for a
// frame. One that does not know trailers stores the frame with the bytes and
// says that all is well; an echo of the checksum rules that out. One that knows
// them may still keep the coding with an object put whole, as versitygw does;
// Amazon is documented not to. Whatever was on its way with the coding when that
// showed is asked for too.
func (s *Store) understood(ctx context.Context, r *request, size int64, echoed bool) error {
	whole := r.query == ""
	asked := echoed || s.sums.Load() == sumsWork
	if asked && (!whole || !r.coded || s.config.Endpoint == "" || s.coding.Load() == codingTaken) {
		return nil
	}
	at := scheme + r.bucket + "/" + r.key
	if !whole {
		got, err := s.partSize(ctx, r, at)
		return s.unframed(r, size, got, err)
	}
	there, _, err := s.head(ctx, at)
	if !asked {
		if err := s.unframed(r, size, there.Size, err); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(err, engine.ErrNotFound), errors.Is(err, engine.ErrRefused):
		return nil // it does not show what it has
	case err != nil && !errors.Is(err, engine.ErrDenied):
		return err // the next try asks again
	case !strings.Contains(there.Metadata.ContentEncoding, chunked):
		s.coding.CompareAndSwap(codingUnknown, codingTaken)
		return nil
	}
	if s.coding.Swap(codingKept) != codingKept {
		s.config.Logger.Debug("server keeps the coding aws-chunked with objects; it is not sent from here on")
	}
	return r.unbelievable("the object was stored with the coding of its transfer")
}

// unframed compares the size of what is stored with what was sent. A server that
// cannot be asked gets no more frames.
func (s *Store) unframed(r *request, size, got int64, err error) error {
	if err == nil && got == size {
		s.sums.Store(sumsWork)
		return nil
	}
	s.sums.Store(sumsRefused)
	s.config.Logger.Debug("server does not show that it understands trailing checksums; none is sent from here on")
	if err != nil {
		return fmt.Errorf("%s %s: sent with a checksum the server did not echo: %w", r.verb, r.place(), passing{err})
	}
	return fmt.Errorf("%s %s: %w: sent %d bytes, server has %d", r.verb, r.place(), engine.ErrCorrupt, size, got)
}

// partSize asks for the size in bytes of the part that r has stored.
func (s *Store) partSize(ctx context.Context, r *request, at string) (int64, error) {
	query, _ := url.ParseQuery(r.query) // made by PutPart
	var number int32
	if _, err := fmt.Sscan(query.Get("partNumber"), &number); err != nil {
		return 0, err
	}
	parts, err := s.parts(ctx, engine.Upload{ID: query.Get("uploadId"), Destination: at}, number-1)
	if err != nil {
		return 0, err
	}
	if len(parts) == 0 || aws.ToInt32(parts[0].PartNumber) != number {
		return 0, r.unbelievable("the part is not listed")
	}
	return aws.ToInt64(parts[0].Size), nil
}

// passing keeps the words of an error and drops its meaning.
type passing struct{ err error }

func (p passing) Error() string { return p.err.Error() }
