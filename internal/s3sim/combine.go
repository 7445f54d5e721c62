package s3sim

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
)

// Reflected polynomials. CRC64NVME's is that of the NVM Express NVM Command Set
// specification, section 5.2.1.3.4.
const crc64nvmePoly = 0x9a6c9329ac4bc9b5

// A crcField does arithmetic modulo one reflected CRC polynomial, in which the
// highest bit of a word stands for x^0.
type crcField struct {
	poly, one uint64
}

func (f crcField) multiply(a, b uint64) uint64 {
	var p uint64
	for m := f.one; m != 0; m >>= 1 {
		if a&m != 0 {
			p ^= b
		}
		if b&1 != 0 {
			b = b>>1 ^ f.poly
		} else {
			b >>= 1
		}
	}
	return p
}

// shift is x^(8n): what a CRC is multiplied with when n bytes follow.
func (f crcField) shift(n int64) uint64 {
	result, square := f.one, f.one>>8
	for ; n > 0; n >>= 1 {
		if n&1 != 0 {
			result = f.multiply(result, square)
		}
		square = f.multiply(square, square)
	}
	return result
}

// A crcJoiner builds the CRC of a whole from the CRCs of its parts in order.
// Parts of one size cost one multiplication each.
type crcJoiner struct {
	field  crcField
	crc    uint64
	size   int64 // the part size factor belongs to
	factor uint64
}

func (j *crcJoiner) add(crc uint64, size int64) {
	if size != j.size || j.factor == 0 {
		j.size, j.factor = size, j.field.shift(size)
	}
	j.crc = j.field.multiply(j.factor, j.crc) ^ crc
}

// CombineCRC64NVME is the CRC64NVME of a followed by b, which has sizeB bytes.
func CombineCRC64NVME(a, b uint64, sizeB int64) uint64 {
	j := newJoiner(CRC64NVME)
	j.crc = a
	j.add(b, sizeB)
	return j.crc
}

// newJoiner works for the three CRCs only.
func newJoiner(a Algorithm) *crcJoiner {
	switch a {
	case CRC32:
		return &crcJoiner{field: crcField{poly: crc32.IEEE, one: 1 << 31}}
	case CRC32C:
		return &crcJoiner{field: crcField{poly: crc32.Castagnoli, one: 1 << 31}}
	}
	return &crcJoiner{field: crcField{poly: crc64nvmePoly, one: 1 << 63}}
}

// joinValues combines base64 CRCs of parts into the base64 CRC of the whole.
func joinValues(a Algorithm, parts []*part, valueOf func(*part) string) string {
	j := newJoiner(a)
	for _, p := range parts {
		raw, err := base64.StdEncoding.DecodeString(valueOf(p))
		if err != nil || len(raw) != a.size() {
			return ""
		}
		var word [8]byte
		copy(word[8-len(raw):], raw)
		j.add(binary.BigEndian.Uint64(word[:]), p.size)
	}
	word := binary.BigEndian.AppendUint64(nil, j.crc)
	return base64.StdEncoding.EncodeToString(word[8-a.size():])
}
