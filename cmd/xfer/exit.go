package main

import (
	"context"
	"errors"
	"fmt"

	"xfer/creds"
	"xfer/engine"
	"xfer/manifest"
)

// Exit codes. Scripts rely on them.
const (
	exitOK          = 0 // everything is there and verified
	exitFailed      = 1 // could not run: usage, list, job file, destination
	exitIncomplete  = 2 // some objects failed
	exitInterrupted = 3 // interrupted, the same command goes on
	exitCredentials = 4 // credentials cannot be obtained, the same command goes on
)

const exitCodes = `Exit codes:
  0  everything is there
  1  could not run: usage, list, job file, or a missing bucket
  2  some objects failed; xfer status --failed JOB names them
  3  interrupted; the same command goes on
  4  credentials cannot be obtained; the same command goes on`

// errIncomplete ends a run in which objects failed. The summary has said so.
var errIncomplete = errors.New("some objects were not copied")

// A usageError is the caller's mistake; it is printed with a pointer to --help.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return usageError{fmt.Sprintf(format, args...)}
}

// A hintedError says what to do about itself.
type hintedError struct {
	error
	hint string
}

func (e hintedError) Unwrap() error { return e.error }

// exitCode maps what a command returned.
func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errIncomplete), errors.Is(err, engine.ErrTooManyFailures):
		return exitIncomplete
	case errors.Is(err, engine.ErrStopped), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, engine.ErrNoKeys), isCredentials(err):
		return exitCredentials
	}
	return exitFailed
}

// isCredentials reports whether err is about obtaining keys, not about how they
// were asked for on the command line.
func isCredentials(err error) bool {
	for _, kind := range []error{creds.ErrUnavailable, creds.ErrDenied, creds.ErrLogin, creds.ErrConsent, creds.ErrExpiring} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// hint is what a person may do about err, "" when there is nothing to say.
func hint(err error) string {
	var hinted hintedError
	switch {
	case errors.As(err, &hinted):
		return hinted.hint
	case errors.As(err, new(usageError)):
		return "xfer --help, or the command with --help, tells more"
	case errors.Is(err, engine.ErrStopped), errors.Is(err, errIncomplete):
		return ""
	case errors.Is(err, manifest.ErrInUse):
		return "wait for it to end, or look at it with: xfer status JOB"
	case errors.Is(err, manifest.ErrVersion):
		return "use the xfer that wrote it, or a newer one"
	case errors.Is(err, manifest.ErrTruncated), errors.Is(err, manifest.ErrCorrupt):
		return "restore the job file from a backup, or move it away to start the job anew; objects already copied are then copied again"
	case errors.Is(err, manifest.ErrForeign), errors.Is(err, manifest.ErrOtherJob):
		return "name another job file with --job"
	case errors.Is(err, manifest.ErrListChanged):
		return "without --frozen, rows that are new are added and rows that are gone are dropped"
	}
	return creds.HintOf(err)
}
