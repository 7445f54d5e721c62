package manifest

import "errors"

// Errors of opening a job file.
var (
	// ErrInUse: another process works on the job; the error names it.
	ErrInUse = errors.New("job file is in use")

	// ErrForeign: the file is not a job file.
	ErrForeign = errors.New("not a job file")

	// ErrTruncated: the file ends before its last page, as after an incomplete copy.
	ErrTruncated = errors.New("job file is cut short")

	// ErrCorrupt: the file was a job file, and something in it no longer adds up.
	ErrCorrupt = errors.New("job file is damaged")

	// ErrVersion: the file was written by a newer xfer.
	ErrVersion = errors.New("job file has a newer format")

	// ErrOtherJob: the file belongs to another list or another destination.
	ErrOtherJob = errors.New("job file belongs to another job")

	// ErrListChanged: the list is not the one that was loaded, and Options.Frozen forbids to merge it.
	ErrListChanged = errors.New("list has changed")
)

// Errors of a list.
var (
	// ErrDuplicate: two rows have one destination; the error names both.
	ErrDuplicate = errors.New("two rows with one destination")

	// ErrBadRow: a line of a list cannot be read as a row; the error names file and line.
	ErrBadRow = errors.New("bad row")
)

// Errors of an open job. Both are final: the run must end.
var (
	// ErrPoisoned: a commit failed, so that it is unknown what the file holds.
	// Opening it anew tells.
	ErrPoisoned = errors.New("job file cannot be written any more")

	// ErrClosed: the job was closed, or opened for reading only.
	ErrClosed = errors.New("job is not open for writing")
)
