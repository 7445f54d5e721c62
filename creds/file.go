package creds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"time"
)

// pastedLife is what keys get whose expiry has no zone, counted from when their
// file was written. It is the default session of STS, which the pages that show
// such times hand out.
const pastedLife = time.Hour

// keyFile reads keys from a file, anew at each Fetch.
type keyFile struct {
	path string
}

func (f *keyFile) Fetch(context.Context) (Keys, error) {
	data, written, err := readPrivate(f.path)
	if err != nil {
		return Keys{}, err
	}
	k, err := parseKeys(data)
	if errors.Is(err, errZoneless) {
		k.Expires, err = written.Add(pastedLife), nil
	}
	if err != nil {
		return Keys{}, &Fault{
			Kind: ErrSetup,
			Text: fmt.Sprintf("read keys from %s: %v", f.path, err),
			Hint: "it may hold JSON, NAME=value lines with or without export, or the text copied from the page that shows the keys",
		}
	}
	k.From = f.path
	return k, nil
}

// readPrivate reads a file with secrets, at most longestAnswer bytes, and tells
// when it was written. It refuses one that others may read.
func readPrivate(path string) (data []byte, written time.Time, err error) {
	fault := func(text, hint string) ([]byte, time.Time, error) {
		return nil, time.Time{}, &Fault{Kind: ErrSetup, Text: fmt.Sprintf("read %s: %s", path, text), Hint: hint}
	}
	// Looked at before it is opened: opening a pipe would wait for its writer.
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault("there is no such file", "")
	case err != nil:
		return fault(errors.Unwrap(err).Error(), "")
	case !info.Mode().IsRegular():
		return fault("it is not a regular file", "")
	}
	file, err := os.Open(path)
	if err != nil {
		return fault(errors.Unwrap(err).Error(), "")
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return fault(errors.Unwrap(err).Error(), "")
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fault(fmt.Sprintf("others on this machine may read it (mode %04o)", mode), "chmod 600 "+path)
	}
	data, err = io.ReadAll(io.LimitReader(file, longestAnswer+1))
	switch {
	case err != nil:
		return fault("reading it failed", "")
	case len(data) > longestAnswer:
		return fault("it is too big to be a file of keys", "")
	}
	return data, info.ModTime(), nil
}
