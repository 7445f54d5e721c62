package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"xfer/engine"
	"xfer/internal/s3sim"
	"xfer/store/s3store"
)

// What an upload says is there is there; every other end is an error of the
// right meaning, and the next try ends well.
func TestPutIsBelievedOnlyWithProof(t *testing.T) {
	for name, row := range map[string]struct {
		fault s3sim.Fault
		want  error
	}{
		"no ETag":       {fault: s3sim.Fault{Kind: s3sim.NoETag}},
		"other echo":    {fault: s3sim.Fault{Kind: s3sim.WrongChecksumEcho}, want: engine.ErrCorrupt},
		"nothing":       {fault: s3sim.Fault{Kind: s3sim.Empty200}},
		"a web page":    {fault: s3sim.Fault{Kind: s3sim.HTML200}},
		"reply lost":    {fault: s3sim.Fault{Kind: s3sim.LostReply}},
		"dropped":       {fault: s3sim.Fault{Kind: s3sim.DropBefore}},
		"slow down":     {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 503, Code: "SlowDown", Early: true}, want: engine.ErrThrottled},
		"too early":     {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 500, Early: true, NoHeader: true}},
		"409":           {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 409, Code: "OperationAborted"}},
		"bad digest":    {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 400, Code: "BadDigest"}, want: engine.ErrCorrupt},
		"quota":         {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 403, Code: "QuotaExceeded"}, want: engine.ErrNoSpace},
		"507":           {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 507, NoHeader: true}, want: engine.ErrNoSpace},
		"too large":     {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 400, Code: "EntityTooLarge"}, want: engine.ErrRefused},
		"404":           {fault: s3sim.Fault{Kind: s3sim.Fail, Status: 404, NoHeader: true}, want: engine.ErrNoStore},
		"stall ahead":   {fault: s3sim.Fault{Kind: s3sim.StallStart}},
		"stops reading": {fault: s3sim.Fault{Kind: s3sim.StallRead, Bytes: 100_000, Delay: 20 * time.Second}},
	} {
		for _, known := range []bool{false, true} {
			t.Run(name+"/known "+strconv.FormatBool(known), func(t *testing.T) {
				t.Parallel()
				sim := start(t, s3sim.Config{})
				s := open(t, sim, impatient(row.fault))
				ctx := context.Background()
				size := 500_000
				if row.fault.Kind == s3sim.StallRead {
					size = 8 << 20 // more than the sockets hold
				}
				data := randomBytes(t, size)
				var expect engine.Checksum
				if known {
					expect = crcOf(data)
				}
				fault := row.fault
				fault.Op = s3sim.PutObject
				sim.Inject(fault)
				body := func() *engine.Body {
					return engine.NewBody(bytes.NewReader(data), int64(len(data)), expect, nil)
				}
				began := time.Now()
				_, err := s.Put(ctx, "s3://b/k", engine.Pin{}, body())
				wantMeaning(t, err, row.want)
				if d := time.Since(began); d > 10*time.Second {
					t.Errorf("took %s", d)
				}
				st, err := s.Put(ctx, "s3://b/k", engine.Pin{}, body())
				if err != nil || st.Checksum != crcOf(data) {
					t.Fatalf("again: %+v, %v", st, err)
				}
				if o, _ := sim.Object("b", "k"); !bytes.Equal(o.Bytes(), data) {
					t.Error("bytes differ")
				}
			})
		}
	}
}

// A source that fails is what the caller hears of, and nothing becomes visible.
func TestPutOfAFailedSourceLeavesNothing(t *testing.T) {
	cause := errors.New("source is gone")
	data := randomBytes(t, 1<<20)
	for name, body := range map[string]*engine.Body{
		"breaks":      engine.NewBody(io.MultiReader(bytes.NewReader(data[:700_000]), iotest.ErrReader(cause)), 1<<20, engine.Checksum{}, nil),
		"short":       engine.NewBody(bytes.NewReader(data[:700_000]), 1<<20, engine.Checksum{}, nil),
		"other bytes": engine.NewBody(bytes.NewReader(data), 1<<20, engine.NewCRC64NVME(1), nil),
		"other empty": engine.NewBody(bytes.NewReader(nil), 0, engine.NewCRC64NVME(1), nil),
		"at once":     engine.NewBody(iotest.ErrReader(cause), 1, engine.Checksum{}, nil),
	} {
		t.Run(name, func(t *testing.T) {
			sim := start(t, s3sim.Config{})
			s := open(t, sim)
			_, err := s.Put(context.Background(), "s3://b/k", engine.Pin{}, body)
			if err == nil || !errors.Is(err, body.Err()) || strings.Contains(err.Error(), "put object") {
				t.Errorf("error %v, the source said %v", err, body.Err())
			}
			if keys := sim.Keys("b"); len(keys) > 0 {
				t.Errorf("visible: %q", keys)
			}
		})
	}
}

