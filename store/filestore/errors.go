package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"xfer/engine"
)

// translate puts the engine's word before an error of the operating system, by
// its number. What has no word is left as it is: passing trouble. A missing file
// means different things to reading and to writing, so callers ask for that first.
func translate(err error) error {
	var number syscall.Errno
	if err == nil || !errors.As(err, &number) {
		return err
	}
	if word := word(number); word != nil {
		return fmt.Errorf("%w: %w", word, err)
	}
	return err
}

func word(number syscall.Errno) error {
	switch number {
	case syscall.ENOSPC, syscall.EDQUOT:
		return engine.ErrNoSpace
	case syscall.EACCES, syscall.EPERM, syscall.EROFS:
		return engine.ErrDenied
	case syscall.EMFILE, syscall.ENFILE:
		return engine.ErrThrottled // fewer files at once is all that helps
	case syscall.ENAMETOOLONG, syscall.EILSEQ, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP, syscall.EFBIG, syscall.EMLINK:
		return engine.ErrRefused
	}
	return nil
}

// missing reports whether err says that a file or a folder on the way to it is
// not there.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// unsupported reports whether err says that the file system lacks the call.
func unsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOLCK)
}
