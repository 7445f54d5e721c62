package filestore_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xfer/engine"
	"xfer/store/filestore"
)

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// Whoever touches a file while it is read is found out before the last byte.
func TestTouchedFilesAreNotReadToTheirEnd(t *testing.T) {
	data := bytes.Repeat([]byte("sand"), 50_000)
	ways := map[string]func(path string) error{
		"grown": func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteString("more")
			return err
		},
		"shrunk": func(path string) error { return os.Truncate(path, 1000) },
		"rewritten, time set back": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte("silt"), 150_000); err != nil {
				return err
			}
			return os.Chtimes(path, info.ModTime(), info.ModTime())
		},
	}
	for way, touch := range ways {
		t.Run(way, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.tif")
			write(t, path, data)
			pin, r, err := filestore.Source{}.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			if err := touch(path); err != nil {
				t.Fatal(err)
			}
			body := engine.NewBody(r, pin.Size-1000, engine.Checksum{}, nil)
			if n, err := io.Copy(io.Discard, body); !errors.Is(err, engine.ErrSourceChanged) || n >= body.Size() {
				t.Errorf("%d of %d bytes, %v", n, body.Size(), err)
			}
			if _, err := (filestore.Source{}).OpenRange(t.Context(), path, pin, engine.Range{End: 1}); !errors.Is(err, engine.ErrSourceChanged) {
				t.Errorf("opened again: got %v, want %v", err, engine.ErrSourceChanged)
			}
		})
	}
}

// A file that was replaced is still read whole by those who opened it before.
func TestReplacedFilesAreChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, []byte("old"))
	pin, err := filestore.Source{}.Stat(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path+".new", []byte("new"))
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if _, err := (filestore.Source{}).OpenRange(t.Context(), path, pin, engine.Range{End: 3}); !errors.Is(err, engine.ErrSourceChanged) {
		t.Errorf("got %v, want %v", err, engine.ErrSourceChanged)
	}
}

func TestOnlyRegularFilesAreRead(t *testing.T) {
	dir := t.TempDir()
	pipe, socket, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, path := range []string{pipe, socket, dir, "/dev/null"} {
		if _, _, err := (filestore.Source{}).Open(t.Context(), path); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("open %s: got %v, want %v", path, err, engine.ErrRefused)
		}
	}
	write(t, filepath.Join(dir, "real.tif"), []byte("x"))
	if err := os.Symlink("real.tif", link); err != nil {
		t.Fatal(err)
	}
	if pin, err := (filestore.Source{}).Stat(t.Context(), link); err != nil || pin.Size != 1 || !pin.Local {
		t.Errorf("a link that was named: %+v, %v", pin, err)
	}
}

func TestWalkIsInKeyOrderAndReportsWhatItSkips(t *testing.T) {
	dir := t.TempDir()
	for _, rel := range []string{"b", "a/z", "a-b", "a/b/c", "a.txt", ".xfer-0123456789abcdef-put.part", "a/.xfer-0123456789abcdef-0badcafe.part", "é"} {
		write(t, filepath.Join(dir, rel), []byte(rel))
	}
	if err := os.Symlink("..", filepath.Join(dir, "a", "loop")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o666); err != nil {
		t.Fatal(err)
	}
	var files, skipped []string
	for entry, err := range filestore.Walk(t.Context(), dir) {
		switch {
		case errors.Is(err, engine.ErrRefused):
			skipped = append(skipped, entry.Rel)
		case err != nil:
			t.Fatal(err)
		default:
			files = append(files, entry.Rel)
			if entry.Path != filepath.Join(dir, entry.Rel) || entry.Size != int64(len(entry.Rel)) {
				t.Errorf("entry %+v", entry)
			}
		}
	}
	if diff := cmp.Diff([]string{"a-b", "a.txt", "a/b/c", "a/z", "b", "é"}, files); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a/loop", "pipe"}, skipped); diff != "" {
		t.Error(diff)
	}
	for entry, err := range filestore.Walk(t.Context(), filepath.Join(dir, "none")) {
		if !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("%+v, %v", entry, err)
		}
	}
	for _, err := range filestore.Walk(t.Context(), dir) {
		if err != nil {
			t.Error(err)
		}
		break // and the walk ends
	}
}
