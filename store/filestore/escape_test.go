package filestore_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"xfer/engine"
	"xfer/store/filestore"
)

func put(ctx context.Context, d *filestore.Destination, at, text string) error {
	size := int64(len(text))
	_, err := d.Put(ctx, at, engine.Pin{Size: size}, engine.NewBody(strings.NewReader(text), size, engine.Checksum{}, nil))
	return err
}

func newDestination(t *testing.T, dir string) *filestore.Destination {
	t.Helper()
	d, err := filestore.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestPlacesThatAreNoPathsAreRefused(t *testing.T) {
	above := t.TempDir()
	dir := filepath.Join(above, "root")
	d := newDestination(t, dir)
	for _, key := range []string{
		"../x", "a/../../x", "a/../x", "..", ".", "./x", "a//x", "//x", "/", "a\x00b", "",
		".xfer-0123456789abcdef-put.part", ".xfer-x.part/y",
		strings.Repeat("n", 256), strings.Repeat("n", 256) + "/x", strings.Repeat("nn/", 2000) + "x",
	} {
		at := dir + "/" + key
		if err := put(t.Context(), d, at, "x"); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("put %.40q: got %v, want %v", key, err, engine.ErrRefused)
		}
		if _, err := d.Begin(t.Context(), at, engine.Pin{Size: 1}); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("begin %.40q: got %v, want %v", key, err, engine.ErrRefused)
		}
	}
	for _, at := range []string{"root/x", above + "/rootx", "file://host" + dir + "/x", "s3://bucket/x", dir} {
		if err := put(t.Context(), d, at, "x"); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("put %q: got %v, want %v", at, err, engine.ErrRefused)
		}
	}
	entries, err := os.ReadDir(above)
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the root: %v, %v", entries, err)
	}
	for _, key := range []string{"...", "a b/ü", "-rf", "x\ny", `C:\x`, "..x/y..", "100%41"} {
		if err := put(t.Context(), d, "file://"+dir+"/"+key, key); err != nil {
			t.Errorf("put %q: %v", key, err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, key)); err != nil || string(got) != key {
			t.Errorf("%q: got %q, %v", key, got, err)
		}
	}
}

func TestPlantedLinksLeadNowhere(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	d := newDestination(t, dir)
	if err := os.WriteFile(filepath.Join(outside, "file"), []byte("theirs"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "inner"), 0o777); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{
		"out": outside, "in": "inner", "dangling": filepath.Join(outside, "made"), "file": filepath.Join(outside, "file"), "loop": "loop",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"out/file", "out/new", "in/x", "dangling/x", "loop/x", "out/"} {
		text := "ours"
		if strings.HasSuffix(key, "/") {
			text = ""
		}
		if err := put(t.Context(), d, dir+"/"+key, text); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("put %s: got %v, want %v", key, err, engine.ErrRefused)
		}
	}
	if err := put(t.Context(), d, dir+"/file", "ours"); err != nil {
		t.Errorf("put over a link: %v", err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "file")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the link was not replaced: %v, %v", info, err)
	}
	entries, err := os.ReadDir(outside)
	got, _ := os.ReadFile(filepath.Join(outside, "file"))
	if err != nil || len(entries) != 1 || string(got) != "theirs" {
		t.Errorf("outside: %v, %q, %v", entries, got, err)
	}
}

// An upload's ID comes from a job file, which someone may have written by hand.
func TestForeignUploadIDsAreGone(t *testing.T) {
	dir := t.TempDir()
	d := newDestination(t, filepath.Join(dir, "root"))
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("1"), 0o666); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, "root", "x")
	mine, err := d.Begin(t.Context(), at, engine.Pin{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "../victim", "x", mine + "/../../victim", strings.Replace(mine, "-", "-0", 1)} {
		u := engine.Upload{ID: id, Destination: at, PartSize: 1}
		_, err := d.PutPart(t.Context(), u, engine.Pin{Size: 1}, 1, engine.Range{End: 1}, engine.NewBody(strings.NewReader("x"), 1, engine.Checksum{}, nil))
		if !errors.Is(err, engine.ErrUploadGone) {
			t.Errorf("part of %q: got %v, want %v", id, err, engine.ErrUploadGone)
		}
		if err := d.Abort(t.Context(), u); err != nil {
			t.Errorf("abort %q: %v", id, err)
		}
	}
	if got, _ := os.ReadFile(victim); !bytes.Equal(got, []byte("1")) {
		t.Errorf("victim: %q", got)
	}
	if left := temps(t, dir); len(left) != 1 {
		t.Errorf("temporary files: %q", left)
	}
}

func TestFoldersAndFilesInTheWay(t *testing.T) {
	dir := t.TempDir()
	d := newDestination(t, dir)
	if err := put(t.Context(), d, dir+"/folder/", ""); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "folder")); err != nil || !info.IsDir() {
		t.Errorf("marker: %v, %v", info, err)
	}
	if err := put(t.Context(), d, dir+"/file", "x"); err != nil {
		t.Fatal(err)
	}
	for key, text := range map[string]string{"folder": "x", "file/x": "x", "file/": "", "other/": "x"} {
		if err := put(t.Context(), d, dir+"/"+key, text); !errors.Is(err, engine.ErrRefused) {
			t.Errorf("put %s: got %v, want %v", key, err, engine.ErrRefused)
		}
	}
	if left := temps(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if _, err := filestore.New(dir + "/file"); !errors.Is(err, engine.ErrNoStore) {
		t.Errorf("a file as root: got %v, want %v", err, engine.ErrNoStore)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := put(t.Context(), d, dir+"/late/x", "x"); !errors.Is(err, engine.ErrNoStore) {
		t.Errorf("root removed: got %v, want %v", err, engine.ErrNoStore)
	}
}
