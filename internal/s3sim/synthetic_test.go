package s3sim_test

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"testing"

	"github.com/minio/crc64nvme"
	"pgregory.net/rapid"

	"xfer/internal/s3sim"
)

func TestAnyRangeOfSyntheticContentIsASliceOfTheWhole(t *testing.T) {
	const size = 3<<20 + 12345
	s := s3sim.NewSynthetic(size, 42)
	whole, err := io.ReadAll(io.NewSectionReader(s, 0, size))
	if err != nil || len(whole) != size {
		t.Fatalf("read %d bytes: %v", len(whole), err)
	}
	if got := crc64nvme.Checksum(whole); got != s.CRC64NVME() {
		t.Errorf("CRC64NVME() = %x, the bytes give %x", s.CRC64NVME(), got)
	}
	rapid.Check(t, func(t *rapid.T) {
		off := rapid.Int64Range(0, size+10).Draw(t, "off")
		p := make([]byte, rapid.IntRange(0, 2<<20).Draw(t, "n"))
		n, err := s.ReadAt(p, off)
		want := whole[min(off, size):min(off+int64(len(p)), size)]
		if !bytes.Equal(p[:n], want) {
			t.Fatalf("ReadAt(%d bytes, %d) differs from the whole", len(p), off)
		}
		if n < len(p) != errors.Is(err, io.EOF) {
			t.Fatalf("ReadAt = %d of %d, %v", n, len(p), err)
		}
	})
}

func TestSyntheticStretchesAndSeedsDiffer(t *testing.T) {
	seen := map[uint64]int{}
	for seed := range uint64(50) {
		s := s3sim.NewSynthetic(8<<20, seed)
		for i := range 8 {
			p := make([]byte, 1<<20)
			if _, err := s.ReadAt(p, int64(i)<<20); err != nil {
				t.Fatal(err)
			}
			seen[crc64nvme.Checksum(p)]++
		}
	}
	if len(seen) != 400 {
		t.Errorf("400 stretches have only %d contents", len(seen))
	}
}

func TestSyntheticRefusesANegativeOffset(t *testing.T) {
	if _, err := s3sim.NewSynthetic(10, 1).ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("no error")
	}
}

func TestCombinedCRCIsThatOfTheJoinedBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOf(rapid.Byte()).Draw(t, "a")
		b := rapid.SliceOf(rapid.Byte()).Draw(t, "b")
		want := crc64nvme.Checksum(append(bytes.Clone(a), b...))
		got := s3sim.CombineCRC64NVME(crc64nvme.Checksum(a), crc64nvme.Checksum(b), int64(len(b)))
		if got != want {
			t.Fatalf("combined %x, want %x", got, want)
		}
	})
}

func TestSameSeedSamePrefix(t *testing.T) {
	long, short := make([]byte, 5000), make([]byte, 100)
	_, _ = s3sim.NewSynthetic(5000, 9).ReadAt(long, 0)
	_, _ = s3sim.NewSynthetic(100, 9).ReadAt(short, 0)
	if crc32.ChecksumIEEE(long[:100]) != crc32.ChecksumIEEE(short) {
		t.Error("a longer content of the same seed begins otherwise")
	}
}
