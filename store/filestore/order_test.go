package filestore

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"xfer/engine"
)

// What a power cut leaves is decided by the order of these calls: a folder that was
// made before what is in it, bytes before the name, the name before the word.
func TestOrderOfCalls(t *testing.T) {
	for way, want := range map[string][]string{
		"put": {
			"sync folder", "sync folder", // that hold the two new ones
			"write", "sync file", "rename", "sync folder",
		},
		"upload": {
			"sync folder", "sync folder",
			"allocate", "sync file", "sync folder", // begun
			"write", "syncData", "write", "syncData", "write", "syncData",
			"sync file", "rename", "sync folder",
		},
	} {
		dir := t.TempDir()
		var got []string
		d := open(t, dir, func(call string) error {
			got = append(got, call)
			return nil
		})
		at, data := filepath.Join(dir, "new", "folder", "file"), []byte("0123456789")
		var err error
		if way == "put" {
			_, err = d.Put(t.Context(), at, engine.Pin{Size: 10}, bodyOf(data))
		} else {
			err = send(t.Context(), d, at, data)
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", way, diff)
		}
	}
}

// Someone put another file under the name of ours: it must not become the target,
// nor count for what was written to ours.
func TestForeignTemporaryFileIsNotTaken(t *testing.T) {
	for _, way := range []string{"put", "upload"} {
		dir := t.TempDir()
		swapped := false
		d := open(t, dir, func(call string) error {
			if call != "write" || swapped {
				return nil
			}
			swapped = true
			names, err := filepath.Glob(filepath.Join(dir, ".xfer-*"))
			if err != nil || len(names) != 1 {
				t.Fatal(names, err)
			}
			return errors.Join(os.Remove(names[0]), os.WriteFile(names[0], []byte("theirs"), 0o600))
		})
		at, data := filepath.Join(dir, "file"), bytes.Repeat([]byte("x"), 6)
		var err error
		if way == "put" {
			_, err = d.Put(t.Context(), at, engine.Pin{Size: 6}, bodyOf(data))
		} else {
			err = send(t.Context(), d, at, data)
		}
		if !swapped {
			t.Fatalf("%s: nothing was swapped", way)
		}
		if !errors.Is(err, engine.ErrUploadGone) {
			t.Errorf("%s: got %v, want %v", way, err, engine.ErrUploadGone)
		}
		if got, err := os.ReadFile(at); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %q, %v", way, got, err)
		}
	}
}
