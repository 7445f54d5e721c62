package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"xfer/engine"
)

// sample makes a job file with something in every bucket, and gives its bytes.
func sample(t testing.TB, rows int) []byte {
	t.Helper()
	dir := t.TempDir()
	list := filepath.Join(dir, "list.txt")
	writeLong(t, list, rows)
	path := filepath.Join(dir, "job.xfer")
	j, err := OpenList(t.Context(), path, listOf(list), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var results []engine.Result
	for id := uint64(1); id <= uint64(rows)/2; id++ {
		results = append(results, copiedRow(engine.Object{ID: id}, `"etag"`, 10))
	}
	results = append(results, engine.Result{Object: engine.Object{ID: uint64(rows)}, Status: engine.Failed, Err: errors.New("no")})
	settle(t, j, results...)
	for id := uint64(rows)/2 + 1; id < uint64(rows)/2+40; id++ {
		begin(t, j, id, 3)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// begin gives a row an upload with that many parts.
func begin(t testing.TB, j *Job, id uint64, parts int) {
	t.Helper()
	pin := engine.Pin{Size: int64(parts) * 5, ETag: `"p"`, Metadata: engine.Metadata{User: map[string]string{"a": "b"}}}
	if err := j.Intend(t.Context(), id, pin, 5, time.Unix(1000, 5)); err != nil {
		t.Fatal(err)
	}
	if err := j.Begun(t.Context(), id, fmt.Sprint("upload-", id)); err != nil {
		t.Fatal(err)
	}
	var receipts []engine.Receipt
	for n := range parts {
		receipts = append(receipts, engine.Receipt{ObjectID: id, Number: int32(n + 1), Size: 5, ETag: `"t"`, CRC: uint64(n)})
	}
	if err := j.Record(t.Context(), receipts); err != nil {
		t.Fatal(err)
	}
}

// use does with a job file all that can be done with one, whatever it holds.
// It returns the first error. Anything but an error, a panic or a hang, is a
// finding.
func use(t testing.TB, path string) error {
	ctx := t.Context()
	j, err := Inspect(ctx, path)
	if err != nil {
		return err
	}
	err = errors.Join(look(t, j), j.Close())
	if j, failed := Open(ctx, path, Options{}); failed != nil {
		err = errors.Join(err, failed)
	} else {
		err = errors.Join(err, j.Start(ctx))
		for id := uint64(1); id < 700; id += 173 {
			err = errors.Join(err,
				j.Intend(ctx, id, engine.Pin{Size: 1}, 1, time.Now()), j.Begun(ctx, id, "u"),
				j.Record(ctx, []engine.Receipt{{ObjectID: id, Number: 1, Size: 1}}), j.Completing(ctx, id),
				j.Settle(ctx, []engine.Result{copiedRow(engine.Object{ID: id}, "e", 1)}))
		}
		err = errors.Join(err, look(t, j), j.Close())
	}
	return err
}

// look reads all pages of all kinds.
func look(t testing.TB, j *Job) error {
	ctx := t.Context()
	var all error
	read := func(page func(after uint64) (uint64, error)) {
		for after, pages := uint64(0), 0; ; pages++ {
			last, err := page(after)
			all = errors.Join(all, err)
			if err != nil || last == 0 || pages > 1000 {
				return
			}
			after = last
		}
	}
	read(func(after uint64) (uint64, error) {
		page, err := j.Pending(ctx, after)
		return lastOf(page, func(p engine.Pending) uint64 { return p.ID }), err
	})
	read(func(after uint64) (uint64, error) {
		page, err := j.Failed(ctx, after)
		return lastOf(page, func(f Failure) uint64 { return f.ID }), err
	})
	read(func(after uint64) (uint64, error) {
		page, err := j.Done(ctx, after)
		return lastOf(page, func(o Outcome) uint64 { return o.ID }), err
	})
	read(func(after uint64) (uint64, error) {
		page, err := j.Uploads(ctx, after)
		for _, u := range page {
			if _, failed := j.Receipts(ctx, u.ID); failed != nil {
				err = failed
			}
		}
		return lastOf(page, func(u OpenUpload) uint64 { return u.ID }), err
	})
	return all
}

func lastOf[T any](page []T, id func(T) uint64) uint64 {
	if len(page) == 0 {
		return 0
	}
	return id(page[len(page)-1])
}

func writeFile(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "job.xfer")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRefusesWhatIsNoJobFile(t *testing.T) {
	good := sample(t, 700)
	withFormat := func(value []byte) []byte {
		path := writeFile(t, good)
		db, err := bbolt.Open(path, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketJob).Put(keyFormat, value) }); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	newer := binary.BigEndian.AppendUint32([]byte(magic), formatVersion+1)
	newer = binary.BigEndian.AppendUint32(newer, checksum(keyFormat, newer))
	zeroed := bytes.Clone(good)
	clear(zeroed[16 : 16+64])
	clear(zeroed[os.Getpagesize()+16 : os.Getpagesize()+80])
	torn := bytes.Clone(zeroed)
	binary.NativeEndian.PutUint32(torn[16:], boltMagic)

	foreign := filepath.Join(t.TempDir(), "foreign")
	db, err := bbolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, path string
		want       error
		says       string
	}{
		{"directory", t.TempDir(), ErrForeign, "not a regular file"},
		{"missing", filepath.Join(t.TempDir(), "none"), os.ErrNotExist, "none"},
		{"empty", writeFile(t, nil), ErrTruncated, "empty"},
		{"text", writeFile(t, []byte(strings.Repeat("s3://a/b\n", 5000))), ErrForeign, "does not begin as one"},
		{"one byte", writeFile(t, []byte("x")), ErrForeign, "too short"},
		{"other database", foreign, ErrForeign, "another program's"},
		{"other magic", writeFile(t, withFormat([]byte("something"))), ErrForeign, "another program's"},
		{"newer", writeFile(t, withFormat(newer)), ErrVersion, "written by a newer xfer (format 2, this one reads 1)"},
		{"format cut", writeFile(t, withFormat([]byte(magic+"x"))), ErrCorrupt, "format record"},
		{"meta pages zeroed", writeFile(t, zeroed), ErrForeign, "does not begin as one"},
		{"meta pages torn", writeFile(t, torn), ErrCorrupt, "neither of its first pages"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, open := range []func() (*Job, error){
				func() (*Job, error) { return Inspect(t.Context(), test.path) },
				func() (*Job, error) { return Open(t.Context(), test.path, Options{}) },
			} {
				if _, err := open(); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("error = %v", err)
				}
			}
		})
	}
}

