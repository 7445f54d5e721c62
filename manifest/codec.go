package manifest

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/fxamacker/cbor/v2"
)

// recordVersion is the first byte of every value.
const recordVersion = 1

// What the codec is set to. Names of local files need not be UTF-8, so text is
// taken as it comes.
var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	encMode    = must(cbor.EncOptions{}.EncMode())
	decMode    = must(cbor.DecOptions{UTF8: cbor.UTF8DecodeInvalid}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// seal makes the value of record v under key: version, CBOR, and a CRC32C over
// key and both, so that a value that ended up under another key does not pass.
func seal(key []byte, v any) ([]byte, error) {
	payload, err := encMode.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode record: %w", err)
	}
	value := make([]byte, 0, len(payload)+5)
	value = append(append(value, recordVersion), payload...)
	return binary.BigEndian.AppendUint32(value, checksum(key, value)), nil
}

// unseal reads a value that seal made under key into v, whose strings and bytes
// are copies: nothing of value is kept.
func unseal(key, value []byte, v any) error {
	if len(value) < 6 {
		return fmt.Errorf("%w: record of %d bytes", ErrCorrupt, len(value))
	}
	body, sum := value[:len(value)-4], value[len(value)-4:]
	if checksum(key, body) != binary.BigEndian.Uint32(sum) {
		return fmt.Errorf("%w: checksum of a record does not match", ErrCorrupt)
	}
	if body[0] != recordVersion {
		return fmt.Errorf("%w: record of version %d, this xfer reads %d", ErrVersion, body[0], recordVersion)
	}
	if err := decMode.Unmarshal(body[1:], v); err != nil {
		return fmt.Errorf("%w: decode record: %w", ErrCorrupt, err)
	}
	return nil
}

func checksum(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}

// numberKey is a key that sorts as n does.
func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// keyNumber reads a key that begins with a number; 0, which is never used, for
// one that is too short.
func keyNumber(key []byte) uint64 {
	if len(key) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key)
}

// partKey is the key of a part: parts of one object stand together, in order.
func partKey(id uint64, number int32) []byte {
	return binary.BigEndian.AppendUint32(numberKey(id), uint32(number))
}

// partNumber reads the number out of a part's key; ok is false for any other key.
func partNumber(key []byte) (number int32, ok bool) {
	if len(key) != 12 {
		return 0, false
	}
	n := binary.BigEndian.Uint32(key[8:])
	return int32(n), n > 0 && n <= math.MaxInt32
}
