package s3sim_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/minio/crc64nvme"

	"xfer/internal/s3sim"
)

// plain sends a request without signing it.
func plain(t testing.TB, method, url string, body []byte, headers ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestRanges(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	data := randomBytes(t, 1000)
	s.PutObject("b", "k", data)
	s.PutObject("b", "empty", nil)
	for _, tc := range []struct {
		key, value   string
		status       int
		from, to     int
		contentRange string
	}{
		{"k", "bytes=0-0", 206, 0, 1, "bytes 0-0/1000"},
		{"k", "bytes=10-19", 206, 10, 20, "bytes 10-19/1000"},
		{"k", "bytes=990-", 206, 990, 1000, "bytes 990-999/1000"},
		{"k", "bytes=990-5000", 206, 990, 1000, "bytes 990-999/1000"},
		{"k", "bytes=-3", 206, 997, 1000, "bytes 997-999/1000"},
		{"k", "bytes=-5000", 206, 0, 1000, "bytes 0-999/1000"},
		{"k", "bytes=1000-", 416, 0, 0, "bytes */1000"},
		{"k", "bytes=-0", 416, 0, 0, "bytes */1000"},
		{"empty", "bytes=0-", 416, 0, 0, "bytes */0"},
		{"k", "bytes=5-2", 200, 0, 1000, ""},
		{"k", "bytes=0-1,5-6", 200, 0, 1000, ""},
		{"k", "lines=0-1", 200, 0, 1000, ""},
		{"k", "bytes=+1-2", 200, 0, 1000, ""},
	} {
		t.Run(tc.value+" of "+tc.key, func(t *testing.T) {
			resp := plain(t, "GET", s.URL()+"/b/"+tc.key, nil, "Range", tc.value)
			got := read(t, resp.Body)
			if resp.StatusCode != tc.status || resp.Header.Get("Content-Range") != tc.contentRange {
				t.Errorf("got %d %q", resp.StatusCode, resp.Header.Get("Content-Range"))
			}
			if tc.status < 400 && !bytes.Equal(got, data[tc.from:tc.to]) {
				t.Errorf("got %d bytes, not %d-%d", len(got), tc.from, tc.to)
			}
		})
	}
}

func FuzzParseRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-0", "bytes=-5", "bytes=5-", "bytes=,", "bytes=1-2,3-4", "bytes=9223372036854775807-", "x"} {
		f.Add(seed, int64(100))
	}
	f.Fuzz(func(t *testing.T, value string, size int64) {
		if size < 0 {
			return
		}
		from, to, ok, err := s3sim.ParseRange(value, size)
		if err == nil && ok && (from < 0 || from >= to || to > size) {
			t.Errorf("range %q of %d bytes is %d to %d", value, size, from, to)
		}
	})
}

func TestStoredChecksumComesOnlyWithTheWholeObject(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	s.PutSynthetic("b", "k", 100_000, 7)
	for _, tc := range []struct {
		method  string
		headers []string
		want    bool
	}{
		{"GET", []string{"x-amz-checksum-mode", "ENABLED"}, true},
		{"HEAD", []string{"x-amz-checksum-mode", "ENABLED"}, true},
		{"GET", nil, false},
		{"GET", []string{"x-amz-checksum-mode", "ENABLED", "Range", "bytes=0-99999"}, false},
	} {
		resp := plain(t, tc.method, s.URL()+"/b/k", nil, tc.headers...)
		body := read(t, resp.Body)
		if got := resp.Header.Get("x-amz-checksum-crc64nvme") != ""; got != tc.want {
			t.Errorf("%s %v: checksum sent is %v", tc.method, tc.headers, got)
		}
		o, _ := s.Object("b", "k")
		if tc.method == "GET" && crc64nvme.Checksum(body) != o.CRC {
			t.Error("CRC of the body differs from the object's")
		}
	}
}

func TestConditionsOfReads(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	s.PutObject("b", "k", []byte("x"), s3sim.WithETag("abc"))
	for _, tc := range []struct {
		header, value string
		want          int
	}{
		{"If-Match", `"abc"`, 200}, {"If-Match", "abc", 200}, {"If-Match", "*", 200}, {"If-Match", `"def"`, 412},
		{"If-None-Match", `"abc"`, 304}, {"If-None-Match", `"def"`, 200},
		{"If-Modified-Since", "Mon, 02 Jan 2040 15:04:05 GMT", 304}, {"If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT", 412},
	} {
		if resp := plain(t, "GET", s.URL()+"/b/k", nil, tc.header, tc.value); resp.StatusCode != tc.want {
			t.Errorf("%s: %s gives %d, want %d", tc.header, tc.value, resp.StatusCode, tc.want)
		}
	}
}

