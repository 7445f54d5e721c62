package s3sim_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/crc64nvme"

	"xfer/internal/s3sim"
)

// frame writes data as aws-chunked with one trailer.
func frame(data []byte, chunk int, trailer string) []byte {
	var b bytes.Buffer
	for len(data) > 0 {
		n := min(chunk, len(data))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, data[:n])
		data = data[n:]
	}
	fmt.Fprintf(&b, "0\r\n%s\r\n", trailer)
	return b.Bytes()
}

func base64CRC(data []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc64nvme.Checksum(data)))
}

func TestChunkedBodies(t *testing.T) {
	data := randomBytes(t, 100_000)
	good := "x-amz-checksum-crc64nvme:" + base64CRC(data) + "\r\n"
	bad := "x-amz-checksum-crc64nvme:" + base64CRC(data[1:]) + "\r\n"
	for _, tc := range []struct {
		name   string
		body   []byte
		length int
		status int
		code   string
	}{
		{"one chunk", frame(data, len(data), good), len(data), 200, ""},
		{"many chunks", frame(data, 8192, good), len(data), 200, ""},
		{"wrong checksum", frame(data, len(data), bad), len(data), 400, "BadDigest"},
		{"no trailer", frame(data, len(data), ""), len(data), 400, "MalformedTrailerError"},
		{"short chunks", frame(data, 4096, good), len(data), 403, "InvalidChunkSizeError"},
		{"length too small", frame(data, len(data), good), len(data) - 1, 400, "IncompleteBody"},
		{"length too large", frame(data, len(data), good), len(data) + 1, 400, "IncompleteBody"},
		{"data behind the end", append(frame(data, len(data), good), 'x'), len(data), 400, "InvalidRequest"},
		{"no closing chunk", frame(data, len(data), good)[:100_050], len(data), 400, "IncompleteBody"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, s3sim.CheapConfig())
			resp := plain(t, "PUT", s.URL()+"/b/k", tc.body,
				"x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-trailer", "x-amz-checksum-crc64nvme",
				"x-amz-decoded-content-length", fmt.Sprint(tc.length), "Content-Encoding", "aws-chunked")
			text := string(read(t, resp.Body))
			if resp.StatusCode != tc.status || !strings.Contains(text, tc.code) {
				t.Fatalf("got %d %s, want %d %s", resp.StatusCode, text, tc.status, tc.code)
			}
			o, stored := s.Object("b", "k")
			if stored != (tc.status == 200) {
				t.Fatalf("stored is %v", stored)
			}
			if stored && (!bytes.Equal(o.Bytes(), data) || resp.Header.Get("x-amz-checksum-crc64nvme") != base64CRC(data)) {
				t.Error("bytes or echoed checksum differ")
			}
		})
	}
}

// The example of the S3 API reference, "Signature calculations for the
// Authorization header: transferring payload in multiple chunks".
func TestChunkSignaturesOfTheReferenceExample(t *testing.T) {
	const secret, seed = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
	body := "10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" + strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" + strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
	decode := func(body string) ([]byte, error) {
		data, _, err := s3sim.ReadChunked(strings.NewReader(body), false, secret, "20130524", "us-east-1", "20130524T000000Z", seed)
		return data, err
	}
	data, err := decode(body)
	if err != nil || len(data) != 66560 {
		t.Errorf("got %d bytes, %v", len(data), err)
	}
	if _, err := decode(strings.Replace(body, "aaa", "aba", 1)); err == nil {
		t.Error("a changed byte went through")
	}
	if _, err := decode(strings.Replace(body, "b6c6", "b6c7", 1)); err == nil {
		t.Error("a changed signature of the closing chunk went through")
	}
}

func FuzzChunkedReader(f *testing.F) {
	f.Add(frame([]byte("hello"), 5, "x-amz-checksum-crc32:AAAAAA==\r\n"), true)
	f.Add(frame(bytes.Repeat([]byte("x"), 20000), 10000, ""), false)
	f.Add([]byte("ffffffffffffffff\r\n"), false)
	f.Add([]byte("5;chunk-signature=00\r\nhello\r\n0\r\n\r\n"), true)
	f.Fuzz(func(t *testing.T, body []byte, trailing bool) {
		data, _, err := s3sim.ReadChunked(bytes.NewReader(body), trailing, "", "", "", "", "")
		if len(data) > len(body) {
			t.Errorf("%d bytes came out of %d", len(data), len(body))
		}
		if err == nil && !bytes.HasSuffix(body, []byte("\r\n\r\n")) {
			t.Errorf("accepted a body without its end: %q", body)
		}
	})
}

func TestEveryChecksumAlgorithmIsVerifiedAndKept(t *testing.T) {
	s := start(t, s3sim.Config{})
	c := client(s, testKey)
	data := randomBytes(t, 10_000)
	for _, a := range types.ChecksumAlgorithmCrc32.Values()[:5] {
		_, err := c.PutObject(context.Background(), &s3.PutObjectInput{
			Bucket: aws.String("b"), Key: aws.String(string(a)), Body: bytes.NewReader(data), ChecksumAlgorithm: a,
		})
		if err != nil {
			t.Errorf("%s: %v", a, err)
			continue
		}
		if o, _ := s.Object("b", string(a)); string(o.Checksum.Algorithm) != string(a) {
			t.Errorf("%s: stored %+v", a, o.Checksum)
		}
	}
}

func TestDeclarationsOfABodyAreVerified(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	for _, tc := range []struct {
		name, header, value, code string
		status                    int
	}{
		{"wrong crc32", "x-amz-checksum-crc32", "AAAAAA==", "BadDigest", 400},
		{"malformed crc32", "x-amz-checksum-crc32", "AAAA", "InvalidRequest", 400},
		{"wrong md5", "Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==", "BadDigest", 400},
		{"malformed md5", "Content-MD5", "x", "InvalidDigest", 400},
		{"unknown framing", "x-amz-content-sha256", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "NotImplemented", 501},
		{"condition", "If-None-Match", `"x"`, "NotImplemented", 501},
	} {
		resp := plain(t, "PUT", s.URL()+"/b/k", []byte("hello"), tc.header, tc.value)
		if text := string(read(t, resp.Body)); resp.StatusCode != tc.status || !strings.Contains(text, "<Code>"+tc.code+"<") {
			t.Errorf("%s: %d %s", tc.name, resp.StatusCode, text)
		}
	}
	if keys := s.Keys("b"); len(keys) != 0 {
		t.Errorf("refused bodies were stored: %v", keys)
	}
}

func TestConditionalWrites(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	url := s.URL() + "/b/k"
	for _, step := range []struct {
		header, value string
		want          int
	}{
		{"If-Match", `"x"`, 404}, {"If-None-Match", "*", 200}, {"If-None-Match", "*", 412}, {"If-Match", `"x"`, 412},
	} {
		if resp := plain(t, "PUT", url, []byte("1"), step.header, step.value); resp.StatusCode != step.want {
			t.Errorf("%s %s: %d, want %d", step.header, step.value, resp.StatusCode, step.want)
		}
	}
	o, _ := s.Object("b", "k")
	if resp := plain(t, "PUT", url, []byte("2"), "If-Match", o.ETag); resp.StatusCode != 200 {
		t.Errorf("matching ETag: %d", resp.StatusCode)
	}
}

func TestBodyWithoutLengthIsRefused(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	req, err := http.NewRequest("PUT", s.URL()+"/b/k", struct{ *strings.Reader }{strings.NewReader("x")})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 411 {
		t.Errorf("got %d", resp.StatusCode)
	}
}
