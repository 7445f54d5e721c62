package s3sim_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"xfer/internal/s3sim"
)

// outcome is what a client sees of one request.
type outcome struct {
	status int // zero if there was no reply
	body   []byte
	header http.Header
	err    error // of the request or of reading the body
}

func try(t testing.TB, method, url string, body []byte, headers ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return outcome{err: err}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return outcome{status: resp.StatusCode, body: got, header: resp.Header, err: err}
}

func TestFaultsOfReads(t *testing.T) {
	data := randomBytes(t, 300_000)
	flipped := bytes.Clone(data)
	flipped[100_000] ^= 0x10
	for _, tc := range []struct {
		name    string
		fault   s3sim.Fault
		headers []string
		ok      func(outcome) bool
	}{
		{"503", s3sim.Fault{Kind: s3sim.Fail, Status: 503}, nil, func(o outcome) bool {
			return o.status == 503 && bytes.Contains(o.body, []byte("<Code>SlowDown<"))
		}},
		{"429 of a proxy", s3sim.Fault{Kind: s3sim.Fail, Status: 429, NoHeader: true, Header: [2]string{"Retry-After", "7"}}, nil, func(o outcome) bool {
			return o.status == 429 && len(o.body) == 0 && o.header.Get("x-amz-request-id") == "" && o.header.Get("Retry-After") == "7"
		}},
		{"empty 200", s3sim.Fault{Kind: s3sim.Empty200}, nil, func(o outcome) bool { return o.status == 200 && len(o.body) == 0 }},
		{"blank 200", s3sim.Fault{Kind: s3sim.Blank200}, nil, func(o outcome) bool { return o.status == 200 && len(bytes.TrimSpace(o.body)) == 0 }},
		{"html 200", s3sim.Fault{Kind: s3sim.HTML200}, nil, func(o outcome) bool { return o.status == 200 && bytes.Contains(o.body, []byte("<html>")) }},
		{"error 200", s3sim.Fault{Kind: s3sim.Error200, Code: "InternalError"}, nil, func(o outcome) bool {
			return o.status == 200 && bytes.Contains(o.body, []byte("<Error><Code>InternalError<"))
		}},
		{"huge error", s3sim.Fault{Kind: s3sim.HugeError, Bytes: 4 << 20}, nil, func(o outcome) bool { return o.status == 400 && len(o.body) == 4<<20 }},
		{"redirect", s3sim.Fault{Kind: s3sim.Redirect, Location: "http://127.0.0.1:9/"}, nil, func(o outcome) bool {
			return o.status == 301 && o.header.Get("Location") == "http://127.0.0.1:9/"
		}},
		{"cut", s3sim.Fault{Kind: s3sim.CutBody, Bytes: 1000}, nil, func(o outcome) bool {
			return o.status == 200 && errors.Is(o.err, io.ErrUnexpectedEOF) && bytes.Equal(o.body, data[:1000])
		}},
		{"cut at once", s3sim.Fault{Kind: s3sim.CutBody}, nil, func(o outcome) bool {
			return o.status == 200 && errors.Is(o.err, io.ErrUnexpectedEOF) && len(o.body) == 0
		}},
		{"reset", s3sim.Fault{Kind: s3sim.CutBody, Bytes: 250_000, Reset: true}, nil, func(o outcome) bool { return errors.Is(o.err, syscall.ECONNRESET) }},
		{"short", s3sim.Fault{Kind: s3sim.ShortBody, Bytes: 1000}, nil, func(o outcome) bool {
			return o.status == 200 && o.err == nil && o.header.Get("Content-Length") == "" && bytes.Equal(o.body, data[:1000])
		}},
		{"long", s3sim.Fault{Kind: s3sim.LongBody, Bytes: 3}, nil, func(o outcome) bool { return bytes.Equal(o.body, append(bytes.Clone(data), "+++"...)) }},
		{"flip", s3sim.Fault{Kind: s3sim.FlipBit, Bytes: 100_000}, nil, func(o outcome) bool { return bytes.Equal(o.body, flipped) }},
		{"stall", s3sim.Fault{Kind: s3sim.Stall, Bytes: 5, Delay: 50 * time.Millisecond}, nil, func(o outcome) bool { return bytes.Equal(o.body, data) }},
		{"stall first", s3sim.Fault{Kind: s3sim.StallStart, Delay: 50 * time.Millisecond}, nil, func(o outcome) bool { return bytes.Equal(o.body, data) }},
		{"drip", s3sim.Fault{Kind: s3sim.SlowDrip, Bytes: 299_990, Delay: time.Millisecond}, nil, func(o outcome) bool { return bytes.Equal(o.body, data) }},
		{"close after", s3sim.Fault{Kind: s3sim.CloseAfter}, nil, func(o outcome) bool { return o.err == nil && bytes.Equal(o.body, data) }},
		{"drop", s3sim.Fault{Kind: s3sim.DropBefore}, nil, func(o outcome) bool { return o.status == 0 }},
		{"lost", s3sim.Fault{Kind: s3sim.LostReply}, nil, func(o outcome) bool { return o.status == 0 }},
		{"range ignored", s3sim.Fault{Kind: s3sim.IgnoreRange}, []string{"Range", "bytes=5-9"}, func(o outcome) bool { return o.status == 200 && bytes.Equal(o.body, data) }},
		{"range wrong", s3sim.Fault{Kind: s3sim.WrongRange}, []string{"Range", "bytes=5-9"}, func(o outcome) bool {
			return o.status == 206 && bytes.Equal(o.body, data[6:11]) && o.header.Get("Content-Range") == "bytes 6-10/300000"
		}},
		{"condition ignored", s3sim.Fault{Kind: s3sim.IgnoreIfMatch}, []string{"If-Match", "x"}, func(o outcome) bool { return o.status == 200 }},
		{"no etag", s3sim.Fault{Kind: s3sim.NoETag}, nil, func(o outcome) bool { return o.header.Get("ETag") == "" }},
		{"no checksums", s3sim.Fault{Kind: s3sim.HideChecksums}, []string{"x-amz-checksum-mode", "ENABLED"}, func(o outcome) bool {
			return o.status == 200 && o.header.Get("x-amz-checksum-crc64nvme") == ""
		}},
		{"wrong checksum", s3sim.Fault{Kind: s3sim.WrongChecksumEcho}, []string{"x-amz-checksum-mode", "ENABLED"}, func(o outcome) bool {
			return o.status == 200 && o.header.Get("x-amz-checksum-crc64nvme") != base64CRC(data)
		}},
		{"changed", s3sim.Fault{Kind: s3sim.ChangeObject}, nil, func(o outcome) bool { return len(o.body) == len(data) && !bytes.Equal(o.body, data) }},
		{"removed", s3sim.Fault{Kind: s3sim.RemoveObject}, nil, func(o outcome) bool { return o.status == 404 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := start(t, s3sim.CheapConfig())
			s.PutObject("b", "k", data)
			tc.fault.Key = "k*"
			armed := s.Inject(tc.fault)
			if left := s.UnfiredFaults(); len(left) != 1 {
				t.Fatalf("unfired: %v", left)
			}
			got := try(t, "GET", s.URL()+"/b/k", nil, tc.headers...)
			if !tc.ok(got) {
				t.Errorf("status %d, %d bytes, header %v, error %v", got.status, len(got.body), got.header, got.err)
			}
			if armed.Fired() != 1 || len(s.UnfiredFaults()) != 0 {
				t.Errorf("fired %d times", armed.Fired())
			}
			if tc.fault.Kind == s3sim.ChangeObject || tc.fault.Kind == s3sim.RemoveObject {
				return
			}
			if again := try(t, "GET", s.URL()+"/b/k", nil); again.status != 200 || !bytes.Equal(again.body, data) {
				t.Errorf("the request after it: status %d, %d bytes, error %v", again.status, len(again.body), again.err)
			}
		})
	}
}

