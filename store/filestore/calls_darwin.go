package filestore

import (
	"os"
	"syscall"
	"time"
)

func changed(sys *syscall.Stat_t) time.Time { return time.Unix(sys.Ctimespec.Unix()) }

// syncData makes the bytes of a file durable. Darwin tells data and metadata not
// apart.
func syncData(f *os.File) error { return f.Sync() }

// allocate gives a file its size. The space is found to be missing only in
// writing.
func allocate(f *os.File, size int64) error { return f.Truncate(size) }
