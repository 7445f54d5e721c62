package s3store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"xfer/engine"
)

// unframe is a server's side of aws-chunked, written from its description.
func unframe(r io.Reader) (data []byte, trailers textproto.MIMEHeader, err error) {
	br := bufio.NewReader(r)
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return nil, nil, err
		}
		var size int
		if _, err := fmt.Sscanf(line, "%x\r\n", &size); err != nil || !strings.HasSuffix(line, "\r\n") {
			return nil, nil, fmt.Errorf("chunk head %q: %w", line, err)
		}
		if size == 0 {
			break
		}
		chunk := make([]byte, size+2)
		if _, err := io.ReadFull(br, chunk); err != nil {
			return nil, nil, err
		}
		if string(chunk[size:]) != "\r\n" {
			return nil, nil, errors.New("chunk without end")
		}
		data = append(data, chunk[:size]...)
	}
	trailers, err = textproto.NewReader(br).ReadMIMEHeader()
	if err == nil && br.Buffered() > 0 {
		err = errors.New("more after the trailers")
	}
	return data, trailers, err
}

func TestFramingIsUndoneByAServer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 1, 5000).Draw(t, "data")
		step := rapid.IntRange(1, 6000).Draw(t, "step")
		from := io.Reader(bytes.NewReader(data))
		if rapid.Bool().Draw(t, "eof with data") {
			from = iotest.DataErrReader(from)
		}
		body := engine.NewBody(from, int64(len(data)), engine.Checksum{}, nil)
		f := newFramed(body, body.Size(), func() engine.Checksum { return engine.NewCRC64NVME(body.CRC()) })
		var wire bytes.Buffer
		n, err := io.CopyBuffer(&wire, struct{ io.Reader }{f}, make([]byte, step))
		if err != nil || n != f.length {
			t.Fatalf("%d bytes of %d announced: %v", n, f.length, err)
		}
		got, trailers, err := unframe(&wire)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("came out as %d of %d bytes: %v", len(got), len(data), err)
		}
		if sum := trailers.Get(sumHeader); sum != engine.NewCRC64NVME(body.CRC()).Base64() {
			t.Fatalf("trailers %v", trailers)
		}
	})
}

// A body that fails never gets its end, so no request is whole without it.
func TestFramingOfAFailedBodyHasNoEnd(t *testing.T) {
	body := engine.NewBody(strings.NewReader("abc"), 10, engine.Checksum{}, nil)
	f := newFramed(body, 10, func() engine.Checksum { return engine.NewCRC64NVME(body.CRC()) })
	wire, err := io.ReadAll(f)
	if !errors.Is(err, io.ErrUnexpectedEOF) || int64(len(wire)) >= f.length-int64(len(trailer(engine.Checksum{}))) {
		t.Errorf("%q, %v", wire, err)
	}
}
