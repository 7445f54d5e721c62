package filestore

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"xfer/engine"
)

func TestTranslate(t *testing.T) {
	for number, want := range map[syscall.Errno]error{
		syscall.ENOSPC:       engine.ErrNoSpace,
		syscall.EDQUOT:       engine.ErrNoSpace,
		syscall.EACCES:       engine.ErrDenied,
		syscall.EPERM:        engine.ErrDenied,
		syscall.EROFS:        engine.ErrDenied,
		syscall.EMFILE:       engine.ErrThrottled,
		syscall.ENFILE:       engine.ErrThrottled,
		syscall.ENAMETOOLONG: engine.ErrRefused,
		syscall.EISDIR:       engine.ErrRefused,
		syscall.EFBIG:        engine.ErrRefused,
	} {
		err := translate(&fs.PathError{Op: "openat", Path: "x", Err: number})
		if !errors.Is(err, want) || !errors.Is(err, number) {
			t.Errorf("%v: got %v, want %v", number, err, want)
		}
	}
	for _, passing := range []error{syscall.EIO, syscall.ESTALE, errors.New("other"), nil} {
		if got := translate(passing); !errors.Is(got, passing) || (got != nil && got.Error() != passing.Error()) {
			t.Errorf("%v became %v", passing, got)
		}
	}
}

// Finished files have the mode that the umask leaves; those on their way are
// nobody else's.
func TestModes(t *testing.T) {
	dir := t.TempDir()
	var during []fs.FileMode
	d := open(t, dir, func(call string) error {
		if call == "write" {
			entries, err := os.ReadDir(dir)
			if err != nil {
				return err
			}
			for _, entry := range entries {
				info, err := entry.Info()
				if err != nil {
					return err
				}
				during = append(during, info.Mode())
			}
		}
		return nil
	})
	old := syscall.Umask(0o026)
	defer syscall.Umask(old)
	if _, err := d.Put(t.Context(), dir+"/file", engine.Pin{Size: 1}, bodyOf([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	if len(during) != 1 || during[0] != 0o600 {
		t.Errorf("while written: %v", during)
	}
	if info, err := os.Stat(dir + "/file"); err != nil || info.Mode() != 0o640 {
		t.Errorf("finished: %v, %v", info.Mode(), err)
	}
}
