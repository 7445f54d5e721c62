package filestore

import (
	"fmt"
	"io/fs"
	"mime"
	"path/filepath"
	"syscall"
	"time"

	"xfer/engine"
)

// etag tells one version of a file from another: by device, inode, size, and the
// times of its last write and of its last change of any kind, the second of which
// no program can set back.
func etag(info fs.FileInfo) string {
	sys := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf(`"%x-%x-%x-%x-%x"`, sys.Dev, sys.Ino, info.Size(), info.ModTime().UnixNano(), changed(sys).UnixNano())
}

// changedAt is when the kernel last noted a change of the file.
func changedAt(info fs.FileInfo) time.Time { return changed(info.Sys().(*syscall.Stat_t)) }

// pin describes the version of the file at path that info is of.
func pin(path string, info fs.FileInfo) engine.Pin {
	return engine.Pin{
		Size:  info.Size(),
		ETag:  etag(info),
		Local: true,
		Metadata: engine.Metadata{
			ContentType: mime.TypeByExtension(filepath.Ext(path)),
			Modified:    info.ModTime(),
		},
	}
}

// kind names what is not a regular file.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no regular file"
}
