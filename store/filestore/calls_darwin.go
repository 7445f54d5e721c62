package filestore

import (
	"os"
	"syscall"
	"time"
)

// maxPath is how many bytes the kernel takes for a path, the final zero byte
// included (PATH_MAX).
const maxPath = 1024

func changed(sys *syscall.Stat_t) time.Time { return time.Unix(sys.Ctimespec.Unix()) }

// syncData makes the bytes of a file durable. Darwin tells data and metadata not
// apart.
func syncData(f *os.File) error { return f.Sync() }

// allocate gives a file its size. The space is found to be missing only in
// writing.
func allocate(f *os.File, size int64) error { return f.Truncate(size) }
