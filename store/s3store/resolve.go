package s3store

import (
	"context"
	"crypto/md5" //nolint:gosec // ETags are made of it
	"errors"
	"fmt"

	"xfer/engine"
)

// Resolve looks first at the object, then at the upload. Where the keys may not
// list parts, an object that is not ours makes the upload Gone: to begin again
// is always right, to complete for ever is not.
func (s *Store) Resolve(ctx context.Context, u engine.Upload, pin engine.Pin, parts []engine.Receipt, sum engine.Checksum) (engine.Resolution, engine.Stored, error) {
	there, header, err := s.head(ctx, u.Destination)
	switch {
	case err == nil && ours(there, pin, parts, sum):
		st := engine.Stored{ETag: there.ETag, Version: header.Get("X-Amz-Version-Id")}
		if there.Checksum.Algorithm == engine.CRC64NVME {
			st.Checksum = there.Checksum
		}
		return engine.Done, st, nil
	case err != nil && !errors.Is(err, engine.ErrNotFound) && !errors.Is(err, engine.ErrDenied):
		return engine.Gone, engine.Stored{}, s.unmasked(ctx, u, err)
	}
	_, listErr := s.parts(ctx, u, 0)
	switch {
	case listErr == nil:
		return engine.Open, engine.Stored{}, nil
	case errors.Is(listErr, engine.ErrUploadGone):
		return engine.Gone, engine.Stored{}, nil
	case errors.Is(listErr, engine.ErrDenied) && !errors.Is(err, engine.ErrDenied):
		return engine.Gone, engine.Stored{}, nil
	}
	return engine.Gone, engine.Stored{}, listErr
}

// unmasked finds the reason of a HEAD refused without a code by asking the
// upload, whose replies have a body.
func (s *Store) unmasked(ctx context.Context, u engine.Upload, err error) error {
	if f, ok := errors.AsType[*failure](err); ok && f.code == "" && errors.Is(err, engine.ErrRefused) {
		if _, said := s.parts(ctx, u, 0); said != nil {
			return said
		}
	}
	return err
}

// ours reports whether the object there is what Complete was to make: the size
// and the checksum, or, of a server that keeps no checksum, the ETag that
// follows from those of the parts. Neither alone would tell it from another
// object of the same size.
func ours(there, pin engine.Pin, parts []engine.Receipt, sum engine.Checksum) bool {
	if there.Size != pin.Size {
		return false
	}
	if there.Checksum.Algorithm == engine.CRC64NVME {
		return there.Checksum == sum
	}
	want, ok := partsETag(parts)
	return ok && there.ETag == want
}

// partsETag is the ETag of an object made of parts whose ETags are MD5s: the MD5
// of these, and how many they were.
func partsETag(parts []engine.Receipt) (string, bool) {
	h := md5.New() //nolint:gosec // see the import
	for _, p := range parts {
		raw, ok := md5Of(p.ETag)
		if !ok {
			return "", false
		}
		h.Write([]byte(raw))
	}
	return fmt.Sprintf(`"%x-%d"`, h.Sum(nil), len(parts)), len(parts) > 0
}
