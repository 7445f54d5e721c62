//go:build unix

package main

import "golang.org/x/sys/unix"

// keepSecretsOutOfCores forbids core files of a process that holds keys. Where
// that is refused there is nothing to be done about it.
func keepSecretsOutOfCores() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
