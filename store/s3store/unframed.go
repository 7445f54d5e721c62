package s3store

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"

	"xfer/engine"
)

// unframed makes sure that a server which did not echo the trailer took the
// framing for framing: one that knows neither stores the frame with the bytes,
// and says that all is well. It compares the size that is stored. A server that
// cannot be asked gets no more frames.
func (s *Store) unframed(ctx context.Context, r *request, size int64) error {
	got, err := s.storedSize(ctx, r)
	if err == nil && got == size {
		return nil
	}
	s.sums.Store(sumsRefused)
	s.config.Logger.Debug("server does not show that it understands trailing checksums; none is sent from here on")
	if err != nil {
		return fmt.Errorf("%s %s: sent with a checksum the server did not echo: %w", r.verb, r.place(), passing{err})
	}
	return fmt.Errorf("%s %s: %w: sent %d bytes, server has %d", r.verb, r.place(), engine.ErrCorrupt, size, got)
}

// storedSize asks for the size in bytes of what the upload r has stored.
func (s *Store) storedSize(ctx context.Context, r *request) (int64, error) {
	at := scheme + r.bucket + "/" + r.key
	query, _ := url.ParseQuery(r.query) // made by PutPart
	if !query.Has("partNumber") {
		head, _, err := s.head(ctx, at)
		return head.Size, err
	}
	var number int32
	if _, err := fmt.Sscan(query.Get("partNumber"), &number); err != nil {
		return 0, err
	}
	parts, err := s.parts(ctx, engine.Upload{ID: query.Get("uploadId"), Destination: at}, number-1)
	if err != nil {
		return 0, err
	}
	if len(parts) == 0 || aws.ToInt32(parts[0].PartNumber) != number {
		return 0, r.unbelievable(http.StatusText(http.StatusNotFound))
	}
	return aws.ToInt64(parts[0].Size), nil
}

// passing keeps the words of an error and drops its meaning.
type passing struct{ err error }

func (p passing) Error() string { return p.err.Error() }
