package s3store_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"xfer/engine"
	"xfer/internal/s3sim"
)

var full = engine.Metadata{
	ContentType: "image/tiff", CacheControl: "no-store", ContentDisposition: `attachment; filename="a b"`,
	ContentEncoding: "gzip", ContentLanguage: "de", Expires: "Thu, 01 Dec 2030 16:00:00 GMT", StorageClass: "STANDARD_IA",
	User: map[string]string{"colour": "green", "mixed-case": "two  words"},
}

func TestPutAndOpenKeepBytesMetadataAndChecksum(t *testing.T) {
	for name, cfg := range map[string]s3sim.Config{"http": {}, "https": {TLS: true}, "cheap": s3sim.CheapConfig()} {
		for _, size := range []int{0, 1, 4095, 64 << 10, 1<<20 + 7} {
			t.Run(fmt.Sprint(name, "/", size), func(t *testing.T) {
				sim := start(t, cfg)
				s := open(t, sim)
				ctx := context.Background()
				data := randomBytes(t, size)
				for _, known := range []bool{false, true} {
					at := fmt.Sprintf("s3://b/dir/known %t", known)
					var expect engine.Checksum
					if known {
						expect = crcOf(data)
					}
					st, err := s.Put(ctx, at, engine.Pin{Metadata: full}, engine.NewBody(bytes.NewReader(data), int64(size), expect, nil))
					if err != nil {
						t.Fatal(err)
					}
					if st.Checksum != crcOf(data) || st.ETag == "" {
						t.Errorf("stored %+v, want checksum %s", st, crcOf(data))
					}
					pin, body, err := s.Open(ctx, at)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(read(t, body), data) {
						t.Error("bytes differ")
					}
					want := engine.Pin{Size: int64(size), ETag: st.ETag, Checksum: crcOf(data), Metadata: full}
					if d := cmp.Diff(want, pin, cmpopts.IgnoreFields(engine.Metadata{}, "Modified"), cmpopts.IgnoreFields(engine.Pin{}, "Version")); d != "" {
						t.Error(d)
					}
					if pin.Metadata.Modified.IsZero() {
						t.Error("no time of modification")
					}
					stat, err := s.Stat(ctx, at)
					if d := cmp.Diff(pin, stat); err != nil || d != "" {
						t.Error(err, d)
					}
				}
			})
		}
	}
}

func TestMultipartFromRangesEndsAsOneObject(t *testing.T) {
	sim := start(t, s3sim.Config{RequirePartChecksums: true})
	s := open(t, sim)
	ctx := context.Background()
	data := randomBytes(t, 5*64<<10+123)
	sim.PutObject("b", "from", data)
	pin, err := s.Stat(ctx, "s3://b/from")
	if err != nil {
		t.Fatal(err)
	}
	pin.Metadata = full
	size := s.PartSize("s3://b/to", pin.Size, 1) // raised to the least
	if size != 64<<10 {
		t.Fatalf("part size %d", size)
	}
	id, err := s.Begin(ctx, "s3://b/to", pin)
	if err != nil {
		t.Fatal(err)
	}
	u := engine.Upload{ID: id, Destination: "s3://b/to", PartSize: size}
	var parts []engine.Receipt
	for n := int32(1); ; n++ {
		span := engine.Range{Start: int64(n-1) * size, End: min(int64(n)*size, pin.Size)}
		if span.Start >= pin.Size {
			break
		}
		from, err := s.OpenRange(ctx, "s3://b/from", pin, span)
		if err != nil {
			t.Fatal(err)
		}
		body := engine.NewBody(from, span.Len(), engine.Checksum{}, nil)
		etag, err := s.PutPart(ctx, u, pin, n, span, body)
		if err != nil {
			t.Fatal(err)
		}
		from.Close()
		parts = append(parts, engine.Receipt{Number: n, Size: span.Len(), ETag: etag, CRC: body.CRC()})
	}
	sum := crcOf(data)
	if r, _, err := s.Resolve(ctx, u, pin, parts, sum); err != nil || r != engine.Open {
		t.Errorf("before Complete: %v, %v", r, err)
	}
	st, err := s.Complete(ctx, u, pin, parts, sum)
	if err != nil {
		t.Fatal(err)
	}
	if st.Checksum != sum {
		t.Errorf("checksum %s, want %s", st.Checksum, sum)
	}
	r, again, err := s.Resolve(ctx, u, pin, parts, sum)
	if err != nil || r != engine.Done || again.Checksum != sum {
		t.Errorf("after Complete: %v, %+v, %v", r, again, err)
	}
	o, _ := sim.Object("b", "to")
	if !bytes.Equal(o.Bytes(), data) || o.Headers.Get("Content-Encoding") != "gzip" || o.Headers.Get("Content-Type") != "image/tiff" {
		t.Errorf("object differs; headers %v", o.Headers)
	}
	if open := sim.OpenUploads("b"); len(open) != 0 {
		t.Errorf("open uploads: %v", open)
	}
}
