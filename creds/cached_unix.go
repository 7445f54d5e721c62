//go:build unix

package creds

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockFile takes an exclusive lock, or none if ctx is done before or the file
// system has no locks.
func lockFile(ctx context.Context, path string) (unlock func()) {
	none := func() {}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return none
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() } // which gives the lock back
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			_ = f.Close()
			return none
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = f.Close()
			return none
		}
	}
}
