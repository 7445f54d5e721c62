package filestore

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxPath is how many bytes the kernel takes for a path, the final zero byte
// included (PATH_MAX).
const maxPath = 4096

func changed(sys *syscall.Stat_t) time.Time { return time.Unix(sys.Ctim.Unix()) }

// syncData makes the bytes of a file durable, and of its metadata what is needed
// to read them again (fdatasync(2)).
func syncData(f *os.File) error {
	return control(f, "fdatasync", unix.Fdatasync)
}

// allocate gives a file its size and the space for it.
func allocate(f *os.File, size int64) error {
	err := control(f, "fallocate", func(fd int) error { return unix.Fallocate(fd, 0, 0, size) })
	if err != nil && unsupported(err) {
		return f.Truncate(size) // as on NFS before 4.2: space is found to be missing only in writing
	}
	return err
}