func TestFaultThatCannotActIsUnfired(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	s.PutObject("b", "k", []byte("short"))
	armed := s.Inject(s3sim.Fault{Kind: s3sim.FlipBit, Bytes: 1000})
	if got := try(t, "GET", s.URL()+"/b/k", nil); string(got.body) != "short" {
		t.Errorf("got %q", got.body)
	}
	if armed.Fired() != 0 || len(s.UnfiredFaults()) != 1 {
		t.Error("a fault that did nothing counts as fired")
	}
}

func TestAfterAndTimes(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	s.PutObject("b", "k", []byte("x"))
	twice := s.Inject(s3sim.Fault{Kind: s3sim.Fail, Op: s3sim.GetObject, After: 1, Times: 2})
	always := s.Inject(s3sim.Fault{Kind: s3sim.Fail, Status: 408, After: 4, Times: -1})
	want := []int{200, 500, 500, 200, 408, 408, 408}
	for i, status := range want {
		if got := try(t, "GET", s.URL()+"/b/k", nil).status; got != status {
			t.Errorf("request %d: %d, want %d", i, got, status)
		}
	}
	if twice.Fired() != 2 || always.Fired() != 3 {
		t.Errorf("fired %d and %d times", twice.Fired(), always.Fired())
	}
	always.Remove()
	if got := try(t, "GET", s.URL()+"/b/k", nil).status; got != 200 {
		t.Errorf("after Remove: %d", got)
	}
}

