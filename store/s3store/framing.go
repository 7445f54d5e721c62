package s3store

import (
	"fmt"
	"io"

	"xfer/engine"
)

// sumHeader is the header and the trailer a CRC64NVME travels in.
const sumHeader = "X-Amz-Checksum-Crc64nvme"

// trailerName is sumHeader as a trailer is written.
const trailerName = "x-amz-checksum-crc64nvme"

// A framed is a body in aws-chunked framing (S3 API reference, "Signature
// calculations for the authorization header: including trailing headers"): all
// its bytes as one chunk, then the empty chunk, then the checksum as trailer.
//
//	SIZE-IN-HEX CRLF bytes CRLF 0 CRLF x-amz-checksum-crc64nvme:BASE64 CRLF CRLF
//
// The sum is asked for once the body has given all of its bytes, so nothing is
// read ahead or twice.
type framed struct {
	body   io.Reader
	sum    func() engine.Checksum
	left   []byte // of the frame, before or after the body
	behind bool   // the body has ended
	length int64
}

// newFramed frames size bytes of body, size > 0, whose CRC64NVME sum gives after
// the last of them.
func newFramed(body io.Reader, size int64, sum func() engine.Checksum) *framed {
	head := fmt.Appendf(nil, "%x\r\n", size)
	tail := len(trailer(engine.NewCRC64NVME(0)))
	return &framed{body: body, sum: sum, left: head, length: int64(len(head)) + size + int64(tail)}
}

func trailer(sum engine.Checksum) []byte {
	return fmt.Appendf(nil, "\r\n0\r\n%s:%s\r\n\r\n", trailerName, sum.Base64())
}

func (f *framed) Read(p []byte) (n int, err error) {
	n = f.frame(p)
	if f.behind {
		if len(f.left) == 0 {
			err = io.EOF
		}
		return n, err
	}
	if n == len(p) {
		return n, nil
	}
	m, err := f.body.Read(p[n:])
	n += m
	if err == io.EOF {
		f.behind, f.left = true, trailer(f.sum())
		n += f.frame(p[n:])
		err = nil
		if len(f.left) == 0 {
			err = io.EOF
		}
	}
	return n, err
}

// frame moves what is left of the frame into p.
func (f *framed) frame(p []byte) int {
	n := copy(p, f.left)
	f.left = f.left[n:]
	return n
}
