package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"xfer/engine"
)

func runSource(t *testing.T, h Harness) {
	for _, size := range []int64{0, 1, 1000, 1<<20 + 1} {
		h.check(t, fmt.Sprintf("OpenGivesAllBytes/%d", size), func(t *testing.T) {
			at, data := h.Place("source/whole"), bytesOf(t, size)
			h.Seed(t, at, data)
			pin, r, err := h.Source.Open(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			got, err := io.ReadAll(engine.NewBody(r, pin.Size, pin.Checksum, nil))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%d of %d bytes, %v", len(got), size, err)
			}
			if pin.Size != size || pin.ETag == "" {
				t.Errorf("pin %+v", pin)
			}
			if pin.Checksum.Algorithm == engine.CRC64NVME && pin.Checksum != sumOf(data) {
				t.Errorf("pinned sum %s, want %s", pin.Checksum, sumOf(data))
			}
			if again, err := h.Source.Stat(t.Context(), at); err != nil || !again.Same(pin) {
				t.Errorf("stat %+v, %v; open %+v", again, err, pin)
			}
		})
	}
	h.check(t, "RangesAreExact", func(t *testing.T) {
		at, data := h.Place("source/ranges"), bytesOf(t, 100_000)
		h.Seed(t, at, data)
		pin, err := h.Source.Stat(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []engine.Range{{Start: 0, End: 1}, {Start: 0, End: 100_000}, {Start: 99_999, End: 100_000}, {Start: 4095, End: 70_001}} {
			body, err := h.Source.OpenRange(t.Context(), at, pin, r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(body)
			body.Close()
			if err != nil || !bytes.Equal(got, data[r.Start:r.End]) {
				t.Errorf("%s: %d bytes, %v", r, len(got), err)
			}
		}
	})
	h.check(t, "ClosedEarly", func(t *testing.T) {
		at := h.Place("source/early")
		h.Seed(t, at, bytesOf(t, 1<<20))
		_, r, err := h.Source.Open(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	h.check(t, "ChangedIsNotRead", func(t *testing.T) {
		at, data := h.Place("source/changed"), bytesOf(t, 50_000)
		h.Seed(t, at, data)
		pin, err := h.Source.Stat(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		other := bytes.Clone(data)
		other[40_000] ^= 1 // of the same size, and equal where it will be read
		h.Seed(t, at, other)
		r, err := h.Source.OpenRange(t.Context(), at, pin, engine.Range{End: 1000})
		if err == nil {
			_, err = io.ReadAll(r)
			r.Close()
		}
		if !errors.Is(err, engine.ErrSourceChanged) {
			t.Errorf("got %v, want %v", err, engine.ErrSourceChanged)
		}
	})
	h.check(t, "MissingIsNotFound", func(t *testing.T) {
		at := h.Place("source/missing")
		if _, err := h.Source.Stat(t.Context(), at); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("stat: got %v, want %v", err, engine.ErrNotFound)
		}
		if _, _, err := h.Source.Open(t.Context(), at); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("open: got %v, want %v", err, engine.ErrNotFound)
		}
		_, err := h.Source.OpenRange(t.Context(), at, engine.Pin{Size: 10, ETag: `"gone"`}, engine.Range{End: 10})
		if !errors.Is(err, engine.ErrNotFound) && !errors.Is(err, engine.ErrSourceChanged) {
			t.Errorf("open range: got %v, want %v or %v", err, engine.ErrNotFound, engine.ErrSourceChanged)
		}
	})
}