func TestEveryFifth(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	s.PutObject("b", "k", []byte("x"))
	armed := s.Inject(s3sim.Fault{Kind: s3sim.Fail, Status: 503, After: 2, Every: 5, Times: -1})
	for i := 1; i <= 22; i++ {
		want := 200
		if i > 2 && (i-2)%5 == 0 {
			want = 503
		}
		if got := try(t, "GET", s.URL()+"/b/k", nil).status; got != want {
			t.Errorf("request %d: %d, want %d", i, got, want)
		}
	}
	if armed.Fired() != 4 {
		t.Errorf("fired %d times", armed.Fired())
	}
}

func TestLostReplyOfAWriteActsAndDropBeforeDoesNot(t *testing.T) {
	for kind, stored := range map[s3sim.Kind]bool{s3sim.LostReply: true, s3sim.DropBefore: false} {
		s := start(t, s3sim.CheapConfig())
		armed := s.Inject(s3sim.Fault{Kind: kind, Op: s3sim.PutObject})
		if got := try(t, "PUT", s.URL()+"/b/k", []byte("x")); got.err == nil {
			t.Errorf("%s: reply %d", kind, got.status)
		}
		if _, ok := s.Object("b", "k"); ok != stored || armed.Fired() != 1 {
			t.Errorf("%s: stored %v, fired %d", kind, ok, armed.Fired())
		}
	}
}

func TestCompleteAnsweredWithNothingCommittedOrNot(t *testing.T) {
	for _, act := range []bool{false, true} {
		s := start(t, s3sim.Config{})
		u := begin(t, client(s, testKey), nil)
		u.part(t, 1, []byte("x"), "")
		armed := s.Inject(s3sim.Fault{Kind: s3sim.Empty200, Op: s3sim.CompleteMultipartUpload, Act: act})
		_, _ = u.complete(nil) // what the SDK makes of it is not our question
		if _, ok := s.Object("b", "k"); ok != act || armed.Fired() != 1 {
			t.Errorf("act %v: stored %v, fired %d", act, ok, armed.Fired())
		}
	}
}

func TestCompleteRepliesWithoutETagOrWithOtherChecksum(t *testing.T) {
	s := start(t, s3sim.Config{})
	u := begin(t, client(s, testKey), nil)
	u.part(t, 1, []byte("x"), "")
	s.Inject(s3sim.Fault{Kind: s3sim.NoETag, Op: s3sim.CompleteMultipartUpload})
	s.Inject(s3sim.Fault{Kind: s3sim.WrongChecksumEcho, Op: s3sim.CompleteMultipartUpload})
	out, err := u.complete(nil)
	if err != nil || out.ETag != nil || aws.ToString(out.ChecksumCRC64NVME) == base64CRC([]byte("x")) {
		t.Errorf("%+v, %v", out, err)
	}
	if again, err := u.complete(nil); err != nil || again.ETag == nil {
		t.Errorf("again: %+v, %v", again, err)
	}
	if left := s.UnfiredFaults(); len(left) != 0 {
		t.Errorf("unfired %v", left)
	}
}

func TestUploadAbortedAsByLifecycle(t *testing.T) {
	s := start(t, s3sim.Config{})
	c := client(s, testKey)
	u := begin(t, c, nil)
	armed := s.Inject(s3sim.Fault{Kind: s3sim.AbortUpload, Op: s3sim.UploadPart, Part: 2})
	u.part(t, 1, []byte("x"), "")
	_, err := c.UploadPart(context.Background(), &s3.UploadPartInput{
		Bucket: aws.String("b"), Key: aws.String("k"), UploadId: u.id, PartNumber: aws.Int32(2), Body: strings.NewReader("x"),
	})
	wantCode(t, err, "NoSuchUpload")
	if armed.Fired() != 1 {
		t.Errorf("fired %d times", armed.Fired())
	}
}

func TestSyntheticObjectChangesMidway(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	s.PutSynthetic("b", "k", 1000, 1)
	armed := s.Inject(s3sim.Fault{Kind: s3sim.ChangeObject, Op: s3sim.GetObject, After: 1})
	first := try(t, "GET", s.URL()+"/b/k", nil, "Range", "bytes=0-99")
	second := try(t, "GET", s.URL()+"/b/k", nil, "Range", "bytes=100-199", "If-Match", first.header.Get("ETag"))
	if first.status != 206 || second.status != 412 || armed.Fired() != 1 {
		t.Errorf("%d then %d, fired %d", first.status, second.status, armed.Fired())
	}
}