func TestPutRefusesWhatNoHeaderCanHold(t *testing.T) {
	s := open(t, start(t, s3sim.Config{}))
	for _, m := range []engine.Metadata{
		{ContentType: "a\r\nX-Amz-Acl: public-read"},
		{User: map[string]string{"a b": "c"}},
		{User: map[string]string{"a": "\x00"}},
	} {
		_, err := s.Put(context.Background(), "s3://b/k", engine.Pin{Metadata: m}, bodyOf([]byte("abc")))
		wantMeaning(t, err, engine.ErrRefused)
	}
	_, err := s.Put(context.Background(), "s3://b", engine.Pin{}, bodyOf([]byte("abc")))
	wantMeaning(t, err, engine.ErrRefused)
}

func TestAStorageClassTheServerHasNotIsLeftOut(t *testing.T) {
	sim := start(t, s3sim.Config{})
	s := open(t, sim)
	sim.Inject(s3sim.Fault{Kind: s3sim.Fail, Op: s3sim.PutObject, Status: 400, Code: "InvalidStorageClass"})
	pin := engine.Pin{Metadata: engine.Metadata{StorageClass: "GLACIER_IR"}}
	_, err := s.Put(context.Background(), "s3://b/k", pin, bodyOf([]byte("abc")))
	wantMeaning(t, err, nil)
	if _, err := s.Put(context.Background(), "s3://b/k", pin, bodyOf([]byte("abc"))); err != nil {
		t.Fatal(err)
	}
	if o, _ := sim.Object("b", "k"); o.Class != "" {
		t.Errorf("class %q", o.Class)
	}
}

// A server that refuses trailers, or takes the frame for bytes, gets plain
// uploads from then on.
func TestServersWithoutChecksumsGetPlainUploads(t *testing.T) {
	for name, row := range map[string]struct {
		first   func(w http.ResponseWriter) bool // answers a framed upload; false stores it as it comes
		meaning error
	}{
		"not implemented": {first: func(w http.ResponseWriter) bool { w.WriteHeader(501); return true }},
		"MinIO's words":   {first: refuse(501, "NotImplemented", "A header you provided implies functionality that is not implemented")},
		"an argument":     {first: refuse(400, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value")},
		"taken for a sum": {first: refuse(400, "XAmzContentSHA256Mismatch", "does not match")},
		"frame stored":    {first: func(http.ResponseWriter) bool { return false }, meaning: engine.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			var stored atomic.Pointer[[]byte]
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, _ := io.ReadAll(r.Body)
				if r.Method == http.MethodHead {
					w.Header().Set("Content-Length", strconv.Itoa(len(*stored.Load())))
				} else {
					if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING") && row.first(w) {
						return
					}
					stored.Store(&got)
				}
				w.Header().Set("ETag", `"opaque"`)
			}))
			defer server.Close()
			s := openAt(t, server.URL)
			_, err := s.Put(context.Background(), "s3://b/k", engine.Pin{}, bodyOf([]byte("abc")))
			wantMeaning(t, err, row.meaning)
			st, err := s.Put(context.Background(), "s3://b/k", engine.Pin{}, bodyOf([]byte("abc")))
			if err != nil || string(*stored.Load()) != "abc" || !st.Checksum.IsZero() {
				t.Errorf("%+v, %v, stored %q", st, err, *stored.Load())
			}
		})
	}
}

func refuse(status int, code, message string) func(http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool {
		w.WriteHeader(status)
		io.WriteString(w, "<Error><Code>"+code+"</Code><Message>"+message+"</Message></Error>")
		return true
	}
}

