//go:build !unix

package creds

import "context"

// lockFile does nothing where there is no flock: two processes may then both fetch.
func lockFile(context.Context, string) (unlock func()) { return func() {} }
