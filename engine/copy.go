package engine

import (
	"context"
	"io"
)

// A Reader is what copy needs of a source.
type Reader interface {
	// OpenRange begins to read exactly the bytes r of the version pin. Another
	// version is ErrSourceChanged, never mixed bytes.
	OpenRange(ctx context.Context, at string, pin Pin, r Range) (io.ReadCloser, error)
}

// A Writer is what copy needs of a destination. Both calls read body to its end,
// once, and succeed only if the destination acknowledged all of it: where the
// destination tells a checksum, it has been compared with body's.
type Writer interface {
	// Put stores an object in one go. Nothing is visible at the place before it
	// is whole.
	Put(ctx context.Context, at string, pin Pin, body *Body) (Stored, error)

	// PutPart stores part number, which spans r, of an upload and returns the
	// destination's tag for it. It may be called again for a part that has
	// arrived; the last call wins. On return the part survives a power cut.
	PutPart(ctx context.Context, u Upload, pin Pin, number int32, r Range, body *Body) (etag string, err error)
}
