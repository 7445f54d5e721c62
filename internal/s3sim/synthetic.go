package s3sim

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"

	"github.com/minio/crc64nvme"
)

// The bytes of all synthetic content are slices of one random megabyte pair.
// Stretch i of seed s is a megabyte cut from it at a place that depends on s and
// i, behind a 16-byte stamp of both. So no two stretches are alike, any range
// costs nothing to make, and it goes to the socket without being copied.
const (
	stretchSize = 1 << 20
	stampSize   = 16
)

var quarry = sync.OnceValue(func() []byte {
	rock := make([]byte, 2*stretchSize)
	rand.NewChaCha8([32]byte{'s', '3', 's', 'i', 'm'}).Read(rock) // never fails
	return rock
})

// Synthetic is content that takes no memory: its bytes follow from seed and
// size. It may be read from many goroutines.
type Synthetic struct {
	size int64
	seed uint64
	once sync.Once
	crc  uint64
}

// NewSynthetic returns size bytes that depend on nothing but seed; a longer one
// of the same seed begins with a shorter one.
func NewSynthetic(size int64, seed uint64) *Synthetic {
	return &Synthetic{size: size, seed: seed}
}

// Size in bytes.
func (s *Synthetic) Size() int64 { return s.size }

// Seed is what the content was made from.
func (s *Synthetic) Seed() uint64 { return s.seed }

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func (s *Synthetic) stretch(i int64) (stamp [stampSize]byte, body []byte) {
	a := mix(s.seed)
	b := mix(a ^ uint64(i))
	binary.LittleEndian.PutUint64(stamp[:8], a)
	binary.LittleEndian.PutUint64(stamp[8:], b)
	at := b % stretchSize
	return stamp, quarry()[at : at+stretchSize-stampSize]
}

// writeRange writes n bytes from off on to w, a megabyte at a time.
func (s *Synthetic) writeRange(w io.Writer, off, n int64) error {
	for n > 0 {
		stamp, body := s.stretch(off / stretchSize)
		in := off % stretchSize
		var piece []byte
		if in < stampSize {
			piece = stamp[in:]
		} else {
			piece = body[in-stampSize:]
		}
		piece = piece[:min(int64(len(piece)), n)]
		if _, err := w.Write(piece); err != nil {
			return err
		}
		off += int64(len(piece))
		n -= int64(len(piece))
	}
	return nil
}

// ReadAt fills p from off on, as io.ReaderAt says.
func (s *Synthetic) ReadAt(p []byte, off int64) (int, error) {
	if off >= s.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), s.size-off)
	f := filler{p[:0:n]}
	if err := s.writeRange(&f, off, n); err != nil {
		return 0, err
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

type filler struct{ p []byte }

func (f *filler) Write(b []byte) (int, error) {
	f.p = append(f.p, b...)
	return len(b), nil
}

// CRC64NVME of the whole content; computed at the first call, then remembered.
func (s *Synthetic) CRC64NVME() uint64 {
	s.once.Do(func() {
		var c crcWriter
		_ = s.writeRange(&c, 0, s.size) // crcWriter never fails
		s.crc = c.crc
	})
	return s.crc
}

type crcWriter struct{ crc uint64 }

func (c *crcWriter) Write(p []byte) (int, error) {
	c.crc = crc64nvme.Update(c.crc, p)
	return len(p), nil
}
