package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"xfer/engine"
)

const (
	aborts     = 5                      // tries until no part may be left
	abortPause = 200 * time.Millisecond // before the second, doubled each time
)

// Abort ends an upload. A part that was under way may land after it (S3 API
// reference, "AbortMultipartUpload"), so it is repeated until the server shows
// none. Keys that may abort but not look are believed after the first.
func (s *Store) Abort(ctx context.Context, u engine.Upload) error {
	pause := abortPause
	for n := 1; ; n++ {
		if err := s.abortOnce(ctx, u); err != nil {
			return err
		}
		left, err := s.parts(ctx, u, 0)
		switch {
		case errors.Is(err, engine.ErrUploadGone), errors.Is(err, engine.ErrDenied), err == nil && len(left) == 0:
			return nil
		case err != nil:
			return err
		case n == aborts:
			return fmt.Errorf("abort upload %q: parts are left after %d tries", u.Destination, n)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("abort upload %q: %w", u.Destination, ctx.Err())
		case <-time.After(pause):
		}
		pause *= 2
	}
}

func (s *Store) abortOnce(ctx context.Context, u engine.Upload) error {
	bucket, key, err := object(u.Destination)
	if err != nil {
		return err
	}
	resp, err := s.send(ctx, &request{verb: "abort upload", method: http.MethodDelete, bucket: bucket, key: key,
		query: "uploadId=" + url.QueryEscape(u.ID)})
	if errors.Is(err, engine.ErrUploadGone) || errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("abort upload %q: reply is not believable: status %d", u.Destination, resp.StatusCode)
	}
	return nil
}

// parts looks at the first parts of an upload that come after number. An upload
// that is not there is ErrUploadGone.
func (s *Store) parts(ctx context.Context, u engine.Upload, after int32) ([]types.Part, error) {
	bucket, key, err := object(u.Destination)
	if err != nil {
		return nil, err
	}
	d := &document{root: "ListPartsResult", request: request{verb: "list parts", bucket: bucket, key: key}}
	in := &s3.ListPartsInput{Bucket: &bucket, Key: &key, UploadId: &u.ID, MaxParts: aws.Int32(1)}
	if after > 0 {
		in.PartNumberMarker = aws.String(fmt.Sprint(after))
	}
	out, err := s.sdk.ListParts(d.on(ctx), in)
	if err != nil {
		err = d.explain(err)
		if f, ok := errors.AsType[*failure](err); ok && errors.Is(f, engine.ErrNotFound) {
			f.cause = engine.ErrUploadGone
		}
		return nil, err
	}
	return out.Parts, nil
}

// sweepSlack allows for clocks that differ: what S3 itself allows in a signature.
const sweepSlack = 15 * time.Minute

// Sweep aborts the uploads for exactly the place at that were begun since. The
// server dates uploads by its own clock, so a little earlier counts too.
func (s *Store) Sweep(ctx context.Context, at string, since time.Time) (ended int, err error) {
	bucket, key, err := object(at)
	if err != nil {
		return 0, err
	}
	var found []types.MultipartUpload
	in := &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: &key, EncodingType: types.EncodingTypeUrl}
	for {
		d := &document{root: "ListMultipartUploadsResult", request: request{verb: "list uploads", bucket: bucket}}
		out, err := s.sdk.ListMultipartUploads(d.on(ctx), in)
		if err != nil {
			err = d.explain(err)
			writing(err)
			return 0, err
		}
		for _, u := range out.Uploads {
			name, err := decoded(aws.ToString(u.Key), out.EncodingType)
			if err == nil && name == key && u.UploadId != nil && u.Initiated != nil && !u.Initiated.Before(since.Add(-sweepSlack)) {
				found = append(found, u)
			}
		}
		switch {
		case out.IsTruncated == nil:
			return 0, d.unbelievable("no IsTruncated")
		case !*out.IsTruncated:
			return s.abortAll(ctx, at, found)
		}
		next, err := decoded(aws.ToString(out.NextKeyMarker), out.EncodingType)
		if err != nil || next == aws.ToString(in.KeyMarker) && aws.ToString(out.NextUploadIdMarker) == aws.ToString(in.UploadIdMarker) {
			return 0, d.unbelievable("a listing that does not go on")
		}
		in.KeyMarker, in.UploadIdMarker = &next, out.NextUploadIdMarker
	}
}

func (s *Store) abortAll(ctx context.Context, at string, found []types.MultipartUpload) (ended int, err error) {
	for _, u := range found {
		if err := s.Abort(ctx, engine.Upload{ID: *u.UploadId, Destination: at}); err != nil {
			return ended, err
		}
		ended++
	}
	return ended, nil
}
