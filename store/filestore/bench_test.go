package filestore_test

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"

	"xfer/engine"
	"xfer/store/filestore"
)

// Puts of small files at once into one folder, which share the folder's syncs.
func BenchmarkPut64KiB(b *testing.B) {
	dir := b.TempDir()
	d, err := filestore.New(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	data := make([]byte, 64<<10)
	var serial atomic.Int64
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			at := filepath.Join(dir, fmt.Sprintf("file-%d", serial.Add(1)))
			body := engine.NewBody(bytes.NewReader(data), int64(len(data)), engine.Checksum{}, nil)
			if _, err := d.Put(b.Context(), at, engine.Pin{Size: int64(len(data))}, body); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// Parts of one large file at once, each synced before it counts.
func BenchmarkPutPart16MiB(b *testing.B) {
	const partSize, count = 16 << 20, 16
	dir := b.TempDir()
	d, err := filestore.New(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	data := make([]byte, partSize)
	at, pin := filepath.Join(dir, "file"), engine.Pin{Size: count * partSize}
	id, err := d.Begin(b.Context(), at, pin)
	if err != nil {
		b.Fatal(err)
	}
	u := engine.Upload{ID: id, Destination: at, PartSize: partSize}
	var serial atomic.Int32
	b.SetBytes(partSize)
	b.ReportAllocs()
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			number := serial.Add(1)%count + 1
			start := int64(number-1) * partSize
			body := engine.NewBody(bytes.NewReader(data), partSize, engine.Checksum{}, nil)
			if _, err := d.PutPart(b.Context(), u, pin, number, engine.Range{Start: start, End: start + partSize}, body); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// A range of a file that is in the page cache, through its sum.
func BenchmarkRead16MiB(b *testing.B) {
	path := filepath.Join(b.TempDir(), "file")
	const size = 16 << 20
	if err := putZeros(b, path, size); err != nil {
		b.Fatal(err)
	}
	pin, err := filestore.Source{}.Stat(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 256<<10)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		r, err := filestore.Source{}.OpenRange(b.Context(), path, pin, engine.Range{End: size})
		if err != nil {
			b.Fatal(err)
		}
		body := engine.NewBody(r, size, engine.Checksum{}, nil)
		if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, body, buf); n != size || err != nil {
			b.Fatal(n, err)
		}
		r.Close()
	}
}

func putZeros(b *testing.B, path string, size int64) error {
	d, err := filestore.New(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = d.Put(b.Context(), path, engine.Pin{Size: size}, engine.NewBody(bytes.NewReader(make([]byte, size)), size, engine.Checksum{}, nil))
	return err
}
