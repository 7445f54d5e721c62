package filestore_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"xfer/engine"
	"xfer/store/filestore"
)

func TestPutThenOpenGivesTheSameBytes(t *testing.T) {
	dir := t.TempDir()
	d, err := filestore.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	data := bytes.Repeat([]byte("tide"), 100_000)
	at := filepath.Join(dir, "a/b/c.txt")
	stored, err := d.Put(t.Context(), at, engine.Pin{Size: int64(len(data))}, engine.NewBody(bytes.NewReader(data), int64(len(data)), engine.Checksum{}, nil))
	if err != nil {
		t.Fatal(err)
	}
	pin, r, err := filestore.Source{}.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if pin.ETag != stored.ETag {
		t.Errorf("stored as %s, read as %s", stored.ETag, pin.ETag)
	}
	if info, _ := os.Stat(at); info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v", info.Mode())
	}
}
