package engine

import (
	"crypto/md5"  //nolint:gosec // compared with what stores keep, not used for secrecy
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"hash/crc32"

	"github.com/minio/crc64nvme"
)

// Algorithm names a checksum as x-amz-checksum-* does, in lower case.
type Algorithm string

// The algorithms xfer can compute. MD5 is what an S3 ETag is for an object put
// in one request without KMS.
const (
	CRC64NVME Algorithm = "crc64nvme"
	CRC32     Algorithm = "crc32"
	CRC32C    Algorithm = "crc32c"
	SHA1      Algorithm = "sha1"
	SHA256    Algorithm = "sha256"
	MD5       Algorithm = "md5"
)

// A Checksum covers all bytes of an object. The zero value means none is known.
type Checksum struct {
	Algorithm Algorithm
	Sum       string // raw bytes, big endian for the CRCs
}

// NewCRC64NVME is the checksum of an object whose CRC64NVME is sum.
func NewCRC64NVME(sum uint64) Checksum {
	return Checksum{CRC64NVME, string(binary.BigEndian.AppendUint64(nil, sum))}
}

// newCRC32 is NewCRC64NVME for CRC32 and CRC32C.
func newCRC32(a Algorithm, sum uint32) Checksum {
	return Checksum{a, string(binary.BigEndian.AppendUint32(nil, sum))}
}

// ParseChecksum reads the base64 form that S3 uses in headers. It gives the zero
// Checksum for anything that is not a sum of all bytes: an unknown algorithm, a
// wrong length, or a composite sum ("…-3").
func ParseChecksum(a Algorithm, base64Sum string) Checksum {
	raw, err := base64.StdEncoding.DecodeString(base64Sum)
	if err != nil || len(raw) == 0 || len(raw) != a.size() {
		return Checksum{}
	}
	return Checksum{a, string(raw)}
}

// IsZero reports whether no checksum is known.
func (c Checksum) IsZero() bool { return c.Algorithm == "" }

// Base64 is the form S3 uses in headers.
func (c Checksum) Base64() string { return base64.StdEncoding.EncodeToString([]byte(c.Sum)) }

// String is the form of reports, "crc64nvme:base64"; "" for none.
func (c Checksum) String() string {
	if c.IsZero() {
		return ""
	}
	return string(c.Algorithm) + ":" + c.Base64()
}

// combines reports whether the sum of an object follows from the sums of its
// parts, in whatever order these were read.
func (a Algorithm) combines() bool { return a == CRC64NVME || a == CRC32 || a == CRC32C }

func (a Algorithm) size() int {
	switch a {
	case CRC64NVME:
		return crc64nvme.Size
	case CRC32, CRC32C:
		return crc32.Size
	case SHA1:
		return sha1.Size
	case SHA256:
		return sha256.Size
	case MD5:
		return md5.Size
	}
	return 0
}

// newHash makes a running sum of a; nil for CRC64NVME, which every Body keeps
// anyway, and for none.
func (a Algorithm) newHash() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case SHA1:
		return sha1.New() //nolint:gosec // see the import
	case SHA256:
		return sha256.New()
	case MD5:
		return md5.New() //nolint:gosec // see the import
	}
	return nil
}

// Reversed polynomials, lowest degree in the highest bit, for combining.
const (
	polyCRC64NVME = 0x9a6c9329ac4bc9b5
	polyCRC32     = crc32.IEEE
	polyCRC32C    = crc32.Castagnoli
)

// CombineCRC64NVME gives the CRC64NVME of a followed by b, from the sum of each
// and b's length in bytes.
func CombineCRC64NVME(a, b uint64, lenB int64) uint64 {
	return shift(polyCRC64NVME, 64, a, lenB) ^ b
}

// combineCRC32 is CombineCRC64NVME for CRC32 and CRC32C.
func combineCRC32(alg Algorithm, a, b uint32, lenB int64) uint32 {
	poly := uint64(polyCRC32)
	if alg == CRC32C {
		poly = polyCRC32C
	}
	return uint32(shift(poly, 32, uint64(a), lenB)) ^ b
}

// shift gives crc * x^(8n) modulo the polynomial: what the sum becomes when n
// zero bytes follow. A CRC's initial and final inversions cancel out in
// combining, so the bare polynomial arithmetic is enough. x^(8n) is built by
// squaring, so the cost grows with the logarithm of n.
func shift(poly uint64, width uint, crc uint64, n int64) uint64 {
	one := uint64(1) << (width - 1) // x^0
	power := one >> 8               // x^8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			crc = multiply(poly, width, crc, power)
		}
		power = multiply(poly, width, power, power)
	}
	return crc
}

// multiply multiplies two polynomials over GF(2) modulo poly, all of them
// reflected: the highest bit holds the coefficient of x^0.
func multiply(poly uint64, width uint, a, b uint64) uint64 {
	var product uint64
	for bit := uint64(1) << (width - 1); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= poly
		}
	}
	return product
}