func TestKeyThatExpiresAfterARequest(t *testing.T) {
	s := start(t, s3sim.Config{})
	armed := s.Inject(s3sim.Fault{Kind: s3sim.ExpireKey, After: 1})
	for _, code := range []string{"", "", "ExpiredToken"} {
		if err := list(s, testKey); code == "" && err != nil {
			t.Error(err)
		} else if code != "" {
			wantCode(t, err, code)
		}
	}
	if armed.Fired() != 1 {
		t.Errorf("fired %d times", armed.Fired())
	}
}

func TestStalledReadOfARequestBody(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	armed := s.Inject(s3sim.Fault{Kind: s3sim.StallRead, Op: s3sim.PutObject, Bytes: 10, Delay: 50 * time.Millisecond})
	data := randomBytes(t, 1<<20)
	if got := try(t, "PUT", s.URL()+"/b/k", data); got.status != 200 {
		t.Errorf("got %d, %v", got.status, got.err)
	}
	if o, _ := s.Object("b", "k"); !bytes.Equal(o.Bytes(), data) || armed.Fired() != 1 {
		t.Errorf("fired %d times", armed.Fired())
	}
}

func TestListingFaults(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	s.PutSyntheticMany("b", "", 10, 1, 1)
	c := client(s, testKey)
	page := func(token *string) *s3.ListObjectsV2Output {
		t.Helper()
		out, err := c.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: aws.String("b"), MaxKeys: aws.Int32(3), ContinuationToken: token})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	s.Inject(s3sim.Fault{Kind: s3sim.ListUnordered})
	if out := page(nil); *out.Contents[0].Key < *out.Contents[1].Key {
		t.Error("in order")
	}
	s.Inject(s3sim.Fault{Kind: s3sim.ListDuplicate})
	if out := page(nil); len(out.Contents) != 4 {
		t.Errorf("%d keys", len(out.Contents))
	}
	s.Inject(s3sim.Fault{Kind: s3sim.ListNoToken})
	if out := page(nil); !aws.ToBool(out.IsTruncated) || out.NextContinuationToken != nil {
		t.Errorf("%+v", out)
	}
	token := page(nil).NextContinuationToken
	s.Inject(s3sim.Fault{Kind: s3sim.ListRepeatToken})
	if out := page(token); aws.ToString(out.NextContinuationToken) != aws.ToString(token) {
		t.Errorf("%+v", out)
	}
	s.Inject(s3sim.Fault{Kind: s3sim.CutBody, Bytes: 300})
	if _, err := c.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: aws.String("b")}); err == nil {
		t.Error("a page cut in the middle was taken")
	}
	if left := s.UnfiredFaults(); len(left) != 0 {
		t.Errorf("unfired %v", left)
	}
}

func TestDeniedOperations(t *testing.T) {
	s := start(t, s3sim.Config{})
	c := client(s, testKey)
	u := begin(t, c, nil)
	s.Deny(s3sim.ListParts, s3sim.AbortMultipartUpload, s3sim.ListMultipartUploads)
	_, err := c.ListParts(context.Background(), &s3.ListPartsInput{Bucket: aws.String("b"), Key: aws.String("k"), UploadId: u.id})
	wantCode(t, err, "AccessDenied")
	_, err = c.AbortMultipartUpload(context.Background(), &s3.AbortMultipartUploadInput{Bucket: aws.String("b"), Key: aws.String("k"), UploadId: u.id})
	wantCode(t, err, "AccessDenied")
	_, err = c.ListMultipartUploads(context.Background(), &s3.ListMultipartUploadsInput{Bucket: aws.String("b")})
	wantCode(t, err, "AccessDenied")
}

// A stall without end must end with the server, or tests would leak goroutines.
func TestCloseEndsStalls(t *testing.T) {
	s := start(t, s3sim.CheapConfig())
	s.PutObject("b", "k", []byte("hello"))
	stalls := []*s3sim.Armed{
		s.Inject(s3sim.Fault{Kind: s3sim.Stall, Op: s3sim.GetObject, Bytes: 2}),
		s.Inject(s3sim.Fault{Kind: s3sim.StallRead, Op: s3sim.PutObject}),
	}
	done := make(chan outcome, 2)
	go func() { done <- try(t, "GET", s.URL()+"/b/k", nil) }()
	go func() { done <- try(t, "PUT", s.URL()+"/b/k", []byte("x")) }()
	deadline := time.NewTimer(5 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for stalls[0].Fired()+stalls[1].Fired() < 2 {
		select {
		case <-deadline.C:
			t.Fatal("the stalls did not begin")
		case <-tick.C:
		}
	}
	s.Close()
	for range stalls {
		if got := <-done; got.err == nil {
			t.Errorf("reply %d %q", got.status, got.body)
		}
	}
}
