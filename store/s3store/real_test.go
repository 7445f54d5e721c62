package s3store_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"xfer/engine"
	"xfer/store/s3store"
)

// The stories of this package against real servers.
func TestRealServers(t *testing.T) {
	for name, start := range realServers {
		t.Run(name, func(t *testing.T) {
			s, by := openReal(t, start(t))
			realStory(t, s, by)
		})
	}
}

func realStory(t *testing.T, s *s3store.Store, by bystander) {
	ctx := context.Background()
	at := func(name string) string { return fmt.Sprintf("s3://%s/xfer test/%s", by.bucket, name) }
	meta := engine.Metadata{ContentType: "image/tiff", ContentEncoding: "gzip", CacheControl: "no-store", User: map[string]string{"colour": "green"}}

	for _, size := range []int{0, 1, 1 << 20} {
		for _, known := range []bool{false, true} {
			data := randomBytes(t, size)
			var expect engine.Checksum
			if known {
				expect = crcOf(data)
			}
			place := at(fmt.Sprintf("put %d %t+ü", size, known))
			st, err := s.Put(ctx, place, engine.Pin{Metadata: meta}, engine.NewBody(bytes.NewReader(data), int64(size), expect, nil))
			if err != nil { // what it has learnt it does better
				t.Log(err)
				st, err = s.Put(ctx, place, engine.Pin{Metadata: meta}, engine.NewBody(bytes.NewReader(data), int64(size), expect, nil))
			}
			if err != nil {
				t.Errorf("%s: %v", place, err)
				continue
			}
			pin, r, err := s.Open(ctx, place)
			if err != nil {
				t.Errorf("%s: %v", place, err)
				continue
			}
			if !bytes.Equal(read(t, r), data) {
				t.Errorf("%s: bytes differ", place)
			}
			t.Logf("%s: stored %s, kept %s, encoding %q, class %q", place, st.Checksum, pin.Checksum, pin.Metadata.ContentEncoding, pin.Metadata.StorageClass)
			if pin.Metadata.ContentEncoding != "gzip" || pin.Metadata.ContentType != "image/tiff" || pin.Metadata.User["colour"] != "green" {
				t.Errorf("%s: metadata %+v", place, pin.Metadata)
			}
			if size > 1 {
				r, err := s.OpenRange(ctx, place, pin, engine.Range{Start: 10, End: 1000})
				if err != nil || !bytes.Equal(read(t, r), data[10:1000]) {
					t.Errorf("%s: range: %v", place, err)
				}
				_, err = s.OpenRange(ctx, place, engine.Pin{Size: pin.Size, ETag: `"other"`}, engine.Range{Start: 10, End: 1000})
				wantMeaning(t, err, engine.ErrSourceChanged)
			}
		}
	}
	_, err := s.Stat(ctx, at("nothing"))
	wantMeaning(t, err, engine.ErrNotFound)
	_, _, err = s.Open(ctx, at("nothing"))
	wantMeaning(t, err, engine.ErrNotFound)

	data := randomBytes(t, 11<<20)
	pin := engine.Pin{Size: int64(len(data)), Metadata: meta}
	place := at("multi")
	began := time.Now()
	if _, err := s.Begin(ctx, place, pin); err != nil { // its answer is lost
		t.Fatal(err)
	}
	if n, err := s.Sweep(ctx, place, began); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	id, err := s.Begin(ctx, place, pin)
	if err != nil {
		t.Fatal(err)
	}
	u := engine.Upload{ID: id, Destination: place, PartSize: 5 << 20}
	var parts []engine.Receipt
	for n := range 3 {
		span := engine.Range{Start: int64(n) * u.PartSize, End: min(int64(n+1)*u.PartSize, pin.Size)}
		body := bodyOf(data[span.Start:span.End])
		etag, err := s.PutPart(ctx, u, pin, int32(n+1), span, body)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, engine.Receipt{Number: int32(n + 1), Size: span.Len(), ETag: etag, CRC: body.CRC()})
	}
	sum := crcOf(data)
	if got, _, err := s.Resolve(ctx, u, pin, parts, sum); got != engine.Open || err != nil {
		t.Errorf("before: %v, %v", got, err)
	}
	_, err = s.Complete(ctx, u, pin, parts, engine.NewCRC64NVME(1))
	t.Logf("a wrong sum: %v", err)
	st, err := s.Complete(ctx, u, pin, parts, sum)
	if err != nil || st.Checksum != sum {
		t.Errorf("complete: %+v, %v", st, err)
	}
	if got, st, err := s.Resolve(ctx, u, pin, parts, sum); got != engine.Done || err != nil {
		t.Errorf("after: %v, %+v, %v", got, st, err)
	}
	_, err = s.Complete(ctx, u, pin, parts, sum)
	t.Logf("a replay: %v", err)
	got, r, err := s.Open(ctx, place)
	if err != nil || !bytes.Equal(read(t, r), data) || got.Metadata.ContentEncoding != "gzip" {
		t.Errorf("%+v, %v", got, err)
	}
	if id, err = s.Begin(ctx, place, pin); err != nil {
		t.Fatal(err)
	}
	if err := s.Abort(ctx, engine.Upload{ID: id, Destination: place}); err != nil {
		t.Error(err)
	}
	n := 0
	for e, err := range s.List(ctx, at("")) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if _, err := s.Stat(ctx, e.Place); err != nil {
			t.Errorf("%+v: %v", e, err)
		}
	}
	if n != 7 {
		t.Errorf("listed %d", n)
	}
}
