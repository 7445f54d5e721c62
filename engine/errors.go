package engine

import "errors"

// The errors a store translates its own into, once, at its edge. Each says what
// the engine should do about it; retry.go holds the table. An error that wraps
// none of them is taken for passing trouble and tried again.
var (
	// ErrThrottled: the store asks for fewer requests. Tried again, with less at once.
	ErrThrottled = errors.New("store asks to slow down")

	// ErrKeysRejected: the keys of this one request were refused and will have
	// been replaced at the next. Tried again at no cost to any budget.
	ErrKeysRejected = errors.New("keys rejected")

	// ErrNoKeys: keys cannot be had. The run ends; the job can be resumed.
	ErrNoKeys = errors.New("no credentials")

	// ErrCorrupt: bytes and checksum disagree. The part is sent again a few
	// times, then the object fails.
	ErrCorrupt = errors.New("checksum mismatch")

	// ErrSourceChanged: the source is no longer the version that was pinned.
	ErrSourceChanged = errors.New("source changed")

	// ErrNotFound: the source is not there.
	ErrNotFound = errors.New("not found")

	// ErrDenied: these keys may not do this to this object.
	ErrDenied = errors.New("access denied")

	// ErrRefused: the store will never take this request for this object, for
	// a reason of the object's own (key too long, archived, too large).
	ErrRefused = errors.New("refused")

	// ErrUploadGone: the destination does not know the upload (any more), or
	// not as we do. The object starts again with a new upload.
	ErrUploadGone = errors.New("upload gone")

	// ErrAmbiguous: a Complete may or may not have happened. Only Resolve tells.
	ErrAmbiguous = errors.New("outcome unknown")

	// ErrNoSpace: the destination is full. Tried again until there is space.
	ErrNoSpace = errors.New("no space")

	// ErrNoStore: the bucket or root itself is missing or unusable. The run ends.
	ErrNoStore = errors.New("no such store")
)
