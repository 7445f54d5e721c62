package creds

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A Provider gets keys from one place for one identity.
type Provider interface {
	// Fetch goes to where the keys come from and returns what it finds there,
	// even if that is what it returned before. It must return soon after ctx is
	// done. A failure that another try will not mend is a *Fault of a terminal
	// kind; every other error counts as passing. Fetch is called by one goroutine
	// at a time.
	Fetch(ctx context.Context) (Keys, error)
}

// Keys are one set of S3 keys as a vendor handed them out.
type Keys struct {
	AccessKeyID     string
	SecretAccessKey Secret
	SessionToken    Secret // empty for long-term keys
	AccountID       string // empty if the vendor does not say

	// Expires is when the keys die by the vendor's clock. Zero: the vendor does
	// not say, and only a rejection will tell.
	Expires time.Time
	// VendorNow is what the vendor's clock said when the keys arrived. Zero: the
	// vendor shares the local clock.
	VendorNow time.Time
	// Renewable reports whether fetching again can bring newer keys without
	// somebody doing something, such as pasting them.
	Renewable bool
	// From names where the keys come from, a host, a path or a command. It is
	// safe to print.
	From string
	// Hint says how somebody gets new keys to where these come from. Empty: by
	// putting them there while the job runs.
	Hint string
	// Anonymous marks the absence of keys that is wanted: requests go unsigned.
	Anonymous bool
}

// longestLife is the longest role session AWS grants. What claims to live longer
// is looked at again after this time.
const longestLife = 12 * time.Hour

// life is how long the keys have left at the moment arrived. Zero means the end
// is not known.
func (k Keys) life(arrived time.Time) time.Duration {
	if k.Expires.IsZero() {
		return 0
	}
	now := k.VendorNow
	if now.IsZero() {
		now = arrived
	}
	return min(k.Expires.Sub(now), longestLife)
}

// check reports why the keys cannot be used, or nil.
func (k Keys) check(arrived time.Time) error {
	if k.Anonymous {
		return nil
	}
	if k.AccessKeyID == "" || k.SecretAccessKey.Empty() {
		return &Fault{Kind: ErrSetup, Text: fmt.Sprintf("keys from %s are incomplete", k.From)}
	}
	if k.Expires.IsZero() || k.life(arrived) > 0 {
		return nil
	}
	if k.Renewable {
		return fmt.Errorf("keys from %s had already expired when they arrived", k.From)
	}
	return &Fault{
		Kind: ErrExpiring,
		Text: fmt.Sprintf("keys from %s have expired", k.From),
		Hint: k.replaceHint(),
	}
}

// credentials is the form in which the SDK signs with the keys. died is the
// local time of their end; zero if that is not known.
func (k Keys) credentials(died time.Time) aws.Credentials {
	return aws.Credentials{
		AccessKeyID:     k.AccessKeyID,
		SecretAccessKey: k.SecretAccessKey.Reveal(),
		SessionToken:    k.SessionToken.Reveal(),
		AccountID:       k.AccountID,
		Source:          "xfer: " + k.From,
		CanExpire:       !died.IsZero(),
		Expires:         died,
	}
}

// suffix is the part of an access key id that events show.
func suffix(accessKeyID string) string {
	return accessKeyID[max(0, len(accessKeyID)-4):]
}

// replaceHint says how the keys are replaced by hand.
func (k Keys) replaceHint() string {
	return cmp.Or(k.Hint, fmt.Sprintf("put new keys into %s; they are picked up without a restart", k.From))
}

// environmentHint is the Hint of keys from the environment, which a running
// process cannot be given anew.
const environmentHint = "interrupt, put new keys into the environment and run the same command again; the job goes on where it was"
