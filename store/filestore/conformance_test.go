package filestore_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xfer/internal/storetest"
	"xfer/store/filestore"
)

func TestConformance(t *testing.T) {
	dir := t.TempDir()
	d, err := filestore.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	storetest.Run(t, storetest.Harness{
		Source:      filestore.Source{},
		Destination: d,
		Place:       func(name string) string { return filepath.Join(dir, name) },
		Seed: func(t *testing.T, at string, data []byte) {
			if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, data, 0o666); err != nil {
				t.Fatal(err)
			}
		},
		Look:      look,
		Leftovers: func(t *testing.T) []string { return temps(t, dir) },
		PartSize:  300_000,
	})
}

func look(t *testing.T, at string) ([]byte, bool) {
	data, err := os.ReadFile(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return data, true
}

// temps lists the temporary files below dir.
func temps(t testing.TB, dir string) []string {
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if strings.HasPrefix(entry.Name(), ".xfer-") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return found
}
