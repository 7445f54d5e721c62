package engine

import (
	"hash/crc32"
	"testing"

	"github.com/minio/crc64nvme"
	"pgregory.net/rapid"
)

func TestCombinedSumsAreTheSumOfTheWhole(t *testing.T) {
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOf(rapid.Byte()).Draw(t, "a")
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		both := append(append([]byte{}, a...), b...)
		if got, want := CombineCRC64NVME(crc64nvme.Checksum(a), crc64nvme.Checksum(b), int64(len(b))), crc64nvme.Checksum(both); got != want {
			t.Errorf("crc64nvme: combined %x, whole %x", got, want)
		}
		if got, want := combineCRC32(CRC32, crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), int64(len(b))), crc32.ChecksumIEEE(both); got != want {
			t.Errorf("crc32: combined %x, whole %x", got, want)
		}
		if got, want := combineCRC32(CRC32C, crc32.Checksum(a, castagnoli), crc32.Checksum(b, castagnoli), int64(len(b))), crc32.Checksum(both, castagnoli); got != want {
			t.Errorf("crc32c: combined %x, whole %x", got, want)
		}
	})
}

// A length beyond 32 bits must not be cut off anywhere on the way.
func TestCombineOverALongSpan(t *testing.T) {
	const half = int64(5) << 30
	once := shift(polyCRC64NVME, 64, 0x123456789abcdef0, 2*half)
	twice := shift(polyCRC64NVME, 64, shift(polyCRC64NVME, 64, 0x123456789abcdef0, half), half)
	if once != twice {
		t.Errorf("shift over %d bytes gives %x, in two steps %x", 2*half, once, twice)
	}
}

func TestParseChecksumTakesOnlySumsOfAllBytes(t *testing.T) {
	good := NewCRC64NVME(0xae8b14860a799888)
	if got := ParseChecksum(CRC64NVME, good.Base64()); got != good {
		t.Errorf("parsed %v, want %v", got, good)
	}
	for name, text := range map[string]string{
		"composite": good.Base64() + "-3", "short": "AAAA", "empty": "", "no base64": "*",
	} {
		if got := ParseChecksum(CRC64NVME, text); !got.IsZero() {
			t.Errorf("%s: parsed %v, want none", name, got)
		}
	}
	if got := ParseChecksum("xxh3", "AAAAAAAAAAA="); !got.IsZero() {
		t.Errorf("unknown algorithm: parsed %v, want none", got)
	}
}
