package s3sim

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// content is where an object's bytes come from.
type content interface {
	// writeRange writes n bytes from off on; the range lies within the content.
	writeRange(w io.Writer, off, n int64) error
}

// kept is content in memory: one slice for a Put, one for each part otherwise.
type kept [][]byte

func (k kept) writeRange(w io.Writer, off, n int64) error {
	for _, piece := range k {
		if n == 0 {
			return nil
		}
		size := int64(len(piece))
		if off >= size {
			off -= size
			continue
		}
		piece = piece[off:min(size, off+n)]
		off = 0
		n -= int64(len(piece))
		if _, err := w.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// discarded is content that was checksummed and dropped.
type discarded struct{}

var errDiscarded = errors.New("content was discarded")

func (discarded) writeRange(io.Writer, int64, int64) error { return errDiscarded }

// object is one stored object. It never changes: a new version is a new object.
type object struct {
	size     int64
	content  content
	etag     string // with quotes
	modified time.Time
	headers  http.Header // what GET gives back: content headers and user metadata
	class    string      // storage class, empty for STANDARD
	sum      Checksum    // zero if none is stored
	crc      uint64      // CRC64NVME of all bytes, valid if synthetic is nil
	parts    int         // parts it was completed from, zero for a Put
}

// crc64 is the CRC64NVME of all bytes, whatever checksum is stored.
func (o *object) crc64() uint64 {
	if s, ok := o.content.(*Synthetic); ok {
		return s.CRC64NVME()
	}
	return o.crc
}

// checksum is the stored checksum; that of synthetic content is made on demand.
func (o *object) checksum() Checksum {
	if s, ok := o.content.(*Synthetic); ok && o.sum.Algorithm == CRC64NVME && o.sum.Value == "" {
		return Checksum{Algorithm: CRC64NVME, Value: crcString(s.CRC64NVME()), Type: FullObject}
	}
	return o.sum
}

// keptHeaders are the request headers that PutObject and CreateMultipartUpload
// store and GetObject returns, besides x-amz-meta-*.
var keptHeaders = [...]string{
	"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires",
}

// An Object is what a test may know about a stored object.
type Object struct {
	Bucket   string      `json:"bucket"`
	Key      string      `json:"key"`
	Size     int64       `json:"size"` // bytes
	ETag     string      `json:"etag"` // without quotes
	CRC      uint64      `json:"crc"`  // CRC64NVME of all bytes, computed by the server
	Checksum Checksum    `json:"checksum"`
	Headers  http.Header `json:"headers,omitempty"` // content headers and x-amz-meta-*
	Class    string      `json:"class,omitempty"`   // storage class, empty for STANDARD
	Parts    int         `json:"parts"`             // zero unless it was a multipart upload
	Modified time.Time   `json:"modified"`

	content content
}

// Bytes are the object's bytes, copied; nil if the Server discards bodies.
func (o Object) Bytes() []byte {
	f := filler{make([]byte, 0, o.Size)}
	if o.content == nil || o.content.writeRange(&f, 0, o.Size) != nil {
		return nil
	}
	return f.p
}

// WriteTo writes the object's bytes to w. It fails if the Server discards bodies.
func (o Object) WriteTo(w io.Writer) (int64, error) {
	if o.content == nil {
		return 0, errDiscarded
	}
	if err := o.content.writeRange(w, 0, o.Size); err != nil {
		return 0, err
	}
	return o.Size, nil
}

func (o *object) view(bucket, key string) Object {
	return Object{
		Bucket: bucket, Key: key, Size: o.size, ETag: bare(o.etag), CRC: o.crc64(), Checksum: o.checksum(),
		Headers: o.headers, Class: o.class, Parts: o.parts, Modified: o.modified, content: o.content,
	}
}

// bare takes the quotes off an ETag.
func bare(etag string) string {
	if len(etag) >= 2 && etag[0] == '"' && etag[len(etag)-1] == '"' {
		return etag[1 : len(etag)-1]
	}
	return etag
}
