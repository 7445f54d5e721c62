package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"xfer/engine"
)

func runUpload(t *testing.T, h Harness) {
	size := 2*h.PartSize + h.PartSize/3 + 1
	h.check(t, "PartsInAnyOrder", func(t *testing.T) {
		s := h.begin(t, h.Place("upload/order"), bytesOf(t, size))
		for _, number := range []int32{3, 1, 2} {
			receipt, err := s.part(t.Context(), number)
			if err != nil {
				t.Fatal(err)
			}
			s.add(receipt)
			h.expectNothing(t, s.upload.Destination)
		}
		stored, err := s.complete(t)
		if err != nil {
			t.Fatal(err)
		}
		if stored.Checksum.Algorithm == engine.CRC64NVME && stored.Checksum != sumOf(s.data) {
			t.Errorf("stored sum %s, want %s", stored.Checksum, sumOf(s.data))
		}
		h.expect(t, s.upload.Destination, s.data)
	})
	h.check(t, "PartsAtOnce", func(t *testing.T) {
		s := h.begin(t, h.Place("upload/once"), bytesOf(t, size))
		var mu sync.Mutex
		var wg sync.WaitGroup
		for number := range s.count() {
			wg.Go(func() {
				receipt, err := s.part(t.Context(), number+1)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				s.add(receipt)
			})
		}
		wg.Wait()
		if _, err := s.complete(t); err != nil {
			t.Fatal(err)
		}
		h.expect(t, s.upload.Destination, s.data)
	})
	h.check(t, "LastPartOfANumberWins", func(t *testing.T) {
		data := bytesOf(t, size)
		s := h.begin(t, h.Place("upload/twice"), data)
		wrong := make([]byte, s.span(2).Len())
		if _, err := h.Destination.PutPart(t.Context(), s.upload, s.pin, 2, s.span(2), bodyOf(wrong)); err != nil {
			t.Fatal(err)
		}
		s.all(t)
		if _, err := s.complete(t); err != nil {
			t.Fatal(err)
		}
		h.expect(t, s.upload.Destination, data)
	})
	h.check(t, "WrongSumIsNotCompleted", func(t *testing.T) {
		s := h.begin(t, h.Place("upload/wrong"), bytesOf(t, size))
		s.all(t)
		if _, err := h.Destination.Complete(t.Context(), s.upload, s.pin, s.parts, sumOf([]byte("other"))); err == nil {
			t.Error("completed with a wrong sum")
		}
		h.expectNothing(t, s.upload.Destination)
		s.abort(t)
	})
	h.check(t, "MissingPartIsNotCompleted", func(t *testing.T) {
		s := h.begin(t, h.Place("upload/short"), bytesOf(t, size))
		s.all(t)
		s.parts = s.parts[:2]
		if _, err := s.complete(t); err == nil {
			t.Error("completed without its last part")
		}
		h.expectNothing(t, s.upload.Destination)
		s.abort(t)
	})
	h.check(t, "AbortedIsGone", func(t *testing.T) {
		s := h.begin(t, h.Place("upload/aborted"), bytesOf(t, size))
		s.all(t)
		s.abort(t)
		s.abort(t)
		if _, err := s.part(t.Context(), 1); !errors.Is(err, engine.ErrUploadGone) {
			t.Errorf("part: got %v, want %v", err, engine.ErrUploadGone)
		}
		if _, err := s.complete(t); !errors.Is(err, engine.ErrUploadGone) {
			t.Errorf("complete: got %v, want %v", err, engine.ErrUploadGone)
		}
		h.expectNothing(t, s.upload.Destination)
	})
	h.check(t, "SweepFindsTheUnanswered", func(t *testing.T) {
		data, since := bytesOf(t, size), time.Now().Add(-time.Second)
		other := h.begin(t, h.Place("upload/swept-not"), data)
		lost := h.begin(t, h.Place("upload/swept"), data)
		ended, err := h.Destination.Sweep(t.Context(), lost.upload.Destination, since)
		if errors.Is(err, engine.ErrDenied) {
			lost.abort(t)
		} else if err != nil || ended != 1 {
			t.Errorf("ended %d, %v", ended, err)
		}
		if _, err := lost.part(t.Context(), 1); !errors.Is(err, engine.ErrUploadGone) {
			t.Errorf("swept upload: got %v, want %v", err, engine.ErrUploadGone)
		}
		if _, err := other.part(t.Context(), 1); err != nil {
			t.Errorf("the other upload: %v", err)
		}
		other.abort(t)
	})
}

func runResolve(t *testing.T, h Harness) {
	size := h.PartSize + 1
	h.check(t, "OpenThenDone", func(t *testing.T) {
		s := h.begin(t, h.Place("resolve/done"), bytesOf(t, size))
		s.all(t)
		if found, _ := s.resolve(t); found != engine.Open {
			t.Errorf("before complete: %v", found)
		}
		if _, err := s.complete(t); err != nil {
			t.Fatal(err)
		}
		found, stored := s.resolve(t)
		if found != engine.Done || stored.ETag == "" {
			t.Errorf("after complete: %v, %+v", found, stored)
		}
		if _, err := s.complete(t); err != nil && !errors.Is(err, engine.ErrUploadGone) && !errors.Is(err, engine.ErrAmbiguous) {
			t.Errorf("complete again: %v", err)
		}
		h.expect(t, s.upload.Destination, s.data)
	})
	h.check(t, "ForeignObjectIsNotOurs", func(t *testing.T) {
		s := h.begin(t, h.Place("resolve/foreign"), bytesOf(t, size))
		s.all(t)
		s.abort(t)
		if found, _ := s.resolve(t); found != engine.Gone {
			t.Errorf("after abort: %v", found)
		}
		foreign := append([]byte(nil), s.data...)
		foreign[len(foreign)/2] ^= 1
		h.Seed(t, s.upload.Destination, foreign)
		if found, _ := s.resolve(t); found != engine.Gone {
			t.Errorf("with a foreign object of the same size: %v", found)
		}
		h.expect(t, s.upload.Destination, foreign)
	})
}
