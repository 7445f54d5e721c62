package engine

import (
	"fmt"
	"hash"
	"io"

	"github.com/minio/crc64nvme"
)

// A Body is the bytes of one part on their way from source to destination: a
// reader of exactly Size bytes that sums what passes. It holds no bytes itself.
//
// Read gives io.EOF only after Size bytes whose sum agrees with what the source
// keeps of the whole object, if this Body carries all of it. Otherwise the last
// Read fails, so that a destination that has not seen EOF has not been given the
// end of the request either, and a wrong object never becomes visible.
//
// One goroutine reads it, once; a second try at a part takes a new Body.
type Body struct {
	from   io.Reader
	size   int64
	read   int64
	crc    uint64
	also   hash.Hash // the source's own algorithm, nil when that is CRC64NVME or none
	expect Checksum  // of all the bytes of this Body; zero when it is a part of an object
	meter  func(n int)
	err    error // the reading side's error, kept apart from the writing side's
}

// NewBody makes the Body of size bytes from r. expect is what they must sum to,
// zero when nothing is known of it; one with an algorithm and no sum is computed
// and not compared. meter, if not nil, is told of every byte that passes, and may
// wait to slow the stream down.
func NewBody(r io.Reader, size int64, expect Checksum, meter func(n int)) *Body {
	return &Body{from: r, size: size, also: expect.Algorithm.newHash(), expect: expect, meter: meter}
}

// Size is the number of bytes this Body gives.
func (b *Body) Size() int64 { return b.size }

// CRC is the CRC64NVME of the bytes read so far: of the part once Read gave io.EOF.
func (b *Body) CRC() uint64 { return b.crc }

// Expect is what the bytes must sum to, as the source keeps it; zero for a part
// of an object and where the source keeps nothing.
func (b *Body) Expect() Checksum {
	if b.expect.Sum == "" {
		return Checksum{}
	}
	return b.expect
}

// Err is the error Read ended with, nil for io.EOF. It tells a failed source
// from a failed destination after a request broke off.
func (b *Body) Err() error { return b.err }

func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.read == b.size {
		return 0, b.end()
	}
	if left := b.size - b.read; int64(len(p)) > left {
		p = p[:left]
	}
	n, err := b.from.Read(p)
	if n > 0 {
		b.read += int64(n)
		b.crc = crc64nvme.Update(b.crc, p[:n])
		if b.also != nil {
			b.also.Write(p[:n])
		}
		if b.meter != nil {
			b.meter(n)
		}
	}
	switch {
	case err == io.EOF && b.read < b.size:
		b.err = fmt.Errorf("read source: got %d of %d bytes: %w", b.read, b.size, io.ErrUnexpectedEOF)
		return n, b.err
	case err != nil && err != io.EOF:
		b.err = fmt.Errorf("read source: %w", err)
		return n, b.err
	case b.read == b.size:
		if end := b.end(); end != io.EOF {
			return 0, end // the last bytes are withheld: no request can be whole without them
		}
		return n, io.EOF
	}
	return n, nil
}

// end compares what passed with what the source says of it, once.
func (b *Body) end() error {
	if b.expect.Sum == "" {
		return io.EOF
	}
	if got := b.sum(); got != b.expect {
		b.err = fmt.Errorf("read source: %w: the source keeps %s, the bytes read give %s", ErrCorrupt, b.expect, got)
		return b.err
	}
	return io.EOF
}

// alsoCRC is the sum in the source's own 32-bit CRC; 0 when it has none.
func (b *Body) alsoCRC() uint32 {
	if h, ok := b.also.(hash.Hash32); ok {
		return h.Sum32()
	}
	return 0
}

// sum is the checksum of the bytes read in the algorithm of b.expect.
func (b *Body) sum() Checksum {
	if b.also == nil {
		return NewCRC64NVME(b.crc)
	}
	return Checksum{b.expect.Algorithm, string(b.also.Sum(nil))}
}