// openAt makes a Store for any server.
func openAt(t *testing.T, url string) *s3store.Store {
	t.Helper()
	s, err := s3store.Open(context.Background(), s3store.Config{Anonymous: true, Endpoint: url, Stall: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// The same for uploads in parts, where the request can be sent again at once.
func TestServersWithoutChecksumsGetPlainMultiparts(t *testing.T) {
	for _, refusing := range []string{"Begin", "Complete"} {
		seen := ""
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			sums := r.Header.Get("X-Amz-Checksum-Algorithm") != "" || strings.Contains(string(text), "ChecksumCRC64NVME")
			what := map[bool]string{true: "Begin", false: "Complete"}[r.URL.Query().Has("uploads")]
			switch {
			case sums && what == refusing:
				seen += what + " refused, "
				refuse(501, "NotImplemented", "not implemented")(w)
			case what == "Begin":
				seen += "Begin, "
				io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
			default:
				seen += "Complete"
				io.WriteString(w, "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
			}
		}))
		defer server.Close()
		s := openAt(t, server.URL)
		id, err := s.Begin(context.Background(), "s3://b/k", engine.Pin{Size: 3})
		if err != nil {
			t.Fatal(err)
		}
		parts := []engine.Receipt{{Number: 1, Size: 3, ETag: "e", CRC: 7}}
		st, err := s.Complete(context.Background(), engine.Upload{ID: id, Destination: "s3://b/k"}, engine.Pin{Size: 3}, parts, engine.NewCRC64NVME(7))
		want := map[string]string{"Begin": "Begin refused, Begin, Complete", "Complete": "Begin, Complete refused, Complete"}[refusing]
		if err != nil || !st.Checksum.IsZero() || seen != want {
			t.Errorf("%+v, %v; the server saw %s", st, err, seen)
		}
	}
}

// A success that comes before the request has ended is none.
func TestAReplyAheadOfTheBodyIsNotBelieved(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.CopyN(io.Discard, r.Body, 1000)
		w.Header().Set("ETag", `"e"`)
	}))
	defer server.Close()
	_, err := openAt(t, server.URL).Put(context.Background(), "s3://b/k", engine.Pin{}, bodyOf(randomBytes(t, 32<<20)))
	wantMeaning(t, err, nil)
}

// A server that echoes nothing but understands the frame is asked once.
func TestAServerThatEchoesNothingIsAskedOnce(t *testing.T) {
	sim := start(t, s3sim.Config{})
	s := open(t, sim)
	ctx := context.Background()
	sim.Inject(s3sim.Fault{Kind: s3sim.HideChecksums, Op: s3sim.PutObject, Times: 3})
	sim.Inject(s3sim.Fault{Kind: s3sim.HideChecksums, Op: s3sim.UploadPart})
	for range 3 {
		st, err := s.Put(ctx, "s3://b/k", engine.Pin{}, bodyOf([]byte("abc")))
		if err != nil || !st.Checksum.IsZero() {
			t.Fatalf("%+v, %v", st, err)
		}
	}
	if n := sim.Counts()[s3sim.HeadObject]; n != 1 {
		t.Errorf("%d HEADs", n)
	}
	id, err := open(t, sim).Begin(ctx, "s3://b/up", engine.Pin{})
	if err != nil {
		t.Fatal(err)
	}
	u := engine.Upload{ID: id, Destination: "s3://b/up"}
	if _, err := open(t, sim).PutPart(ctx, u, engine.Pin{}, 7, engine.Range{End: 3}, bodyOf([]byte("abc"))); err != nil {
		t.Error(err)
	}
	if n := sim.Counts()[s3sim.ListParts]; n != 1 {
		t.Errorf("%d ListParts", n)
	}
}

