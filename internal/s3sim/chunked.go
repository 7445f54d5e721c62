package s3sim

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// The aws-chunked framing of the S3 API reference ("Signature calculations for
// the Authorization header: transferring payload in multiple chunks", and
// "…with trailing headers").
const (
	streamingSigned        = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	streamingSignedTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"

	minChunk     = 8 << 10 // of every chunk but the last, as the reference says
	maxFrameLine = 1 << 10
	maxTrailers  = 16
)

// chunkedReader yields the content of an aws-chunked body. It returns io.EOF
// only when the closing chunk and the trailers have been read and nothing follows.
type chunkedReader struct {
	r        *bufio.Reader
	sign     *chunkSigner // nil if chunks are not signed
	trailing bool         // trailers follow the closing chunk
	left     int64        // bytes left in this chunk
	inChunk  bool
	short    bool // a chunk below minChunk has been seen
	trailers http.Header
	err      error
}

func newChunkedReader(r io.Reader, sign *chunkSigner, trailing bool) *chunkedReader {
	return &chunkedReader{r: bufio.NewReaderSize(r, 4<<10), sign: sign, trailing: trailing, trailers: http.Header{}}
}

// trailer is the value of a trailer, valid after io.EOF.
func (d *chunkedReader) trailer(name string) string { return d.trailers.Get(name) }

func (d *chunkedReader) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.read(p)
	d.err = err
	return n, err
}

func (d *chunkedReader) read(p []byte) (int, error) {
	if !d.inChunk {
		size, err := d.begin()
		if err != nil {
			return 0, err
		}
		if size == 0 {
			return 0, d.finish()
		}
		d.left, d.inChunk = size, true
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := d.r.Read(p[:min(int64(len(p)), d.left)])
	d.left -= int64(n)
	if d.sign != nil {
		d.sign.content.Write(p[:n])
	}
	if err != nil {
		return n, cutShort(err)
	}
	if d.left == 0 {
		d.inChunk = false
		if err := d.crlf(); err != nil {
			return n, err
		}
		if err := d.sign.closeChunk(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// begin reads a chunk's header: its size in hex and, if signed, its signature.
func (d *chunkedReader) begin() (int64, error) {
	line, err := d.line()
	if err != nil {
		return 0, err
	}
	digits, extension, _ := strings.Cut(line, ";")
	size, err := strconv.ParseUint(digits, 16, 63)
	if err != nil {
		return 0, badFraming("the size of a chunk is not a hexadecimal number")
	}
	if size > 0 {
		if d.short {
			return 0, refuse(403, "InvalidChunkSizeError", "Only the last chunk is allowed to have a size less than 8192 bytes.")
		}
		d.short = size < minChunk
	}
	if d.sign != nil {
		value, ok := strings.CutPrefix(extension, "chunk-signature=")
		if !ok {
			return 0, badFraming("a chunk has no signature")
		}
		d.sign.claimed = value
	}
	return int64(size), nil
}

// finish reads what follows the closing chunk and returns io.EOF if all is well.
func (d *chunkedReader) finish() error {
	if err := d.sign.closeChunk(); err != nil {
		return err
	}
	var signed strings.Builder
	for n := 0; ; n++ {
		line, err := d.line()
		if err != nil {
			return err
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !d.trailing || n == maxTrailers {
			return refuse(400, "MalformedTrailerError", "The request contained trailing data that was not well-formed.")
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if d.sign != nil && name == "x-amz-trailer-signature" {
			if err := d.sign.closeTrailer(signed.String(), value); err != nil {
				return err
			}
			continue
		}
		d.trailers.Set(name, value)
		signed.WriteString(name + ":" + value + "\n")
	}
	if d.sign != nil && d.trailing && !d.sign.trailerDone {
		return refuse(400, "MalformedTrailerError", "The signature of the trailers is missing.")
	}
	if _, err := d.r.ReadByte(); !errors.Is(err, io.EOF) {
		return badFraming("data follows the closing chunk")
	}
	return io.EOF
}

// line reads up to CRLF, which it takes off.
func (d *chunkedReader) line() (string, error) {
	raw, err := d.r.ReadSlice('\n')
	if err != nil {
		if errors.Is(err, bufio.ErrBufferFull) {
			return "", badFraming("a line is too long")
		}
		return "", cutShort(err)
	}
	if len(raw) > maxFrameLine || len(raw) < 2 || raw[len(raw)-2] != '\r' {
		return "", badFraming("a line does not end in CRLF or is too long")
	}
	return string(raw[:len(raw)-2]), nil
}

func (d *chunkedReader) crlf() error {
	line, err := d.line()
	if err == nil && line != "" {
		err = badFraming("a chunk is longer than its size")
	}
	return err
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func badFraming(why string) error {
	return refuse(400, "InvalidRequest", "The aws-chunked body is malformed: %s.", why)
}

// chunkSigner checks the chain of chunk signatures, each of which covers the one
// before it. A nil chunkSigner checks nothing.
type chunkSigner struct {
	key         []byte
	time        string
	scope       scope
	previous    string // starts as the signature of the request
	claimed     string // of the chunk being read
	content     hash.Hash
	trailerDone bool
}

// chunkSigner is nil for bodies whose chunks are not signed.
func (c *call) chunkSigner() *chunkSigner {
	signed := c.caller.payload == streamingSigned || c.caller.payload == streamingSignedTrailer
	if !signed || c.caller.signing == nil {
		return nil
	}
	return &chunkSigner{
		key: c.caller.signing, time: c.caller.sig.time, scope: c.caller.sig.scope, previous: c.caller.sig.value,
		content: sha256.New(),
	}
}

func (s *chunkSigner) closeChunk() error {
	if s == nil {
		return nil
	}
	empty := sha256.Sum256(nil)
	err := s.close("-PAYLOAD", hex.EncodeToString(empty[:])+"\n"+hex.EncodeToString(s.content.Sum(nil)), s.claimed)
	s.content.Reset()
	return err
}

func (s *chunkSigner) closeTrailer(lines, claimed string) error {
	digest := sha256.Sum256([]byte(lines))
	s.trailerDone = true
	return s.close("-TRAILER", hex.EncodeToString(digest[:]), claimed)
}

func (s *chunkSigner) close(kind, hashes, claimed string) error {
	toSign := sigAlgorithm + kind + "\n" + s.time + "\n" + s.scope.String() + "\n" + s.previous + "\n" + hashes
	want := hex.EncodeToString(hmacSHA256(s.key, toSign))
	if !hmac.Equal([]byte(want), []byte(claimed)) {
		return refuse(403, "SignatureDoesNotMatch", "The signature of a chunk does not match.")
	}
	s.previous = want
	return nil
}
