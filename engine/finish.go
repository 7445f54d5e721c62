package engine

import "context"

// A Finisher is what finish needs of a destination.
type Finisher interface {
	// Complete makes the object visible from its parts, in the order of their
	// numbers. sum is what all bytes must add up to. ErrAmbiguous: it may have
	// happened; ErrUploadGone: it may have happened before.
	Complete(ctx context.Context, u Upload, pin Pin, parts []Receipt, sum Checksum) (Stored, error)

	// Resolve looks what became of a Complete: Done only if the object there has
	// pin's size and sum (or, where no checksum is kept, the tag that follows from
	// the parts), Open if the upload can still be completed, Gone if neither.
	Resolve(ctx context.Context, u Upload, pin Pin, parts []Receipt, sum Checksum) (Resolution, Stored, error)

	// Abort ends an upload and waits until none of its parts is left. An upload
	// that is not there is no error; keys that may not look are ErrDenied.
	Abort(ctx context.Context, u Upload) error
}

// A Resolution is what became of a Complete whose answer was lost.
type Resolution int

// What Resolve finds.
const (
	Gone Resolution = iota // no upload, and not our object: start again
	Open                   // the upload is still there: complete it
	Done                   // our object is there, whole
)

// A Completer is what finish needs of the journal.
type Completer interface {
	// Completing notes that Complete is about to be sent for this object, whose
	// receipts are all recorded. Durable on return.
	Completing(ctx context.Context, id uint64) error
}
