package s3sim

import (
	"time"
)

// A Config says how strict, how cheap and how odd a Server is. The zero value is
// a strict S3: every request signed, every digest computed, every body kept.
type Config struct {
	// NoAuth accepts every request, signed or not. It checks no signature and no
	// SHA-256 in x-amz-content-sha256; declared checksums it does check.
	NoAuth bool
	// TLS serves https with a certificate made for this Server alone; trust it
	// through Server.CertPool.
	TLS bool
	// Addr is where Start listens; empty means a free port of 127.0.0.1. Anything
	// but a loopback address is refused.
	Addr string

	// Region is where buckets live that were created without one; empty means
	// us-east-1. A request signed for another region than its bucket's is refused.
	Region string
	// MalformedRegion makes that refusal 400 AuthorizationHeaderMalformed instead
	// of 301 PermanentRedirect. Both carry x-amz-bucket-region.
	MalformedRegion bool
	// ExpiredAs is the answer to expired keys; zero means 400 ExpiredToken as S3
	// gives it. MinIO gives 403 InvalidAccessKeyId.
	ExpiredAs Refusal

	// Discard drops bodies once they are checksummed and counted. HEAD and
	// listings work as ever; GET of such an object is 501.
	Discard bool
	// CheapETags derives ETags from CRC64NVME instead of MD5. They are 24 digits
	// long, so that nobody can take them for an MD5.
	CheapETags bool
	// NoChecksums stores a checksum only if the client sent one. Real S3 stores a
	// CRC64NVME of its own in that case, and so does a Server without this switch.
	NoChecksums bool
	// RequirePartChecksums refuses an UploadPart without checksum when the upload
	// declared an algorithm, as MinIO does for unsigned payloads.
	RequirePartChecksums bool
	// MinPartSize is the least size in bytes of every part but the last; zero
	// means 5 MiB as on S3.
	MinPartSize int64
	// ReplayNotFound answers a repeated CompleteMultipartUpload with 404
	// NoSuchUpload as MinIO does, not with 200 and the same result as S3 does.
	ReplayNotFound bool
	// PlainListKeys ignores encoding-type=url and does not echo it, as versitygw
	// and gofakes3 do.
	PlainListKeys bool

	// FirstByte is waited before every reply; Server.SetFirstByte changes it.
	FirstByte time.Duration
	// ConnBytesPerSecond limits each connection in each direction; zero is no limit.
	ConnBytesPerSecond int

	// NoLog keeps counters but no log of accepted bodies.
	NoLog bool
	// RecordRequests keeps every request with its headers for Server.Requests.
	// Headers hold secrets: for tests that look for them where they must not be.
	RecordRequests bool
}

// A Refusal is an S3 error answer.
type Refusal struct {
	Status int    // HTTP status
	Code   string // S3 error code
}

// CheapConfig is a Server that must not be the bottleneck of a benchmark: no
// signatures checked, CRC64NVME the only digest, no log. Bodies are kept unless
// Discard is set on top.
func CheapConfig() Config {
	return Config{NoAuth: true, CheapETags: true, NoLog: true}
}

// AsMinIO is how MinIO answers keys that have expired.
func AsMinIO() Refusal { return Refusal{Status: 403, Code: "InvalidAccessKeyId"} }

func (c Config) withDefaults() Config {
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.MinPartSize == 0 {
		c.MinPartSize = 5 << 20
	}
	if c.ExpiredAs == (Refusal{}) {
		c.ExpiredAs = Refusal{Status: 400, Code: "ExpiredToken"}
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	return c
}
