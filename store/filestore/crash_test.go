package filestore_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/minio/crc64nvme"
	"pgregory.net/rapid"

	"xfer/engine"
	"xfer/store/filestore"
)

// However parts are ordered, repeated and broken off, and however often the
// process dies in between and starts again from what it recorded, the file that
// arrives is the one that was sent, and nothing is left beside it.
func TestAnyHistoryEndsInTheSameBytes(t *testing.T) {
	base := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		at := filepath.Join(dir, "deep", "file")
		data := rapid.SliceOfN(rapid.Byte(), 2, 5000).Draw(t, "data")
		pin := engine.Pin{Size: int64(len(data)), ETag: `"pin"`}
		partSize := rapid.Int64Range(1+pin.Size/40, pin.Size).Draw(t, "part size")
		count := int32((pin.Size + partSize - 1) / partSize)

		start := func() *filestore.Destination {
			d, err := filestore.New(dir)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		d := start()
		id, err := d.Begin(t.Context(), at, pin)
		if err != nil {
			t.Fatal(err)
		}
		u := engine.Upload{ID: id, Destination: at, PartSize: partSize}
		recorded := make(map[int32]engine.Receipt)
		send := func(number int32, cut bool) {
			r := engine.Range{Start: int64(number-1) * partSize, End: min(int64(number)*partSize, pin.Size)}
			from := data[r.Start:r.End]
			if cut {
				from = from[:len(from)-1]
			}
			body := engine.NewBody(bytes.NewReader(from), r.Len(), engine.Checksum{}, nil)
			tag, err := d.PutPart(t.Context(), u, pin, number, r, body)
			if (err != nil) != cut {
				t.Fatalf("part %d, cut %v: %v", number, cut, err)
			}
			if !cut {
				recorded[number] = engine.Receipt{Number: number, Size: r.Len(), ETag: tag, CRC: body.CRC()}
			}
		}
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			switch number := rapid.Int32Range(1, count).Draw(t, "part"); rapid.SampledFrom([]string{"send", "send", "cut", "die"}).Draw(t, "what") {
			case "send":
				send(number, false)
			case "cut":
				if _, have := recorded[number]; !have {
					send(number, true)
				}
			case "die":
				d.Close()
				d = start()
			}
			if _, err := os.Stat(at); !os.IsNotExist(err) {
				t.Fatalf("visible before it is whole: %v", err)
			}
		}
		var parts []engine.Receipt
		for number := int32(1); number <= count; number++ {
			if _, have := recorded[number]; !have {
				send(number, false)
			}
			parts = append(parts, recorded[number])
		}
		sum := engine.NewCRC64NVME(crc64nvme.Checksum(data))
		if _, err := d.Complete(t.Context(), u, pin, parts, sum); err != nil {
			t.Fatal(err)
		}
		d.Close()
		d = start()
		defer d.Close()
		if found, _, err := d.Resolve(t.Context(), u, pin, parts, sum); err != nil || found != engine.Done {
			t.Fatalf("resolve: %v, %v", found, err)
		}
		if got, err := os.ReadFile(at); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("got %d bytes, %v; sent %d", len(got), err, len(data))
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "deep", ".xfer-*")); len(left) > 0 {
			t.Fatalf("left behind: %q", left)
		}
	})
}