// A server that keeps the coding of the transfer gets the object once more.
func TestTheCodingOfTheTransferDoesNotStay(t *testing.T) {
	for _, own := range []string{"", "gzip"} {
		var coding, bytes string
		heads := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"opaque"`)
			if r.Method == http.MethodHead {
				heads++
				w.Header().Set("Content-Length", strconv.Itoa(len(bytes)))
				w.Header().Set("Content-Encoding", coding)
				return
			}
			got, _ := io.ReadAll(r.Body)
			_, rest, _ := strings.Cut(string(got), "\r\n")
			bytes, _, _ = strings.Cut(rest, "\r\n")
			coding = r.Header.Get("Content-Encoding")
		}))
		defer server.Close()
		s := openAt(t, server.URL)
		pin := engine.Pin{Metadata: engine.Metadata{ContentEncoding: own}}
		_, err := s.Put(context.Background(), "s3://b/k", pin, bodyOf([]byte("abc")))
		wantMeaning(t, err, nil)
		for range 2 {
			if _, err := s.Put(context.Background(), "s3://b/k", pin, bodyOf([]byte("abc"))); err != nil || coding != own || bytes != "abc" {
				t.Errorf("%v, coding %q, bytes %q", err, coding, bytes)
			}
		}
		if heads != 1 {
			t.Errorf("%d HEADs", heads)
		}
	}
}

// Nor does it stay with an object that was on its way when another was found to
// have kept it.
func TestTheCodingStaysWithNoneOfManyPutAtOnce(t *testing.T) {
	var mu sync.Mutex
	kept := map[string]string{}
	late, learnt := make(chan struct{}), make(chan struct{}) // b is on its way; a comes again
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		w.Header().Set("ETag", `"opaque"`)
		if r.Method == http.MethodHead {
			w.Header().Set("Content-Length", "3")
			w.Header().Set("Content-Encoding", kept[r.URL.Path])
			return
		}
		w.Header().Set("X-Amz-Checksum-Crc64nvme", crcOf([]byte("abc")).Base64())
		_, again := kept[r.URL.Path]
		kept[r.URL.Path] = r.Header.Get("Content-Encoding")
		mu.Unlock()
		defer mu.Lock()
		switch {
		case r.URL.Path == "/b/a" && again:
			close(learnt)
		case r.URL.Path == "/b/a":
			<-late
		case !again:
			close(late)
			<-learnt
		}
	}))
	defer server.Close()
	s := openAt(t, server.URL)
	var wg sync.WaitGroup
	for _, place := range []string{"s3://b/a", "s3://b/b"} {
		wg.Go(func() {
			put := func() error {
				_, err := s.Put(context.Background(), place, engine.Pin{}, bodyOf([]byte("abc")))
				return err
			}
			if put() == nil {
				t.Errorf("%s was stored with the coding of its transfer", place)
				return
			}
			if err := put(); err != nil {
				t.Errorf("%s: %v", place, err)
			}
		})
	}
	wg.Wait()
	for key, coding := range kept {
		if coding != "" {
			t.Errorf("%s is kept with the coding %q", key, coding)
		}
	}
}

// Nor because the server could not be asked for a moment.
func TestTheCodingDoesNotStayUnseen(t *testing.T) {
	coding, heads := "", 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"opaque"`)
		if r.Method != http.MethodHead {
			w.Header().Set("X-Amz-Checksum-Crc64nvme", crcOf([]byte("abc")).Base64())
			coding = r.Header.Get("Content-Encoding")
			return
		}
		if heads++; heads == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Length", "3")
		w.Header().Set("Content-Encoding", coding)
	}))
	defer server.Close()
	s := openAt(t, server.URL)
	for _, want := range []error{engine.ErrThrottled, nil} {
		_, err := s.Put(context.Background(), "s3://b/k", engine.Pin{}, bodyOf([]byte("abc")))
		wantMeaning(t, err, want)
	}
	if _, err := s.Put(context.Background(), "s3://b/k", engine.Pin{}, bodyOf([]byte("abc"))); err != nil || coding != "" {
		t.Errorf("%v, coding %q", err, coding)
	}
}

// A server that refuses a part without reading it closes a connection that is
// still being written to. Its answer is heard all the same.
func TestARefusalBeforeTheEndOfABodyIsHeard(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			const text = "<Error><Code>NoSuchUpload</Code></Error>"
			_, _ = fmt.Fprintf(c, "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
			c.Close() // with what came unread, so that the other end is reset
		}
	}()
	s := openAt(t, "http://"+l.Addr().String())
	data := randomBytes(t, 8<<20)
	for range 50 {
		_, err := s.PutPart(context.Background(), engine.Upload{ID: "u", Destination: "s3://b/k"}, engine.Pin{}, 1, engine.Range{End: 8 << 20}, bodyOf(data))
		wantMeaning(t, err, engine.ErrUploadGone)
	}
}

// The transport lets go of a body before the call returns, even where the
// server has answered and the source is silent.
func TestPutReturnsOnlyWhenTheBodyIsFree(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n")
		io.Copy(io.Discard, c)
	}()
	s := openAt(t, "http://"+l.Addr().String())
	free := make(chan struct{})
	var inside atomic.Int32
	body := engine.NewBody(readerFunc(func(p []byte) (int, error) {
		inside.Add(1)
		defer inside.Add(-1)
		if inside.Load() > 1 || len(p) > 100_000 {
			<-free
		}
		return len(p), nil
	}), 1<<20, engine.Checksum{}, nil)
	time.AfterFunc(200*time.Millisecond, func() { close(free) })
	_, err = s.Put(context.Background(), "s3://b/k", engine.Pin{}, body)
	if inside.Load() != 0 {
		t.Error("the body is still being read")
	}
	wantMeaning(t, err, engine.ErrThrottled)
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
