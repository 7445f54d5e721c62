package engine

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/minio/crc64nvme"
)

func TestBodyGivesAllBytesAndTheirSum(t *testing.T) {
	data := bytes.Repeat([]byte("granule "), 9000)
	sha := sha256.Sum256(data)
	for name, expect := range map[string]Checksum{
		"nothing known": {},
		"crc64nvme":     NewCRC64NVME(crc64nvme.Checksum(data)),
		"sha256":        {SHA256, string(sha[:])},
		"only computed": {Algorithm: CRC32C},
	} {
		t.Run(name, func(t *testing.T) {
			for _, from := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data)), iotest.DataErrReader(bytes.NewReader(data))} {
				metered := 0
				body := NewBody(from, int64(len(data)), expect, func(n int) { metered += n })
				got, err := io.ReadAll(body)
				if err != nil || !bytes.Equal(got, data) || metered != len(data) || body.CRC() != crc64nvme.Checksum(data) || body.Err() != nil {
					t.Errorf("read %d bytes, %d metered, err %v", len(got), metered, err)
				}
			}
		})
	}
}

// A body that is not what the source says it is must never be whole for the
// destination: the last bytes are withheld.
func TestBodyWithholdsTheEndOfWrongBytes(t *testing.T) {
	data := []byte("these bytes were flipped on the way")
	body := NewBody(bytes.NewReader(data), int64(len(data)), NewCRC64NVME(1), nil)
	got, err := io.ReadAll(body)
	if !errors.Is(err, ErrCorrupt) || len(got) >= len(data) {
		t.Errorf("read %d of %d bytes, err %v", len(got), len(data), err)
	}
	if !errors.Is(body.Err(), ErrCorrupt) {
		t.Errorf("Err() = %v", body.Err())
	}
	if _, err := body.Read(make([]byte, 1)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a second Read gives %v", err)
	}
}

func TestBodyRefusesAShortSource(t *testing.T) {
	body := NewBody(strings.NewReader("short"), 6, Checksum{}, nil)
	if _, err := io.ReadAll(body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("err %v", err)
	}
}

func TestBodyTakesNoMoreThanItsSize(t *testing.T) {
	from := strings.NewReader("exact and more")
	got, err := io.ReadAll(NewBody(from, 5, Checksum{}, nil))
	if string(got) != "exact" || err != nil || from.Len() != len(" and more") {
		t.Errorf("read %q, %d left, err %v", got, from.Len(), err)
	}
}
