package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"xfer/engine"
)

// Begin makes an upload that declares a CRC64NVME of the full object, so that
// each part's checksum is kept and the whole is checked by the server too.
func (s *Store) Begin(ctx context.Context, at string, pin engine.Pin) (string, error) {
	bucket, key, err := object(at)
	if err != nil {
		return "", err
	}
	d := &document{root: "InitiateMultipartUploadResult", request: request{
		verb: "begin upload", bucket: bucket, key: key, header: make(http.Header, 16)}}
	if err := describe(&d.request, pin.Metadata, !s.noClass.Load()); err != nil {
		return "", err
	}
	sums, class := s.sums.Load() != sumsRefused, !s.noClass.Load()
	if sums {
		d.header.Set("X-Amz-Checksum-Algorithm", "CRC64NVME")
		d.header.Set("X-Amz-Checksum-Type", "FULL_OBJECT")
	}
	out, err := s.sdk.CreateMultipartUpload(d.on(ctx), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	if err != nil {
		err = d.explain(err)
		writing(err)
		err = s.classless(&d.request, s.sumless(sums, err))
		if said(err) && (sums && s.sums.Load() == sumsRefused || class && s.noClass.Load()) {
			return s.Begin(ctx, at, pin) // nothing was begun: at once again, with less
		}
		return "", err
	}
	if aws.ToString(out.UploadId) == "" {
		return "", d.unbelievable("no upload ID")
	}
	return *out.UploadId, nil
}

// Complete makes the parts the object. It tells the server what the whole must
// be, in bytes and as checksum, so that a forgotten part is refused.
func (s *Store) Complete(ctx context.Context, u engine.Upload, pin engine.Pin, parts []engine.Receipt, sum engine.Checksum) (engine.Stored, error) {
	bucket, key, err := object(u.Destination)
	if err != nil {
		return engine.Stored{}, err
	}
	d := &document{root: "CompleteMultipartUploadResult", request: request{verb: "complete upload", bucket: bucket, key: key}}
	in := &s3.CompleteMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: &u.ID, MpuObjectSize: &pin.Size,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: make([]types.CompletedPart, len(parts))}}
	for i, p := range parts {
		in.MultipartUpload.Parts[i] = types.CompletedPart{PartNumber: &p.Number, ETag: &p.ETag}
	}
	sums := s.sums.Load() != sumsRefused && sum.Algorithm == engine.CRC64NVME
	if sums {
		in.ChecksumCRC64NVME = aws.String(sum.Base64())
		in.ChecksumType = types.ChecksumTypeFullObject
		for i, p := range parts {
			in.MultipartUpload.Parts[i].ChecksumCRC64NVME = aws.String(engine.NewCRC64NVME(p.CRC).Base64())
		}
	}
	out, err := s.sdk.CompleteMultipartUpload(d.on(ctx), in)
	if err != nil {
		err = s.sumless(sums, d.explain(err))
		if said(err) && sums && s.sums.Load() == sumsRefused {
			return s.Complete(ctx, u, pin, parts, sum) // nothing was completed: at once again, with less
		}
		return engine.Stored{}, completed(err)
	}
	if aws.ToString(out.ETag) == "" {
		return engine.Stored{}, fmt.Errorf("%w: %w", engine.ErrAmbiguous, d.unbelievable("no ETag"))
	}
	st := engine.Stored{ETag: *out.ETag, Version: aws.ToString(out.VersionId)}
	if out.ChecksumType != types.ChecksumTypeComposite {
		st.Checksum = engine.ParseChecksum(engine.CRC64NVME, aws.ToString(out.ChecksumCRC64NVME))
	}
	if st.Checksum.IsZero() {
		st.Checksum = s.askSum(ctx, u.Destination, st)
	}
	if !st.Checksum.IsZero() && sum.Algorithm == engine.CRC64NVME && st.Checksum != sum {
		return engine.Stored{}, fmt.Errorf("%s %s: %w: sent %s, server has %s", d.verb, d.place(), engine.ErrCorrupt, sum, st.Checksum)
	}
	return st, nil
}

// said reports whether err is a server's answer that it will not do what it was
// asked, in contrast to none or one that leaves it open.
func said(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && (f.status >= 400 && f.status < 500 || f.status == http.StatusNotImplemented)
}

// completed says what a Complete that failed means. A no that the server gave
// before it acted is what it is; whatever may have come after the act leaves the
// outcome open.
func completed(err error) error {
	f, failed := errors.AsType[*failure](err)
	switch {
	case failed && f.code == "ConditionalRequestConflict":
		f.cause = engine.ErrUploadGone // S3 asks to begin anew (API reference, "CompleteMultipartUpload")
		return err
	case failed && errors.Is(f, engine.ErrNotFound):
		f.cause = engine.ErrUploadGone
		return err
	case failed && f.code == "" && f.status >= 500:
		f.cause = nil // whoever answered, it need not be the server that acts
	case failed && f.cause != nil, unsent(err):
		return err
	}
	return fmt.Errorf("%w: %w", engine.ErrAmbiguous, err)
}

// askSum asks once more for the checksum of an object whose upload's reply told
// none. Servers that keep none are asked once.
func (s *Store) askSum(ctx context.Context, at string, st engine.Stored) engine.Checksum {
	if s.noHead.Load() || s.sums.Load() == sumsRefused {
		return engine.Checksum{}
	}
	pin, _, err := s.head(ctx, at)
	if err != nil || pin.ETag != st.ETag || pin.Checksum.Algorithm != engine.CRC64NVME {
		s.noHead.Store(err == nil && pin.ETag == st.ETag || errors.Is(err, engine.ErrDenied))
		return engine.Checksum{}
	}
	return pin.Checksum
}

// writing corrects what a failure means at a destination: there, what is not
// found is no source, and no condition was set that a source could break.
func writing(err error) {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		return
	}
	switch {
	case errors.Is(f, engine.ErrNotFound):
		f.cause = engine.ErrNoStore
	case errors.Is(f, engine.ErrSourceChanged):
		f.cause = engine.ErrRefused
	}
}