func TestHeadErrorsHaveNoBody(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	resp := plain(t, "HEAD", s.URL()+"/b/none", nil)
	if body := read(t, resp.Body); resp.StatusCode != 404 || len(body) != 0 {
		t.Errorf("got %d and %q", resp.StatusCode, body)
	}
}

func TestMissingKeyIsForbiddenWhereListingIs(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	s.Deny(s3sim.ListObjectsV2)
	if got := plain(t, "GET", s.URL()+"/b/none", nil).StatusCode; got != 403 {
		t.Errorf("got %d", got)
	}
	s.Allow(s3sim.ListObjectsV2)
	if got := plain(t, "GET", s.URL()+"/b/none", nil).StatusCode; got != 404 {
		t.Errorf("got %d", got)
	}
}

// oddKeys are what a mux or a cleaned path would change.
var oddKeys = []string{
	"a//b", "../x", "./y", "a/../b", "/abs", "dir/", "dir", "a b", "a+b", "a%2Fb", "ü/ñ", "tab\there", "new\nline", "\x01", "q?x=1", "h#1",
	"..", ".", "&<>\"'", "end.", "_sim/stats",
}

func TestOddKeysAreKeptExactly(t *testing.T) {
	s := start(t, s3sim.Config{})
	c := client(s, testKey)
	ctx := context.Background()
	for _, key := range oddKeys {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String(key), Body: bytes.NewReader([]byte(key))})
		if err != nil {
			t.Errorf("put %q: %v", key, err)
			continue
		}
		out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String(key)})
		if err != nil {
			t.Errorf("get %q: %v", key, err)
			continue
		}
		if got := string(read(t, out.Body)); got != key {
			t.Errorf("key %q holds %q", key, got)
		}
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(oddKeys)), s.Keys("b")); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestRequesterPaysAndPublicBuckets(t *testing.T) {
	s := start(t, s3sim.Config{})
	s.CreateBucket("open", s3sim.Public())
	s.CreateBucket("payer", s3sim.RequesterPays())
	s.PutObject("open", "k", []byte("x"))
	s.PutObject("payer", "k", []byte("x"))
	if got := plain(t, "GET", s.URL()+"/open/k", nil).StatusCode; got != 200 {
		t.Errorf("anonymous read of a public bucket: %d", got)
	}
	if got := plain(t, "PUT", s.URL()+"/open/k", nil).StatusCode; got != 403 {
		t.Errorf("anonymous write of a public bucket: %d", got)
	}
	if got := plain(t, "GET", s.URL()+"/b/k", nil).StatusCode; got != 403 {
		t.Errorf("anonymous read of a private bucket: %d", got)
	}
	c := client(s, testKey)
	_, err := c.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String("payer"), Key: aws.String("k")})
	wantCode(t, err, "AccessDenied")
	out, err := c.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String("payer"), Key: aws.String("k"), RequestPayer: "requester"})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out.Body)
	out.Body.Close()
}

func TestExpectedBucketOwner(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	s.CreateBucket("mine", s3sim.OwnedBy("111122223333"))
	for owner, want := range map[string]int{"111122223333": 200, "444455556666": 403} {
		if got := plain(t, "HEAD", s.URL()+"/mine", nil, "x-amz-expected-bucket-owner", owner).StatusCode; got != want {
			t.Errorf("owner %s: %d", owner, got)
		}
	}
}

func TestUnimplementedResourcesAre501(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	s.PutObject("b", "k", []byte("x"))
	for _, uri := range []string{"/b/k?acl", "/b/k?tagging", "/b?versioning", "/b?policy", "/b/k?partNumber=1"} {
		if got := plain(t, "GET", s.URL()+uri, nil).StatusCode; got != 501 {
			t.Errorf("%s: %d", uri, got)
		}
	}
	if got := plain(t, "GET", fmt.Sprintf("%s/b/%01025d", s.URL(), 0), nil).StatusCode; got != 400 {
		t.Errorf("key of 1025 bytes: %d", got)
	}
}
