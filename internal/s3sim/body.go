package s3sim

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
)

// maxBody is S3's limit for one Put or one part.
const maxBody = 5 << 30

var buffers = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// received is a request body that was read to its end and agreed with all that
// was promised about it.
type received struct {
	size int64
	data []byte   // nil if bodies are discarded
	crc  uint64   // CRC64NVME
	etag string   // with quotes
	sum  Checksum // declared by the client, or zero
	want string   // base64 of the algorithm asked for, if one was
}

// readBody reads and verifies the body of a Put or a part. also is an algorithm
// to compute besides what the request declares; empty for none.
func (c *call) readBody(also Algorithm) (received, error) {
	var got received
	size, framed, err := c.bodySize()
	if err != nil {
		return got, err
	}
	sum, sent, err := sentChecksum(c.r.Header)
	if err != nil {
		return got, err
	}
	d := &digests{}
	trailing := c.trailerAlgorithm()
	switch {
	case sent && framed && trailing != "":
		return got, invalidRequest("Expecting a single x-amz-checksum- header or trailer.")
	case sent:
		d.want(sum.Algorithm)
	case trailing != "":
		d.want(trailing)
	default:
		d.want(also)
	}
	sentMD5 := c.r.Header.Get("Content-MD5")
	if sentMD5 != "" || !c.s.cfg.CheapETags {
		d.md5 = md5.New()
	}
	plainHash := !framed && !c.s.cfg.NoAuth && len(c.caller.payload) == 2*sha256.Size
	if plainHash {
		d.sha256 = sha256.New()
	}
	src := io.Reader(&meter{c: c, r: c.r.Body})
	var frames *chunkedReader
	if framed {
		frames = newChunkedReader(src, c.chunkSigner(), strings.HasSuffix(c.caller.payload, "-TRAILER"))
		src = frames
	}
	if got.data, err = c.drink(src, size, d); err != nil {
		return got, err
	}
	got.size, got.crc = size, d.crc
	if plainHash && hex.EncodeToString(d.sha256.Sum(nil)) != c.caller.payload {
		return got, refuse(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	if framed && trailing != "" {
		value := frames.trailer(trailing.header())
		if value == "" {
			return got, refuse(400, "MalformedTrailerError", "The announced trailer %s was not sent.", trailing.header())
		}
		if err := checkSum(trailing, value); err != nil {
			return got, err
		}
		sum, sent = Checksum{Algorithm: trailing, Value: value, Type: FullObject}, true
	}
	return got, c.judge(&got, d, sum, sent, sentMD5)
}

// judge compares the digests with what the client declared.
func (c *call) judge(got *received, d *digests, sum Checksum, sent bool, sentMD5 string) error {
	if sent && sum.Value != d.value() {
		return refuse(400, "BadDigest", "The %s you specified did not match the calculated checksum.", sum.Algorithm)
	}
	if sent {
		got.sum = sum
	}
	if d.sumOf != "" {
		got.want = d.value()
	}
	if sentMD5 != "" {
		raw, err := base64.StdEncoding.DecodeString(sentMD5)
		if err != nil || len(raw) != md5.Size {
			return refuse(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
		}
		if string(raw) != string(d.md5.Sum(nil)) {
			return refuse(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
		}
	}
	if c.s.cfg.CheapETags {
		got.etag = cheapETag(got.crc, got.size)
	} else {
		got.etag = `"` + hex.EncodeToString(d.md5.Sum(nil)) + `"`
	}
	return nil
}

// bodySize is the length of the content itself, and whether it is framed.
func (c *call) bodySize() (size int64, framed bool, err error) {
	if c.r.ContentLength < 0 {
		return 0, false, refuse(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	size = c.r.ContentLength
	if strings.HasPrefix(c.caller.payload, "STREAMING-") {
		switch c.caller.payload {
		case "STREAMING-UNSIGNED-PAYLOAD-TRAILER", streamingSigned, streamingSignedTrailer:
		default:
			return 0, false, notImplemented("the payload " + c.caller.payload)
		}
		size, err = strconv.ParseInt(c.r.Header.Get("x-amz-decoded-content-length"), 10, 64)
		if err != nil || size < 0 {
			return 0, false, refuse(411, "MissingContentLength", "You must provide the x-amz-decoded-content-length header.")
		}
		framed = true
	}
	if size > maxBody {
		return 0, false, refuse(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
	}
	return size, framed, nil
}

func (c *call) trailerAlgorithm() Algorithm {
	name := strings.ToLower(strings.TrimSpace(c.r.Header.Get("x-amz-trailer")))
	a, _ := parseAlgorithm(strings.TrimPrefix(name, "x-amz-checksum-"))
	return a
}

// drink reads exactly size bytes, keeps them unless bodies are discarded, and
// requires that nothing follows.
func (c *call) drink(src io.Reader, size int64, d *digests) ([]byte, error) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	var data []byte
	if !c.s.cfg.Discard {
		data = make([]byte, 0, min(size, 64<<20)) // a lie about the length must not cost memory
	}
	var total int64
	for {
		n, err := src.Read(*buf)
		total += int64(n)
		if total > size {
			return nil, incompleteBody()
		}
		d.Write((*buf)[:n])
		if !c.s.cfg.Discard {
			data = append(data, (*buf)[:n]...)
		}
		switch {
		case errors.Is(err, io.EOF) && total == size:
			return data, nil
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, incompleteBody()
		case err != nil:
			return nil, err
		}
	}
}

func incompleteBody() error {
	return refuse(400, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header.")
}

// readDocument reads a small XML request body.
func (c *call) readDocument() ([]byte, error) {
	const limit = 2 << 20 // 10,000 parts with the longest checksums
	doc, err := io.ReadAll(io.LimitReader(&meter{c: c, r: c.r.Body}, limit+1))
	if err != nil {
		return nil, incompleteBody()
	}
	if len(doc) > limit {
		return nil, refuse(400, "MaxMessageLengthExceeded", "Your request was too big.")
	}
	if sum := c.caller.payload; len(sum) == 2*sha256.Size && !c.s.cfg.NoAuth {
		if got := sha256.Sum256(doc); hex.EncodeToString(got[:]) != sum {
			return nil, refuse(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
		}
	}
	return doc, nil
}

// meter counts what comes in, finished or not, and lets faults stall it.
type meter struct {
	c *call
	r io.Reader
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.c.s.log.received.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the connection broke or the client went away
	}
	return n, err
}
