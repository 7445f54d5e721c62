package engine

import (
	"fmt"
)

const (
	// MaxParts is how many parts one upload may have (S3 user guide, "multipart upload limits").
	MaxParts = 10_000

	// defaultPartSize keeps a part's time on an ordinary line to seconds, and an
	// object of 100 GB within MaxParts.
	defaultPartSize = 16 << 20
)

// A Range is the half-open span of bytes [Start, End) of an object. HTTP counts
// the last byte in; only a store converts to that.
type Range struct {
	Start, End int64
}

// Len is the number of bytes in r.
func (r Range) Len() int64 { return r.End - r.Start }

func (r Range) String() string { return fmt.Sprintf("bytes %d-%d", r.Start, r.End-1) }

// An Upload names an object that arrives in parts.
type Upload struct {
	ID          string // the destination's name for it; "" until it has begun, and for an object put whole
	Destination string // the object's place
	PartSize    int64  // bytes of each part but the last; 0 for an object put whole
}

// A Receipt is proof that the destination holds a part, or the error instead.
// It is what the journal keeps of a part.
type Receipt struct {
	ObjectID uint64
	Number   int32  // from 1, as S3 counts; 0 stands for the whole of an object put in one request
	Size     int64  // bytes
	ETag     string // as the destination gave it
	CRC      uint64 // CRC64NVME of the bytes sent
	Also     uint32 // the same bytes in the CRC the source keeps of the object, if it is CRC32 or CRC32C
}

// PartSize chooses the size of the parts of an object of size bytes: want, or
// the default for want 0, doubled until the object fits into MaxParts. The
// choice is journaled with the upload and never changed afterwards, for each
// recorded part describes the bytes that follow from it.
func PartSize(size, want int64) int64 {
	if want <= 0 {
		want = defaultPartSize
	}
	for (size+want-1)/want > MaxParts {
		want *= 2
	}
	return want
}

// partCount is the number of parts of size bytes cut at partSize.
func partCount(size, partSize int64) int32 {
	return int32((size + partSize - 1) / partSize)
}

// partRange is the span of part number (from 1) of size bytes cut at partSize.
func partRange(size, partSize int64, number int32) Range {
	start := int64(number-1) * partSize
	return Range{Start: start, End: min(start+partSize, size)}
}
