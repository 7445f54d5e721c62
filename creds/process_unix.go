//go:build unix

package creds

import (
	"os/exec"
	"syscall"
)

// ownGroup puts the command into a process group of its own, so that an
// interrupt at the terminal does not reach it and its end takes its children
// with it.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
