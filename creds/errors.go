package creds

import (
	"errors"
	"time"
)

// What a caller can tell apart with errors.Is.
var (
	// ErrUnavailable: no valid keys are in hand and Retrieve was told not to wait.
	// The job can be resumed later.
	ErrUnavailable = errors.New("no valid credentials")
	// ErrDenied: the service keeps rejecting keys as soon as they are fetched.
	// Nothing the Keeper can do will help.
	ErrDenied = errors.New("credentials denied")
	// ErrLogin: the vendor does not accept the login, or there is none.
	ErrLogin = errors.New("login not accepted")
	// ErrConsent: the vendor wants a licence or an application approved first.
	ErrConsent = errors.New("approval missing")
	// ErrSetup: what was configured cannot work: a wrong URL, a file that is not
	// there, an answer that holds no keys.
	ErrSetup = errors.New("credentials misconfigured")
	// ErrExpiring: keys that cannot be renewed have reached their end.
	ErrExpiring = errors.New("credentials at their end")
)

// A Fault is a failed Fetch in words for the person who has to mend it.
type Fault struct {
	// Kind is one of the errors above, or nil for what may pass by itself.
	Kind error
	// Text says what happened, in one sentence without secrets.
	Text string
	// Hint says what to do about it. May be empty.
	Hint string
	// RetryAfter is how long the vendor asked to be left alone. Zero: it did not.
	RetryAfter time.Duration
}

// Error returns Text.
func (f *Fault) Error() string { return f.Text }

// Unwrap returns Kind.
func (f *Fault) Unwrap() error { return f.Kind }

// terminal reports whether trying again without mending something is pointless.
func terminal(err error) bool {
	for _, kind := range []error{ErrDenied, ErrLogin, ErrConsent, ErrSetup, ErrExpiring} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// HintOf returns what can be done about err, or "" if err does not say.
func HintOf(err error) string {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Hint
	}
	return ""
}

func retryAfterOf(err error) time.Duration {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.RetryAfter
	}
	return 0
}
