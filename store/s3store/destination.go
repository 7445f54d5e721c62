package s3store

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"xfer/engine"
)

// PartSize is want or the engine's choice, within what S3 takes: 5 MiB to 5 GiB.
// What fits into one part is put whole.
func (s *Store) PartSize(_ string, size, want int64) int64 {
	if want > 0 {
		want = min(max(want, s.config.MinPartSize), maxPart)
	}
	part := engine.PartSize(size, want)
	if size <= part {
		return 0
	}
	return part
}

// Put stores body as the whole object at a place.
func (s *Store) Put(ctx context.Context, at string, pin engine.Pin, body *engine.Body) (engine.Stored, error) {
	bucket, key, err := object(at)
	if err != nil {
		return engine.Stored{}, err
	}
	r := &request{verb: "put object", method: http.MethodPut, bucket: bucket, key: key, header: make(http.Header, 16)}
	if err := describe(r, pin.Metadata, !s.noClass.Load()); err != nil {
		return engine.Stored{}, err
	}
	reply, sum, err := s.upload(ctx, r, body)
	if err != nil {
		return engine.Stored{}, s.classless(r, err)
	}
	return engine.Stored{ETag: reply.Get("Etag"), Version: reply.Get("X-Amz-Version-Id"), Checksum: sum}, nil
}

// PutPart stores body as part number of an upload. S3 keeps an acknowledged part
// as it keeps objects.
func (s *Store) PutPart(ctx context.Context, u engine.Upload, _ engine.Pin, number int32, _ engine.Range, body *engine.Body) (string, error) {
	bucket, key, err := object(u.Destination)
	if err != nil {
		return "", err
	}
	r := &request{
		verb: "put part " + strconv.Itoa(int(number)), method: http.MethodPut, bucket: bucket, key: key, header: make(http.Header, 8),
		query: "partNumber=" + strconv.Itoa(int(number)) + "&uploadId=" + url.QueryEscape(u.ID),
	}
	reply, _, err := s.upload(ctx, r, body)
	if err != nil {
		return "", err
	}
	return reply.Get("Etag"), nil
}

// classless looks whether err refuses r's storage class. If so no class is sent
// any more, and the error is passing: the next try goes without.
func (s *Store) classless(r *request, err error) error {
	f, ok := errors.AsType[*failure](err)
	if !ok || f.code != "InvalidStorageClass" || r.header.Get("X-Amz-Storage-Class") == "" {
		return err
	}
	if !s.noClass.Swap(true) {
		s.config.Logger.Debug("server refuses the storage class; none is sent from here on", "class", r.header.Get("X-Amz-Storage-Class"))
	}
	f.cause = nil
	return err
}
