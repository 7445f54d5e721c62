package storetest

import (
	"bytes"
	"context"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minio/crc64nvme"

	"xfer/engine"
)

// A Harness tells Run of the stores to check, and how to go behind their backs.
type Harness struct {
	Source      engine.Source      // nil: nothing to read from
	Destination engine.Destination // nil: nothing to write to

	// Place gives the place of an object by its name, which has letters, digits,
	// dots, dashes and slashes only.
	Place func(name string) string

	// Seed puts an object at a place without the stores under test, over one that
	// may be there.
	Seed func(t *testing.T, at string, data []byte)

	// Look reads the object at a place without the stores under test; false if
	// there is none.
	Look func(t *testing.T, at string) (data []byte, there bool)

	// Leftovers names the open uploads or temporary files of the whole store.
	Leftovers func(t *testing.T) []string

	// PartSize is the part size in bytes to ask for: the smallest that the
	// destination takes.
	PartSize int64
}

// Run checks the stores of h against the contracts of engine.Source and
// engine.Destination.
func Run(t *testing.T, h Harness) {
	if h.Source != nil {
		t.Run("Source", func(t *testing.T) { runSource(t, h) })
	}
	if h.Destination != nil {
		t.Run("Put", func(t *testing.T) { runPut(t, h) })
		t.Run("Upload", func(t *testing.T) { runUpload(t, h) })
		t.Run("Resolve", func(t *testing.T) { runResolve(t, h) })
	}
}

// check runs one check and then looks for what it left behind.
func (h Harness) check(t *testing.T, name string, run func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		run(t)
		if h.Leftovers != nil && !t.Failed() {
			if left := h.Leftovers(t); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		}
	})
}

// expect compares what is at a place with data.
func (h Harness) expect(t *testing.T, at string, data []byte) {
	t.Helper()
	got, there := h.Look(t, at)
	if !there {
		t.Errorf("nothing at %s", at)
	} else if !bytes.Equal(got, data) {
		t.Errorf("%s has %d bytes that differ from the %d written", at, len(got), len(data))
	}
}

// expectNothing makes sure that nothing can be seen at a place.
func (h Harness) expectNothing(t *testing.T, at string) {
	t.Helper()
	if got, there := h.Look(t, at); there {
		t.Errorf("%s has %d bytes, want nothing there", at, len(got))
	}
}

// bytesOf makes size bytes that depend on the test's name.
func bytesOf(t *testing.T, size int64) []byte {
	hash := fnv.New64a()
	hash.Write([]byte(t.Name()))
	var seed [32]byte
	copy(seed[:], hash.Sum(nil))
	data := make([]byte, size)
	_, _ = rand.NewChaCha8(seed).Read(data) // never fails
	return data
}

func bodyOf(data []byte) *engine.Body {
	return engine.NewBody(bytes.NewReader(data), int64(len(data)), engine.Checksum{}, nil)
}

func sumOf(data []byte) engine.Checksum { return engine.NewCRC64NVME(crc64nvme.Checksum(data)) }

func pinOf(data []byte) engine.Pin {
	return engine.Pin{Size: int64(len(data)), ETag: `"pin"`, Checksum: sumOf(data)}
}

// sending is an object on its way in parts.
type sending struct {
	h      Harness
	upload engine.Upload
	pin    engine.Pin
	data   []byte
	parts  []engine.Receipt // of the parts that arrived, by number
}

// begin begins an upload of data to at.
func (h Harness) begin(t *testing.T, at string, data []byte) *sending {
	t.Helper()
	s := &sending{h: h, pin: pinOf(data), data: data}
	s.upload = engine.Upload{Destination: at, PartSize: h.Destination.PartSize(at, s.pin.Size, h.PartSize)}
	if s.upload.PartSize <= 0 || s.upload.PartSize >= s.pin.Size {
		t.Fatalf("part size %d for %d bytes, wish %d", s.upload.PartSize, s.pin.Size, h.PartSize)
	}
	id, err := h.Destination.Begin(t.Context(), at, s.pin)
	if err != nil {
		t.Fatal(err)
	}
	if id == "" {
		t.Fatal("an upload without an ID")
	}
	s.upload.ID = id
	return s
}

func (s *sending) count() int32 {
	return int32((s.pin.Size + s.upload.PartSize - 1) / s.upload.PartSize)
}

func (s *sending) span(number int32) engine.Range {
	start := int64(number-1) * s.upload.PartSize
	return engine.Range{Start: start, End: min(start+s.upload.PartSize, s.pin.Size)}
}

// part sends one part and gives its receipt.
func (s *sending) part(ctx context.Context, number int32) (engine.Receipt, error) {
	r := s.span(number)
	body := bodyOf(s.data[r.Start:r.End])
	tag, err := s.h.Destination.PutPart(ctx, s.upload, s.pin, number, r, body)
	return engine.Receipt{Number: number, Size: r.Len(), ETag: tag, CRC: body.CRC()}, err
}

// all sends all parts.
func (s *sending) all(t *testing.T) {
	t.Helper()
	for number := range s.count() {
		receipt, err := s.part(t.Context(), number+1)
		if err != nil {
			t.Fatal(err)
		}
		s.add(receipt)
	}
}

// add keeps a receipt, in the order of numbers.
func (s *sending) add(receipt engine.Receipt) {
	s.parts = append(s.parts, receipt)
	slices.SortFunc(s.parts, func(a, b engine.Receipt) int { return int(a.Number - b.Number) })
}

func (s *sending) complete(t *testing.T) (engine.Stored, error) {
	return s.h.Destination.Complete(t.Context(), s.upload, s.pin, s.parts, sumOf(s.data))
}

func (s *sending) resolve(t *testing.T) (engine.Resolution, engine.Stored) {
	t.Helper()
	found, stored, err := s.h.Destination.Resolve(t.Context(), s.upload, s.pin, s.parts, sumOf(s.data))
	if err != nil {
		t.Fatal(err)
	}
	return found, stored
}

func (s *sending) abort(t *testing.T) {
	t.Helper()
	if err := s.h.Destination.Abort(t.Context(), s.upload); err != nil {
		t.Errorf("abort: %v", err)
	}
}
