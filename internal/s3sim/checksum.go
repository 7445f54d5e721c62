package s3sim

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"hash/crc32"
	"net/http"
	"strings"

	"github.com/minio/crc64nvme"
)

// Algorithm is a checksum algorithm in the spelling of x-amz-checksum-algorithm.
type Algorithm string

// The algorithms of S3.
const (
	CRC64NVME Algorithm = "CRC64NVME"
	CRC32     Algorithm = "CRC32"
	CRC32C    Algorithm = "CRC32C"
	SHA1      Algorithm = "SHA1"
	SHA256    Algorithm = "SHA256"
)

// The two kinds of checksum of an object of several parts: over all its bytes,
// or over the checksums of its parts.
const (
	FullObject = "FULL_OBJECT"
	Composite  = "COMPOSITE"
)

var algorithms = [...]Algorithm{CRC64NVME, CRC32, CRC32C, SHA1, SHA256}

// A Checksum is a stored checksum as S3 tells it.
type Checksum struct {
	Algorithm Algorithm `json:"algorithm"`
	Value     string    `json:"value"` // base64; composite ones end in "-N"
	Type      string    `json:"type"`  // FullObject or Composite
}

func (a Algorithm) header() string { return "x-amz-checksum-" + strings.ToLower(string(a)) }

// element is the XML element name of the algorithm.
func (a Algorithm) element() string { return "Checksum" + string(a) }

func (a Algorithm) size() int {
	switch a {
	case CRC64NVME:
		return 8
	case CRC32, CRC32C:
		return 4
	case SHA1:
		return sha1.Size
	}
	return sha256.Size
}

func (a Algorithm) new() hash.Hash {
	switch a {
	case CRC64NVME:
		return crc64nvme.New()
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case SHA1:
		return sha1.New()
	}
	return sha256.New()
}

// parseAlgorithm knows the five names; the second value is false for others.
func parseAlgorithm(s string) (Algorithm, bool) {
	for _, a := range algorithms {
		if strings.EqualFold(s, string(a)) {
			return a, true
		}
	}
	return "", false
}

// sentChecksum finds the one x-amz-checksum-* header of a request.
func sentChecksum(h http.Header) (sum Checksum, sent bool, err error) {
	for _, a := range algorithms {
		v := h.Get(a.header())
		if v == "" {
			continue
		}
		if sent {
			return sum, true, invalidRequest("Expecting a single x-amz-checksum- header.")
		}
		if err := checkSum(a, v); err != nil {
			return sum, true, err
		}
		sum, sent = Checksum{Algorithm: a, Value: v, Type: FullObject}, true
	}
	return sum, sent, nil
}

func checkSum(a Algorithm, value string) error {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(raw) != a.size() {
		return invalidRequest("Value for %s header is invalid.", a.header())
	}
	return nil
}

// digests computes what one body needs in a single pass: CRC64NVME always, the
// rest only if asked for.
type digests struct {
	crc    uint64
	md5    hash.Hash
	sha256 hash.Hash // of the body as sent
	sum    hash.Hash // the declared algorithm, unless that is CRC64NVME
	sumOf  Algorithm
}

func (d *digests) Write(p []byte) (int, error) {
	d.crc = crc64nvme.Update(d.crc, p)
	for _, h := range [...]hash.Hash{d.md5, d.sha256, d.sum} {
		if h != nil {
			h.Write(p)
		}
	}
	return len(p), nil
}

func (d *digests) want(a Algorithm) {
	d.sumOf = a
	if a != CRC64NVME && a != "" {
		d.sum = a.new()
	}
}

// value is the base64 checksum of the wanted algorithm.
func (d *digests) value() string {
	if d.sum == nil {
		return crcString(d.crc)
	}
	return base64.StdEncoding.EncodeToString(d.sum.Sum(nil))
}

func crcString(crc uint64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc))
}

func md5Hex(data []byte) string {
	sum := md5.Sum(data)
	return hex.EncodeToString(sum[:])
}
