package engine

import (
	"context"
	"io"
	"time"
)

// An Opener is what plan needs of a source.
type Opener interface {
	// Stat pins at as it is now, without its bytes.
	Stat(ctx context.Context, at string) (Pin, error)

	// Open begins to read at from its first byte. The reply pins it; the reader
	// gives all Pin.Size bytes, and the caller may close it early.
	Open(ctx context.Context, at string) (Pin, io.ReadCloser, error)
}

// A Beginner is what plan needs of a destination.
type Beginner interface {
	// PartSize is the size in bytes of the parts in which an object of size bytes
	// should arrive, at most want unless want is 0 (no wish); 0 means that the
	// object is to be put whole.
	PartSize(at string, size, want int64) int64

	// Begin makes an upload for pin and returns its ID. A passing error leaves
	// open whether one was made; Sweep finds out.
	Begin(ctx context.Context, at string, pin Pin) (uploadID string, err error)

	// Sweep ends uploads for exactly this place that were begun after since and
	// whose begin was never answered. The caller knows of no upload at this place.
	// A destination whose keys may not list uploads returns ErrDenied.
	Sweep(ctx context.Context, at string, since time.Time) (ended int, err error)
}

// A Backlog is what plan needs of the journal. Writes are durable on return.
type Backlog interface {
	// Pending gives the next page of what is left, rows with an ID above after
	// in order of their IDs; empty at the end. While rows are still being read in
	// (from a pipe) it waits for more. No transaction is open when it returns.
	Pending(ctx context.Context, after uint64) ([]Pending, error)

	// Receipts gives what was recorded of the parts of a begun object.
	Receipts(ctx context.Context, id uint64) ([]Receipt, error)

	// Intend notes that an upload for this version is about to be begun, so that
	// a later run looks for one whose begin was not answered.
	Intend(ctx context.Context, id uint64, pin Pin, partSize int64, at time.Time) error

	// Begun notes the upload's ID. No part is sent before.
	Begun(ctx context.Context, id uint64, uploadID string) error
}

// A Pending is a row that is not settled, and how far an earlier run brought it.
type Pending struct {
	Object
	Last  Pin    // of the version that an earlier pass copied (size and ETag only); zero for a row never copied
	Begun *Begun // nil when no upload was ever intended
}

// A Begun is an upload that an earlier run intended or began.
type Begun struct {
	Pin      Pin
	Upload   Upload    // ID is "" when only the intent is known
	Intended time.Time // by this machine's clock
}
