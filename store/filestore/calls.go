package filestore

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// calls are the system calls whose failure decides what becomes of a file. A
// Destination makes them through these fields, so that each can be made to fail.
type calls struct {
	write    func(f *os.File, p []byte, at int64) (int, error)
	allocate func(f *os.File, size int64) error
	syncData func(f *os.File) error
	sync     func(f *os.File) error // of a file or a folder
	rename   func(in *os.Root, from, to string) error
}

func systemCalls() calls {
	return calls{
		write:    (*os.File).WriteAt,
		allocate: allocate,
		syncData: syncData,
		sync:     (*os.File).Sync,
		rename:   (*os.Root).Rename,
	}
}

// lock claims an open file for this process, until it is closed. held is true if
// someone else has it. File systems without locks let everyone have it.
func lock(f *os.File) (held bool, err error) {
	err = control(f, "flock", func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return true, nil
	case err != nil && unsupported(err):
		return false, nil
	}
	return false, err
}

// control makes a system call on the descriptor of f, again if a signal broke in.
func control(f *os.File, name string, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = conn.Control(func(fd uintptr) {
		for {
			if result = call(int(fd)); !errors.Is(result, unix.EINTR) {
				return
			}
		}
	})
	if err == nil {
		err = result
	}
	return os.NewSyscallError(name, err)
}
