package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"xfer/engine"
)

func runPut(t *testing.T, h Harness) {
	for _, size := range []int64{0, 1, 1000, 1<<20 + 1} {
		h.check(t, fmt.Sprintf("StoresAllBytes/%d", size), func(t *testing.T) {
			at, data := h.Place(fmt.Sprintf("put/deep/er/whole-%d", size)), bytesOf(t, size)
			stored, err := h.Destination.Put(t.Context(), at, pinOf(data), bodyOf(data))
			if err != nil {
				t.Fatal(err)
			}
			if stored.ETag == "" {
				t.Error("no ETag")
			}
			if stored.Checksum.Algorithm == engine.CRC64NVME && stored.Checksum != sumOf(data) {
				t.Errorf("stored sum %s, want %s", stored.Checksum, sumOf(data))
			}
			h.expect(t, at, data)
		})
	}
	h.check(t, "Replaces", func(t *testing.T) {
		at, data := h.Place("put/again"), bytesOf(t, 2000)
		h.Seed(t, at, []byte("older"))
		if _, err := h.Destination.Put(t.Context(), at, pinOf(data), bodyOf(data)); err != nil {
			t.Fatal(err)
		}
		h.expect(t, at, data)
	})
	h.check(t, "BrokenSourceChangesNothing", func(t *testing.T) {
		fresh, old, data := h.Place("put/broken"), h.Place("put/kept"), bytesOf(t, 300_000)
		h.Seed(t, old, []byte("older"))
		broke := errors.New("broke")
		for _, at := range []string{fresh, old} {
			from := io.MultiReader(bytes.NewReader(data[:200_000]), iotest.ErrReader(broke))
			body := engine.NewBody(from, int64(len(data)), engine.Checksum{}, nil)
			if _, err := h.Destination.Put(t.Context(), at, pinOf(data), body); err == nil {
				t.Errorf("%s: put of a body that broke off", at)
			}
			if !errors.Is(body.Err(), broke) {
				t.Errorf("%s: body ended with %v", at, body.Err())
			}
		}
		h.expectNothing(t, fresh)
		h.expect(t, old, []byte("older"))
	})
	h.check(t, "WrongSumChangesNothing", func(t *testing.T) {
		at, data := h.Place("put/wrong"), bytesOf(t, 70_000)
		other := bytes.Clone(data)
		other[7] ^= 1
		body := engine.NewBody(bytes.NewReader(other), int64(len(other)), sumOf(data), nil)
		if _, err := h.Destination.Put(t.Context(), at, pinOf(data), body); err == nil {
			t.Error("put of wrong bytes")
		}
		h.expectNothing(t, at)
	})
	h.check(t, "CancelledChangesNothing", func(t *testing.T) {
		at, data := h.Place("put/cancelled"), bytesOf(t, 1000)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Destination.Put(ctx, at, pinOf(data), bodyOf(data)); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		h.expectNothing(t, at)
	})
}