func TestOneTornMetaPageIsNoDamage(t *testing.T) {
	for page := range 2 {
		data := bytes.Clone(sample(t, 700))
		clear(data[page*os.Getpagesize()+16 : page*os.Getpagesize()+80])
		if err := use(t, writeFile(t, data)); err != nil {
			t.Errorf("page %d: %v", page, err)
		}
	}
}

func TestRefusesTruncatedFiles(t *testing.T) {
	good := sample(t, 3000)
	path := writeFile(t, good)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	meta, err := readMeta(f, int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	needed := int(meta.highWater) * int(meta.pageSize)
	for n := needed - 1; n >= 0; n -= max(1, n/97) {
		if err := os.WriteFile(path, good[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), path, Options{})
		if !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut to %d of %d bytes: %v", n, needed, err)
		}
	}
	if err := os.WriteFile(path, good[:needed], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := use(t, path); err != nil {
		t.Errorf("nothing that is needed was cut: %v", err)
	}
}

// TestOpeningTightensTheMode and never leaves a lock behind after a refusal.
func TestOpeningTightensTheMode(t *testing.T) {
	path := writeFile(t, sample(t, 700))
	j, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v", info.Mode(), err)
	}
	bad := writeFile(t, []byte("x"))
	if _, err := Open(t.Context(), bad, Options{}); err == nil {
		t.Error("opened")
	}
	if _, err := os.Stat(bad + ".lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("lock after a refusal: %v", err)
	}
}

// FuzzDamage changes bytes of a job file. Whatever it is, using the file ends,
// with or without an error.
func FuzzDamage(f *testing.F) {
	good := sample(f, 700)
	f.Add(uint32(20), []byte{1}, uint32(5000), []byte{0xff})
	f.Add(uint32(8192+8), []byte{1, 0}, uint32(3*4096+8), []byte{1})
	f.Add(uint32(4*4096), []byte{0xff, 0xff, 0xff, 0xff}, uint32(0), []byte{})
	f.Fuzz(func(t *testing.T, at1 uint32, b1 []byte, at2 uint32, b2 []byte) {
		data := bytes.Clone(good)
		copy(data[int(at1)%len(data):], b1)
		copy(data[int(at2)%len(data):], b2)
		_ = use(t, writeFile(t, data))
	})
}
